"""The BentoML service in every Bento of the build; importing it loads no model.

A Bento's own `service.py` is `from model_runtime.server.bento_service import ModelServer`.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar

import bentoml

from model_runtime.server import loading, openapi, routes
from model_runtime.server.bento_internals import LeanService
from model_runtime.server.handlers import Handlers
from model_runtime.server.request_metrics import process_metrics
from model_runtime.server.settings import parse_settings

TRAFFIC = {"timeout": 86_400}
"""BentoML's timeout keeps the memory of each request until it expires; the executor has one that does not."""


class ModelService(LeanService):
    """A service with the documents of its model."""

    kept_middlewares: ClassVar[tuple[str, ...]] = (routes.FastPath.__name__,)

    def schema(self) -> dict[str, Any]:
        """Return the body of `/schema.json`."""
        schema: dict[str, Any] = super().schema()
        if handlers.served is None:
            return schema
        protocol = handlers.served.v2_protocol
        return schema | openapi.schema(protocol.signature, name=protocol.name)

    @property
    def openapi_spec(self) -> Any:
        """Return what renders the body of `/docs.json`."""
        if handlers.served is None:
            return super().openapi_spec
        return openapi.OpenApi(handlers.served.v2_protocol)


handlers = Handlers(process_metrics())


@bentoml.service(
    name="model",
    service_class=ModelService,
    workers=1,
    traffic=TRAFFIC,
    logging={"access": {"enabled": False}},
)
class ModelServer:
    """Serves one model: `/predict` with the names of its own columns, `/v2` for the Open Inference Protocol."""

    def __init__(self) -> None:
        if handlers.served is None:
            handlers.bind(loading.load_model(parse_settings([], os.environ)))

    def __is_ready__(self) -> bool:
        return handlers.served is not None


_service: Any = ModelServer
_service.mount_asgi_app(routes.application(handlers))
_service.add_asgi_middleware(routes.FastPath, handlers=handlers)
