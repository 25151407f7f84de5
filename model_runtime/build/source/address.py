"""Addresses of models: their parts, and the form that may be shown to anybody."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def shown(uri: str) -> str:
    """The address without what may be secret: user, password and query (signed addresses)."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        # a password with a slash ends the host too early: what follows may be the rest of it
        return f"{scheme(uri)}://…"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def scheme(uri: str) -> str:
    """What stands before `://`, in lower case."""
    return uri.partition("://")[0].lower() if "://" in uri else ""


def bucket_and_key(uri: str) -> tuple[str, str]:
    """`s3://bucket/a/b` is (`bucket`, `a/b`); names of objects and files may have question marks."""
    rest = uri.partition("://")[2]
    bucket, _, key = rest.partition("/")
    return bucket.rpartition("@")[2], key
