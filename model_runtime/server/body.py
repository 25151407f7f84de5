"""Read the body of a request, within limits of size and time."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from starlette.types import Receive

from model_runtime.server.errors import BodyTimeout, BodyTooLarge, CompressedBody, InvalidInput

Body = TypeVar("Body", bytes, bytearray)


class ClientDisconnected(Exception):
    """The client closed the connection: nobody waits for a response."""


async def read(headers: dict[bytes, bytes], receive: Receive, *, limit: int, timeout: float) -> bytes:  # noqa: ASYNC109
    """Return the whole body.

    `BodyTooLarge`, `BodyTimeout`, `CompressedBody`, or `ClientDisconnected`.
    """
    _require_uncompressed(headers)
    _require_content_length(headers, limit)
    try:
        async with asyncio.timeout(timeout):
            return await _chunks(receive, limit)
    except TimeoutError:
        raise BodyTimeout(f"the body did not arrive within {timeout:g} s") from None


async def _chunks(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return _within_limit(bytes(message.get("body", b"")), limit)
    body = bytearray()
    while message["type"] == "http.request":
        body += message.get("body", b"")
        _within_limit(body, limit)
        if not message.get("more_body"):
            return bytes(body)
        message = await receive()
    raise ClientDisconnected


def _within_limit(body: Body, limit: int) -> Body:
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _require_content_length(headers: dict[bytes, bytes], limit: int) -> None:
    length = headers.get(b"content-length", b"0")
    if not length.isdigit():
        raise InvalidInput("Content-Length", expected="a number", got="something else")
    if len(length) > 18 or int(length) > limit:
        raise _too_large(limit)


def _require_uncompressed(headers: dict[bytes, bytes]) -> None:
    encoding = headers.get(b"content-encoding", b"identity").lower()
    if encoding != b"identity":
        raise CompressedBody("the body is compressed: send it without Content-Encoding")


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes: split it into several requests")
