"""The BentoML service that every Bento of the build holds; importing it loads no model.

A Bento's own `service.py` is `from model_runtime.server.bento_service import ModelServer`.
"""

from __future__ import annotations

import os
from typing import Any

import bentoml
from _bentoml_impl.server.app import ServiceAppFactory
from _bentoml_sdk.service.factory import Service
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from model_runtime.server import loading, openapi, routes, settings
from model_runtime.server.handlers import Answers

UNBOUNDED = {"timeout": 86_400}
"""BentoML's own time-out keeps each request's memory until it strikes; ours does not."""


class ModelService(Service):  # type: ignore[misc]
    """BentoML's service with the model's own documents, and without the middleware that nobody here uses."""

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        """The application: metrics, then the model's routes."""
        self.inject_config()
        factory: ASGIApp = LeanFactory(self, is_main=is_main)()
        return factory

    def schema(self) -> dict[str, Any]:
        """The body of `/schema.json`."""
        described: dict[str, Any] = super().schema()
        if answers.served is None:
            return described
        return described | openapi.schema(answers.served.words.signature, name=answers.served.protocol.name)

    @property
    def openapi_spec(self) -> Any:
        """What renders the body of `/docs.json`."""
        if answers.served is None:
            return super().openapi_spec
        return openapi.OpenApi(answers.served.words.signature, answers.served.protocol)


class LeanFactory(ServiceAppFactory):  # type: ignore[misc]
    """BentoML's application with only those of its middlewares that do something for this service."""

    @property
    def middlewares(self) -> list[Middleware]:
        """Metrics and the short way; tracing, access log, time-out and context are left out."""
        kept = ("RunnerTrafficMetricsMiddleware", "ShortWay")
        found: list[Middleware] = super().middlewares
        return [entry for entry in found if getattr(entry.cls, "__name__", "") in kept]


answers = Answers()


@bentoml.service(
    name="model",
    service_class=ModelService,
    workers=1,
    traffic=UNBOUNDED,
    logging={"access": {"enabled": False}},
)
class ModelServer:
    """Answers for one model: `/predict` in its own words, `/v2` in the Open Inference Protocol."""

    def __init__(self) -> None:
        if answers.served is None:
            answers.bind(loading.served(settings.of([], os.environ)))

    def __is_ready__(self) -> bool:
        return answers.served is not None


_service: Any = ModelServer
_service.mount_asgi_app(routes.application(answers))
_service.add_asgi_middleware(routes.ShortWay, answers=answers)
