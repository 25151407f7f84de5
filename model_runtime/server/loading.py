"""Load the model with all that is needed to serve it."""

from __future__ import annotations

from pathlib import Path

from model_runtime import formats
from model_runtime.server import model_location, type_trial
from model_runtime.server.executor import Executor
from model_runtime.server.handlers import ServedModel
from model_runtime.server.protocols.predict import PredictProtocol
from model_runtime.server.protocols.v2 import Response, V2Protocol
from model_runtime.server.settings import Settings


def load_model(settings: Settings) -> ServedModel:
    """Load the model of the image or of the folder; `failures.ModelFailure` says why that failed."""
    location = model_location.locate(settings)
    model = formats.load(location.format, location.model, allow_pickle=location.allow_pickle)
    example = location.example(model.signature)
    signature = location.signature or type_trial.signature_of(model, example)
    executor: Executor[Response] = Executor(
        concurrency=settings.concurrency, timeout=settings.timeout, threads=settings.threads
    )
    return ServedModel(
        model=model,
        predict_protocol=PredictProtocol(signature),
        v2_protocol=V2Protocol(signature, name=settings.name or location.name, version=location.version),
        executor=executor,
        example=example,
        body_limit=settings.body_limit,
    )


def bento_of(settings: Settings) -> Path | None:
    """Return the folder of the Bento; None when a bare folder is served."""
    return model_location.locate(settings).bento
