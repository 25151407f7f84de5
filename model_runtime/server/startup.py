"""Load and warm up the model and build the application: the slow part of a start, in one thread."""

from __future__ import annotations

import gc
import importlib
from dataclasses import dataclass

from starlette.applications import Starlette

from model_runtime.server import loading, model_info, warmup
from model_runtime.server.settings import Settings


@dataclass(frozen=True, slots=True)
class Application:
    """BentoML's application with a model."""

    asgi: Starlette
    name: str
    """The model's."""
    version: str


def create_application(settings: Settings) -> Application:
    """Return an application that has predicted from the example; `failures.ModelFailure` says why that failed."""
    from model_runtime.server import bento_internals  # takes seconds: the event loop must not wait for it

    served = loading.load_model(settings)
    warmup.warm_up(served, requests=settings.warmup)
    module = importlib.import_module("model_runtime.server.bento_service")
    module.handlers.bind(served)
    bento = loading.bento_of(settings)
    bento_internals.use_in_process_metrics()
    service = module.ModelServer if bento is None else bento_internals.load_service(bento)
    bento_internals.label_metrics(service)
    model_info.publish(settings.name, settings.revision)
    protocol = served.v2_protocol
    application = Application(service.to_asgi(is_main=True), protocol.name, protocol.version)
    _exempt_from_garbage_collection()
    return application


def _exempt_from_garbage_collection() -> None:
    """Exempt all objects of the start from garbage collection: they live as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()
