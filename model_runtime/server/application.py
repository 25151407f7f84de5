"""The loaded, warmed application: everything that is slow about a start, done in one thread."""

from __future__ import annotations

import gc
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from model_runtime.server import loading, warmup
from model_runtime.server.settings import Settings


@dataclass(frozen=True, slots=True)
class Application:
    """BentoML's application with a model bound to it."""

    asgi: Starlette
    name: str
    """Of the model."""
    version: str


def prepared(wanted: Settings) -> Application:
    """An application that has answered its example; `failures.ModelFailure` says why there is none."""
    served = loading.served(wanted)
    warmup.warm_up(served, requests=wanted.warmup)
    module = importlib.import_module("model_runtime.server.bento_service")
    module.answers.bind(served)
    service = _service(module, loading.bento_of(wanted))
    app = Application(service.to_asgi(is_main=True), served.protocol.name, served.protocol.version)
    _settle()
    return app


def _service(module: Any, bento: Path | None) -> Any:
    """The service of the Bento, which counts in the Bento's name; without a Bento the bare one."""
    import prometheus_client
    from _bentoml_impl.loader import load
    from bentoml._internal.configuration.containers import BentoMLContainer
    from bentoml._internal.context import server_context
    from bentoml._internal.server.metrics.prometheus import PrometheusClient

    # one process: its metrics need no files that processes share
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    BentoMLContainer.metrics_client.set(PrometheusClient(multiproc=False))
    service = module.ModelServer if bento is None else load(str(bento), standalone_load=True)
    server_context.service_type = "entry_service"
    server_context.service_name = service.name
    server_context.bento_name = service.name if service.bento is None else service.bento.tag.name
    if service.bento is not None:
        server_context.bento_version = service.bento.tag.version
    return service


def _settle() -> None:
    """What a start leaves behind lives as long as the process: the collector need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()
