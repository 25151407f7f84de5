"""Addresses of models: their parts, and the form that may be shown to everybody."""

from __future__ import annotations

from model_runtime.contract.addresses import redacted, scheme

__all__ = ["bucket_and_key", "redacted", "scheme"]


def bucket_and_key(uri: str) -> tuple[str, str]:
    """Return (`bucket`, `a/b`) for `s3://bucket/a/b`; a question mark is part of the key."""
    rest = uri.partition("://")[2]
    bucket, _, key = rest.partition("/")
    return bucket.rpartition("@")[2], key
