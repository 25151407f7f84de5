"""The outermost application: the state of the server, request ids, known paths, and when connections end."""

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
"""Key in `scope["state"]`: when the request's connection was opened, in seconds of `time.monotonic`."""

_LAST_RESPONSE: Final = 0.9
"""Part of the age after which a response ends its connection. A connection that is still open at its full age has
been idle for a while and can be closed: no busy client sends a request on a closed connection."""

INTERNAL_ERROR: Final = "the server failed: see its log, under the x-request-id of this response"
_VALID_ID: Final = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
_READINESS: Final = frozenset({"/readyz", "/v2/health/ready"})
_LIVENESS: Final = frozenset({"/livez", "/healthz", "/v2/health/live"})


class ServerState(Enum):
    """The states of the server, in this order; the value is the sentence for clients."""

    LOADING = errors.LOADING
    SERVING = "serving"
    DRAINING = "the server is stopping; it still responds to predictions"


class Edge:
    """Handles every request, also before the model is loaded."""

    def __init__(self, *, connection_age: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.state = ServerState.LOADING
        self._age = connection_age * _LAST_RESPONSE
        self._clock = clock
        self._app: ASGIApp | None = None
        self._known_paths: frozenset[str] = frozenset()
        self._model_path = ""

    def serve(self, app: ASGIApp, *, name: str, version: str = "") -> None:
        """Pass requests to `app` from now on, for the model of this name and version."""
        self._app = app
        self._known_paths = routes.known_paths(name, version)
        self._model_path = f"/v2/models/{name}"
        self.state = ServerState.SERVING

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        identifier = _request_id_of(scope)
        state = scope["state"]
        state["request_id"] = identifier.decode()
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], (REQUEST_ID, identifier)]
                if self._ends_connection(state):
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        try:
            await self._route(scope, receive, send_with_id)
        except Exception:
            logger.exception("the request failed", extra={"request_id": state["request_id"]})
            if started:
                raise
            await respond(send_with_id, 500, to_json({"error": INTERNAL_ERROR}))

    def _ends_connection(self, state: dict[str, float]) -> bool:
        """Return whether the response must announce the end of its connection."""
        if self.state is ServerState.DRAINING:
            return True
        return bool(self._age) and self._clock() - state.get(OPENED, self._clock()) >= self._age

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if self.state is not ServerState.SERVING and path in _READINESS:
            await _respond_unavailable(send, self.state)
        elif self._app is None:
            await (respond(send, 200, b"{}") if path in _LIVENESS else _respond_unavailable(send, self.state))
        elif path not in self._known_paths:
            await self._respond_unknown(self._app, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _respond_unknown(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Count all unknown paths as one, so that requests to random paths do not add metrics."""
        sentence = f"no such path: {scope['path'][:100]!r}"
        if scope["path"].startswith("/v2/models/"):
            sentence = f"no such model or path: {scope['path'][:100]!r}; this server has {self._model_path}"
        state = scope["state"] | {"unknown": sentence}
        await app({**scope, "path": routes.UNKNOWN, "raw_path": b"/unknown", "state": state}, receive, send)


def _request_id_of(scope: Scope) -> bytes:
    """Return the client's request id if it is valid, else a new one."""
    for name, value in scope["headers"]:
        if name == REQUEST_ID and _VALID_ID.fullmatch(value):
            return bytes(value)
    return new_request_id()


def new_request_id() -> bytes:
    """Return a random request id."""
    return os.urandom(16).hex().encode()


async def _respond_unavailable(send: Send, state: ServerState) -> None:
    await respond(send, 503, to_json({"error": state.value}))
