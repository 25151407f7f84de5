"""What every request meets first: the state of the process, its own id, known paths, the end of its connection."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable
from enum import Enum
from typing import Final

from pydantic_core import to_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from model_runtime.server import errors, routes
from model_runtime.server.handlers import respond

logger = logging.getLogger("seatrial.server")
REQUEST_ID: Final = b"x-request-id"
OPENED: Final = "opened_at"
"""Of `scope["state"]`: when the request's connection was opened, in seconds of `time.monotonic`."""

_PARTING: Final = 0.9
"""Of its age: from then on a response ends its connection. What is still open at its age has been unused for a
while, and can be closed: no busy client meets a closed door."""

BROKEN: Final = "the server failed; its log has the reason under this request's x-request-id"
_SANE: Final = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
_READINESS: Final = frozenset({"/readyz", "/v2/health/ready"})
_LIVENESS: Final = frozenset({"/livez", "/healthz", "/v2/health/live"})


class Phase(Enum):
    """The states of the process; it goes through them in this order, and never back."""

    LOADING = errors.LOADING
    SERVING = "serving"
    DRAINING = "the process was told to stop; it answers until it leaves"


class Front:
    """The outermost application: there from the first moment, with the model behind it once it is loaded."""

    def __init__(self, *, connection_age: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.phase = Phase.LOADING
        self._age = connection_age * _PARTING
        self._clock = clock
        self._app: ASGIApp | None = None
        self._known: frozenset[str] = frozenset()
        self._model = ""

    def serve(self, app: ASGIApp, *, name: str, version: str = "") -> None:
        """From now on `app` answers, for the model of this name and version."""
        self._app = app
        self._known = routes.known_paths(name, version)
        self._model = f"/v2/models/{name}"
        self.phase = Phase.SERVING

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        named = _id_of(scope)
        state = scope["state"]
        state["request_id"] = named.decode()
        started = False

        async def send_marked(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], (REQUEST_ID, named)]
                if self._is_last(state):
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        try:
            await self._routed(scope, receive, send_marked)
        except Exception:
            logger.exception("request broke the server", extra={"request_id": state["request_id"]})
            if started:
                raise
            await respond(send_marked, 500, to_json({"error": BROKEN}))

    def _is_last(self, state: dict[str, float]) -> bool:
        """The response ends its connection: with the header on it, so that no client meets a closed door."""
        if self.phase is Phase.DRAINING:
            return True
        return bool(self._age) and self._clock() - state.get(OPENED, self._clock()) >= self._age

    async def _routed(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if self.phase is not Phase.SERVING and path in _READINESS:
            await _unavailable(send, self.phase)
        elif self._app is None:
            await (respond(send, 200, b"{}") if path in _LIVENESS else _unavailable(send, self.phase))
        elif path not in self._known:
            await self._unknown(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _unknown(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Unknown paths are counted as one: metrics must not grow with what strangers type."""
        sentence = f"no such path: {scope['path'][:100]!r}"
        if scope["path"].startswith("/v2/models/"):
            sentence = f"no such model or path: {scope['path'][:100]!r}; the model here is {self._model}"
        assert self._app is not None  # noqa: S101 - an unknown path is known as such only once the model is there
        state = scope["state"] | {"unknown": sentence}
        await self._app(
            {**scope, "path": routes.UNKNOWN, "raw_path": b"/unknown", "state": state}, receive, send
        )


def _id_of(scope: Scope) -> bytes:
    """The sender's request id where it is harmless, else a new one."""
    for name, value in scope["headers"]:
        if name == REQUEST_ID and _SANE.fullmatch(value):
            return bytes(value)
    return request_id()


def request_id() -> bytes:
    """A new one."""
    return os.urandom(16).hex().encode()


async def _unavailable(send: Send, phase: Phase) -> None:
    await respond(send, 503, to_json({"error": phase.value}))
