"""The body of a request: read within a size and a time."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from starlette.types import Receive

from model_runtime.server.errors import EncodingRefused, InputRefused, SentTooSlowly, TooLarge

Body = TypeVar("Body", bytes, bytearray)


class Left(Exception):
    """The client is gone: there is nobody to answer."""


async def read(headers: dict[bytes, bytes], receive: Receive, *, limit: int, timeout: float) -> bytes:  # noqa: ASYNC109
    """The whole body; `TooLarge`, `SentTooSlowly`, `EncodingRefused`, or `Left` when the client went away."""
    _require_plain(headers)
    _require_small(headers, limit)
    try:
        async with asyncio.timeout(timeout):
            return await _chunks(receive, limit)
    except TimeoutError:
        raise SentTooSlowly(f"the body did not arrive within {timeout:g} s") from None


async def _chunks(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return _within(bytes(message.get("body", b"")), limit)
    body = bytearray()
    while message["type"] == "http.request":
        body += message.get("body", b"")
        _within(body, limit)
        if not message.get("more_body"):
            return bytes(body)
        message = await receive()
    raise Left


def _within(body: Body, limit: int) -> Body:
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _require_small(headers: dict[bytes, bytes], limit: int) -> None:
    length = headers.get(b"content-length", b"0")
    if not length.isdigit():
        raise InputRefused("Content-Length", expected="a number", came="something else")
    if len(length) > 18 or int(length) > limit:
        raise _too_large(limit)


def _require_plain(headers: dict[bytes, bytes]) -> None:
    encoding = headers.get(b"content-encoding", b"identity").lower()
    if encoding != b"identity":
        raise EncodingRefused("the body is compressed; send it as it is, without Content-Encoding")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes; split it into several requests")
