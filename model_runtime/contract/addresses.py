"""Addresses of models: the form that may be shown to everybody."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit, urlunsplit

_WITHOUT_QUERY: Final = frozenset({"s3", "pvc", "configmap"})
"""Schemes in which everything behind the host is the name of an object or a file, question marks included."""


def redacted(uri: str) -> str:
    """Return the address without its secrets: user, password and, except in names of objects, the query."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        # a password with a slash ends the host too early: what follows may be the rest of the password
        return f"{scheme(uri)}://…"
    if parts.scheme in _WITHOUT_QUERY:
        host, slash, key = uri.partition("://")[2].partition("/")
        printable = "".join(filter(str.isprintable, key))
        return f"{parts.scheme}://{host.rpartition('@')[2]}{slash}{printable}"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def scheme(uri: str) -> str:
    """Return what precedes `://`, in lower case."""
    return uri.partition("://")[0].lower() if "://" in uri else ""
