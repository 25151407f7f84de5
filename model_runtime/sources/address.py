"""Addresses of models: their parts, and the form that may be shown to anybody."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit, urlunsplit

_WITHOUT_QUERY: Final = frozenset({"s3", "pvc", "configmap"})
"""Schemes behind whose host all is the name of an object or a file, whatever letters it has."""


def shown(uri: str) -> str:
    """The address without what may be secret: user, password and, where there is one, query (signed addresses)."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        # a password with a slash ends the host too early: what follows may be the rest of it
        return f"{scheme(uri)}://…"
    if parts.scheme in _WITHOUT_QUERY:
        place, slash, key = uri.partition("://")[2].partition("/")
        printable = "".join(filter(str.isprintable, key))
        return f"{parts.scheme}://{place.rpartition('@')[2]}{slash}{printable}"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def scheme(uri: str) -> str:
    """What stands before `://`, in lower case."""
    return uri.partition("://")[0].lower() if "://" in uri else ""


def bucket_and_key(uri: str) -> tuple[str, str]:
    """`s3://bucket/a/b` is (`bucket`, `a/b`); names of objects and files may have question marks."""
    rest = uri.partition("://")[2]
    bucket, _, key = rest.partition("/")
    return bucket.rpartition("@")[2], key
