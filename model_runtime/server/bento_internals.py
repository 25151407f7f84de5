"""Everything that this program uses of BentoML beyond its public API; pyproject.toml pins the version.

Each function and class states what it relies on. `tests/unit/runtime/server/test_bento_internals.py` has one test for
each of these assumptions, so that an upgrade of BentoML fails there, with its name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import prometheus_client
from _bentoml_impl.loader import load
from _bentoml_impl.server.app import ServiceAppFactory
from _bentoml_sdk.service.factory import Service
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.context import server_context
from bentoml._internal.server.metrics.prometheus import PrometheusClient
from starlette.middleware import Middleware
from starlette.types import ASGIApp

METRICS_MIDDLEWARE = "RunnerTrafficMetricsMiddleware"


class LeanService(Service):  # type: ignore[misc]
    """A service without the middlewares that do nothing for it: tracing, access log, timeout and context.

    Relies on: `to_asgi` creates the application with `ServiceAppFactory`, whose property `middlewares` lists all of
    them, the metrics under the class name `METRICS_MIDDLEWARE` and added ones under their own; `schema` returns the
    body of /schema.json, and `openapi_spec.asdict()` that of /docs.json.
    """

    kept_middlewares: ClassVar[tuple[str, ...]] = ()
    """Class names of middlewares to keep, besides the metrics."""

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        """Return the application."""
        self.inject_config()
        factory = _LeanFactory(self, is_main=is_main)
        factory.kept = (METRICS_MIDDLEWARE, *self.kept_middlewares)
        application: ASGIApp = factory()
        return application


class _LeanFactory(ServiceAppFactory):  # type: ignore[misc]
    kept: tuple[str, ...] = ()

    @property
    def middlewares(self) -> list[Middleware]:
        """Return the middlewares to keep, in BentoML's order."""
        middlewares: list[Middleware] = super().middlewares
        return [entry for entry in middlewares if getattr(entry.cls, "__name__", "") in self.kept]


def use_in_process_metrics() -> None:
    """Keep metrics in memory: a single process needs no files that processes share.

    Relies on: the container provides the metrics client of the middleware and of /metrics.
    """
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    BentoMLContainer.metrics_client.set(PrometheusClient(multiproc=False))


def load_service(bento: Path) -> Any:
    """Return the service of the Bento in a folder.

    Relies on: `load` accepts a folder with `standalone_load`, and the service then knows its Bento.
    """
    return load(str(bento), standalone_load=True)


def label_metrics(service: Any) -> None:
    """Label the metrics with the service, and with the name and version of its Bento if it has one.

    Relies on: the metrics middleware reads its labels from the server context.
    """
    server_context.service_type = "entry_service"
    server_context.service_name = service.name
    server_context.bento_name = service.name if service.bento is None else service.bento.tag.name
    if service.bento is not None:
        server_context.bento_version = service.bento.tag.version
