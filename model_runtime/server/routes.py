"""The routes of the model, mounted in the BentoML service, and the fast path to the busiest of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from model_runtime.server.errors import RequestError
from model_runtime.server.handlers import Handlers, respond

PREDICT: Final = "/predict"
UNKNOWN: Final = "/unknown"
"""Stands for all unknown paths, so that metrics have one series for them."""
FIXED_PATHS: Final = (
    "/livez",
    "/healthz",
    "/readyz",
    "/metrics",
    "/schema.json",
    "/docs.json",
    "/v2",
    "/v2/",
)
"""Paths without the name of the model; BentoML handles most of them."""


def infer_path(name: str) -> str:
    """Return the path of V2 inference for a model."""
    return f"/v2/models/{name}/infer"


def known_paths(name: str, version: str = "") -> frozenset[str]:
    """Return every path that exists for this model; in V2, clients may name its version as well."""
    model = f"/v2/models/{name}"
    models = (model, f"{model}/versions/{version}") if version else (model,)
    ends = ("", "/ready", "/infer")
    health = ("/v2/health/live", "/v2/health/ready")
    return frozenset({PREDICT, *FIXED_PATHS, *health, *(path + end for path in models for end in ends)})


def application(handlers: Handlers) -> Starlette:
    """Return the routes as one mountable application."""
    documents: dict[str, Callable[[], dict[str, Any]]] = {
        "/v2/health/live": lambda: {"live": True},
        "/v2/health/ready": lambda: {"ready": handlers.model is not None},
        "/v2": handlers.v2_server,
        "/v2/": handlers.v2_server,
        "/v2/models/{name}": handlers.v2_model,
        "/v2/models/{name}/ready": handlers.v2_model_ready,
        "/v2/models/{name}/versions/{version}": handlers.v2_model,
        "/v2/models/{name}/versions/{version}/ready": handlers.v2_model_ready,
    }
    routes = [Route(path, JsonEndpoint(document), methods=["GET"]) for path, document in documents.items()]
    routes.append(Route(PREDICT, AsgiEndpoint(handlers.predict), methods=["POST"]))
    infer = AsgiEndpoint(handlers.infer)
    routes.append(Route(infer_path("{name}"), infer, methods=["POST"]))
    routes.append(Route(infer_path("{name}/versions/{version}"), infer, methods=["POST"]))
    routes.append(Route(UNKNOWN, AsgiEndpoint(handlers.unknown)))
    return Starlette(
        routes=routes, exception_handlers={RequestError: _request_error, HTTPException: _http_error}
    )


class AsgiEndpoint:
    """An ASGI handler; Starlette would pass its `Request` to a bare function."""

    def __init__(self, handler: ASGIApp) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._handler(scope, receive, send)


class JsonEndpoint:
    """Responds with the current content of a document."""

    def __init__(self, document: Callable[[], dict[str, Any]]) -> None:
        self._document = document

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await respond(send, 200, to_json(self._document()))


class FastPath:
    """Middleware that passes predictions by the routers, whose tables of patterns take a tenth of a request's time."""

    def __init__(self, app: ASGIApp, handlers: Handlers) -> None:
        self._app = app
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        served = self._handlers.served
        if served is None or scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
        elif scope["path"] == PREDICT:
            await self._handlers.predict(scope, receive, send)
        elif scope["path"] == infer_path(served.v2_protocol.name):
            await self._handlers.infer(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def _request_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101 - the table of handlers guarantees it
    return Response(to_json(error.body()), error.status, media_type="application/json")


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - the table of handlers guarantees it
    return Response(to_json({"error": error.detail}), error.status_code, error.headers, "application/json")
