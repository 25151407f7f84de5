"""The model's routes, mounted in the BentoML service, and the short way to the busiest of them."""

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

from model_runtime.server.errors import Refusal
from model_runtime.server.handlers import Answers, respond

PREDICT: Final = "/predict"
UNKNOWN: Final = "/unknown"
"""The path that stands for all unknown ones, so that metrics have one series for them."""
OWN: Final = ("/livez", "/healthz", "/readyz", "/metrics", "/schema.json", "/docs.json", "/v2", "/v2/")
"""Paths besides the model's own; BentoML answers most of them."""


def infer_path(name: str) -> str:
    """Where V2 inference for this model is."""
    return f"/v2/models/{name}/infer"


def known_paths(name: str, version: str = "") -> frozenset[str]:
    """Every path that exists for this model; V2 lets clients say the version too."""
    model = f"/v2/models/{name}"
    models = (model, f"{model}/versions/{version}") if version else (model,)
    ends = ("", "/ready", "/infer")
    health = ("/v2/health/live", "/v2/health/ready")
    return frozenset({PREDICT, *OWN, *health, *(one + end for one in models for end in ends)})


def application(answers: Answers) -> Starlette:
    """The routes as one mountable application."""
    documents: dict[str, Callable[[], dict[str, Any]]] = {
        "/v2/health/live": lambda: {"live": True},
        "/v2/health/ready": lambda: {"ready": answers.bound is not None},
        "/v2": answers.v2_server,
        "/v2/": answers.v2_server,
        "/v2/models/{name}": answers.v2_model,
        "/v2/models/{name}/ready": answers.v2_model_ready,
        "/v2/models/{name}/versions/{version}": answers.v2_model,
        "/v2/models/{name}/versions/{version}/ready": answers.v2_model_ready,
    }
    routes = [Route(path, Shown(document), methods=["GET"]) for path, document in documents.items()]
    routes.append(Route(PREDICT, Plain(answers.predict), methods=["POST"]))
    routes.append(Route(infer_path("{name}"), Plain(answers.infer), methods=["POST"]))
    routes.append(Route(infer_path("{name}/versions/{version}"), Plain(answers.infer), methods=["POST"]))
    routes.append(Route(UNKNOWN, Plain(answers.unknown)))
    return Starlette(routes=routes, exception_handlers={Refusal: _refused, HTTPException: _http_error})


class Plain:
    """An ASGI handler; Starlette takes a bare function for one that wants its `Request`."""

    def __init__(self, handler: ASGIApp) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._handler(scope, receive, send)


class Shown:
    """Answers with a document as it is now."""

    def __init__(self, document: Callable[[], dict[str, Any]]) -> None:
        self._document = document

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await respond(send, 200, to_json(self._document()))


class ShortWay:
    """Middleware that takes predictions past the routers: two tables of patterns are a tenth of a request's time."""

    def __init__(self, app: ASGIApp, answers: Answers) -> None:
        self._app = app
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        served = self._answers.served
        if served is None or scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
        elif scope["path"] == PREDICT:
            await self._answers.predict(scope, receive, send)
        elif scope["path"] == infer_path(served.protocol.name):
            await self._answers.infer(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)  # noqa: S101 - tells the type checker what the table of handlers says
    return Response(to_json(refusal.document()), refusal.status, media_type="application/json")


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - tells the type checker what the table of handlers says
    return Response(to_json({"error": error.detail}), error.status_code, error.headers, "application/json")
