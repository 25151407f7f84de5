"""One client connection: what it sends is limited in size and time, and it ends at its age."""

from __future__ import annotations

import select
import time
from asyncio import TimerHandle
from http import HTTPStatus
from typing import Any, ClassVar, Final

import httptools
from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from model_runtime.server.edge import OPENED, REQUEST_ID, new_request_id

LARGEST_HEAD: Final = 64 << 10
_UPGRADE_HEADERS: Final = frozenset({b"upgrade", b"connection", b"http2-settings"})


class Connection(HttpToolsProtocol):
    """A connection that knows its age, limits everything but bodies, and declines all upgrades of the protocol."""

    age: ClassVar[float] = 0.0
    """Seconds after which it ends, as soon as it is idle; 0 keeps it open."""
    message_timeout: ClassVar[float] = 10.0
    """Seconds that a message may take to arrive while no response is in progress; it ends within twice that time."""

    _overhead_size = 0
    """Bytes since the last byte of a body, or since the current message began; a read counts for what precedes it."""
    _in_overhead = False
    """The parser is not in a body, but in a head, the length of a chunk, or trailers."""
    _in_message = False
    """A message has begun and is not complete."""
    _upgrade_offered = False
    """The request offers another protocol, as all requests of Java's client do; the response is HTTP/1.1."""
    _timer: TimerHandle | None = None
    _late_scope: object = None
    """The scope of the message that was incomplete, and had no response, at the last check."""

    def connection_made(self, transport: Any) -> None:
        """Record when the connection was opened, for all its requests."""
        super().connection_made(transport)
        self.app_state = {OPENED: time.monotonic()}
        self._timer = self.loop.call_later(self.age or self.message_timeout, self._check)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop checking the connection."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the data, within the limit of heads, chunk lengths and trailers."""
        self._unset_keepalive_if_required()
        self._overhead_size += len(data)
        while data:
            data = self._parse(data)
        if self._overhead_size > LARGEST_HEAD and self._in_overhead:
            limit = f"the request head, the chunk lengths and the trailers are limited to {LARGEST_HEAD} bytes each"
            self._reject(431, limit)

    def _parse(self, data: bytes) -> bytes:
        """Parse the data; return what must be parsed again."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return self._without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("the request is not valid HTTP")
        return b""

    def on_message_begin(self) -> None:
        """Start to measure a head."""
        super().on_message_begin()
        self._in_message = self._in_overhead = True
        self._overhead_size = 0

    def on_headers_complete(self) -> None:
        """Start the response, unless the request must be parsed again without its upgrade."""
        self._upgrade_offered = self.parser.should_upgrade()
        if not self._upgrade_offered:
            super().on_headers_complete()
            self.headers = []  # the parser adds trailers here; the request has its own headers

    def on_body(self, body: bytes) -> None:
        """Pass on a part of the body, which its reader limits."""
        self._in_overhead = False
        super().on_body(body)

    def on_chunk_complete(self) -> None:
        """Start to measure the length of the next chunk."""
        self._in_overhead, self._overhead_size = True, 0

    def on_message_complete(self) -> None:
        """End the request, unless it must be parsed again."""
        self._in_message = False
        if not self._upgrade_offered:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Reject what is not HTTP, and end the connection."""
        self._reject(400, msg)

    def _without_upgrade(self, rest: bytes) -> bytes:
        """Return the request without its upgrade: the parser takes what follows an upgrade for another protocol."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._reject(405, "CONNECT is not supported: this server is not a proxy")
            return b""
        kept = [(name, value) for name, value in self.headers if name not in _UPGRADE_HEADERS]
        if any(name == b"connection" and b"close" in value.lower() for name, value in self.headers):
            kept.append((b"connection", b"close"))
        lines = [b"%s %s HTTP/1.1" % (method, self.url), *(b"%s: %s" % header for header in kept)]
        self.parser = httptools.HttpRequestParser(self)
        return b"\r\n".join(lines) + b"\r\n\r\n" + rest

    def _check(self) -> None:
        """End the connection when it is idle at its age, or when a message takes too long; else check again later."""
        if self.transport.is_closing():
            return
        responded = self.cycle is None or self.cycle.response_complete
        if responded and self._in_message and self._late_scope is self.scope:
            self._end_late_message()
        elif responded and not self._in_message and self.age and self._is_idle():
            self.transport.close()
        else:
            self._late_scope = self.scope if responded and self._in_message else None
            self._timer = self.loop.call_later(self.message_timeout, self._check)

    def _is_idle(self) -> bool:
        """Return whether no data is unread: on a busy event loop a timer may run before the socket is read."""
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    def _end_late_message(self) -> None:
        """End the connection, with a response when the message has none yet."""
        if self.cycle is not None and self.cycle.scope is self.scope:
            self.transport.close()
        else:
            self._reject(408, f"the request head did not arrive within {self.message_timeout:g} s")

    def _reject(self, status: int, sentence: str) -> None:
        content = to_json({"error": sentence})
        headers = [
            *self.server_state.default_headers,
            (REQUEST_ID, new_request_id()),
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(content)),
            (b"connection", b"close"),
        ]
        lines = [b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode())]
        lines += [b"%s: %s" % header for header in headers]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + content)
        self.transport.close()


def connection_class(age: float, message_timeout: float) -> type[Connection]:
    """Return a class of connections with this age and timeout, both in seconds."""
    return type("Connection", (Connection,), {"age": age, "message_timeout": message_timeout})
