"""One connection of a client: what comes over it is bounded in size and in time, and it ends at its age."""

from __future__ import annotations

import select
import time
from asyncio import TimerHandle
from http import HTTPStatus
from typing import Any, ClassVar, Final

import httptools
from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from model_runtime.server.edge import OPENED, REQUEST_ID, request_id

LARGEST_HEAD: Final = 64 << 10
_OFFERS: Final = frozenset({b"upgrade", b"connection", b"http2-settings"})


class Connection(HttpToolsProtocol):
    """A connection that knows its age, bounds all but bodies, and speaks HTTP/1.1 whatever it is offered."""

    age: ClassVar[float] = 0.0
    """Seconds after which it ends, as soon as it is unused; 0 keeps it for ever."""
    patience: ClassVar[float] = 10.0
    """Seconds that a message may be under way while nobody answers it; up to twice as many pass."""

    _bare_size = 0
    """Bytes since the last of a body, or since what they belong to began; a read counts for what was before it."""
    _bare = False
    """What comes is no body: a head, the length of a chunk, trailers."""
    _under_way = False
    """A message has begun and is not whole."""
    _offered = False
    """The request offers another protocol (Java's client does so in each of its own): it is answered in this one."""
    _timer: TimerHandle | None = None
    _late: object = None
    """The scope of the message that was under way, and not being answered, when it was last looked after."""

    def connection_made(self, transport: Any) -> None:
        """Every request of this connection carries when it was opened."""
        super().connection_made(transport)
        self.app_state = {OPENED: time.monotonic()}
        self._timer = self.loop.call_later(self.age or self.patience, self._look_after)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody looks after it any more."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parsed, as long as it is not too much for what it is."""
        self._unset_keepalive_if_required()
        self._bare_size += len(data)
        while data:
            data = self._fed(data)
        if self._bare_size > LARGEST_HEAD and self._bare:
            self._refuse(431, f"head, chunk lengths and trailers take at most {LARGEST_HEAD} bytes each")

    def _fed(self, data: bytes) -> bytes:
        """What must be parsed once more."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            return self._declined(data[offer.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("what came is no HTTP request")
        return b""

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._under_way = self._bare = True
        self._bare_size = 0

    def on_headers_complete(self) -> None:
        """The head is whole: the request is answered, unless it must be read once more without its offer."""
        self._offered = self.parser.should_upgrade()
        if not self._offered:
            super().on_headers_complete()
            self.headers = []  # trailers go there; the request has its own

    def on_body(self, body: bytes) -> None:
        """A part of the body, which is bounded by whoever reads it."""
        self._bare = False
        super().on_body(body)

    def on_chunk_complete(self) -> None:
        """The length of another chunk begins."""
        self._bare, self._bare_size = True, 0

    def on_message_complete(self) -> None:
        """The request is whole; an offer is not one yet."""
        self._under_way = False
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

    def _look_after(self) -> None:
        """It ends here when it is unused, or when its message has been under way for too long."""
        if self.transport.is_closing():
            return
        answered = self.cycle is None or self.cycle.response_complete
        if answered and self._under_way and self._late is self.scope:
            self._give_up()
        elif answered and not self._under_way and self.age and self._is_silent():
            self.transport.close()
        else:
            self._late = self.scope if answered and self._under_way else None
            self._timer = self.loop.call_later(self.patience, self._look_after)

    def _is_silent(self) -> bool:
        """Nothing has come that was not read yet: on a busy loop a timer may run before the socket is read."""
        waiting = select.poll()
        waiting.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not waiting.poll(0)

    def _give_up(self) -> None:
        """A head that does not arrive is told so; of a body that follows its answer everything has been said."""
        if self.cycle is not None and self.cycle.scope is self.scope:
            self.transport.close()
        else:
            self._refuse(408, f"the head of the request did not arrive within {self.patience:g} s")

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


def of(age: float, patience: float) -> type[Connection]:
    """Connections that end at this age, and wait so long for a head; both in seconds."""
    return type("Connection", (Connection,), {"age": age, "patience": patience})
