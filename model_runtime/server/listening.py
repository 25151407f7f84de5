"""The HTTP server beneath: uvicorn on uvloop and httptools, without signals, access log or surprises."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Generator
from http import HTTPStatus
from typing import Any, Final

import httptools
import uvicorn
from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from model_runtime.server.front import OPENED, REQUEST_ID, Front, request_id
from model_runtime.server.settings import Settings

IDLE: Final = 620
"""Seconds an unused connection is kept: longer than clients and proxies keep theirs, so that they end it, not we."""
BACKLOG: Final = 2048
LARGEST_HEAD: Final = 64 << 10
_OFFERS: Final = frozenset({b"upgrade", b"connection", b"http2-settings"})


class Connection(HttpToolsProtocol):
    """A connection that knows its age, bounds the head of a request, and speaks HTTP/1.1 whatever it is offered."""

    _in_head = False
    _head_size = 0
    _offered = False
    """The request offers another protocol (Java's client does so in each of its own): it is answered in this one."""

    def connection_made(self, transport: Any) -> None:
        """Every request of this connection carries when it was opened."""
        super().connection_made(transport)
        self.app_state = {OPENED: time.monotonic()}

    def data_received(self, data: bytes) -> None:
        """Parsed, up to the largest head."""
        self._unset_keepalive_if_required()
        while data:
            data = self._fed(data)
        if self._in_head and self._head_size > LARGEST_HEAD:
            self._refuse(431, f"the head of the request is larger than {LARGEST_HEAD} bytes")

    def _fed(self, data: bytes) -> bytes:
        """What must be parsed once more."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            return self._declined(data[offer.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("what came is no HTTP request")
        self._head_size += len(data)
        return b""

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head, self._head_size = True, 0

    def on_headers_complete(self) -> None:
        """The head is whole: the request is answered, unless it must be read once more without its offer."""
        self._in_head = False
        self._offered = self.parser.should_upgrade()
        if not self._offered:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole; an offer is not one yet."""
        if not self._offered:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """The last words on a connection that nobody understands."""
        self._refuse(400, msg)

    def _declined(self, rest: bytes) -> bytes:
        """The request without its offer, for the parser takes what follows one for another protocol."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse(405, "this server is no proxy")
            return b""
        kept = [(name, value) for name, value in self.headers if name not in _OFFERS]
        if any(name == b"connection" and b"close" in value.lower() for name, value in self.headers):
            kept.append((b"connection", b"close"))
        lines = [b"%s %s HTTP/1.1" % (method, self.url), *(b"%s: %s" % header for header in kept)]
        self.parser = httptools.HttpRequestParser(self)
        return b"\r\n".join(lines) + b"\r\n\r\n" + rest

    def _refuse(self, status: int, sentence: str) -> None:
        content = to_json({"error": sentence})
        headers = [
            *self.server_state.default_headers,
            (REQUEST_ID, request_id()),
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(content)),
            (b"connection", b"close"),
        ]
        lines = [b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode())]
        lines += [b"%s: %s" % header for header in headers]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + content)
        self.transport.close()


class Server(uvicorn.Server):
    """A server that leaves signals to the process: it must drain before it closes its door."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Nothing is captured."""
        yield


def server(front: Front, wanted: Settings) -> Server:
    """The server of this process; not yet listening."""
    return Server(
        uvicorn.Config(
            front,
            loop="none",
            http=Connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            headers=[("x-seatrial-revision", wanted.revision)],
            timeout_keep_alive=IDLE,
            timeout_graceful_shutdown=int(wanted.timeout) + 5,
            backlog=BACKLOG,
        )
    )


def door(wanted: Settings) -> socket.socket:
    """The bound socket; IPv6 where the host is written so."""
    family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((wanted.host, wanted.port))
    return bound
