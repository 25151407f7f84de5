"""From files to a model that answers."""

from __future__ import annotations

from pathlib import Path

from model_runtime import formats
from model_runtime.server import model_location
from model_runtime.server.executor import Engine
from model_runtime.server.handlers import Served
from model_runtime.server.protocols.predict import Words
from model_runtime.server.protocols.v2 import Protocol, Reply
from model_runtime.server.settings import Settings


def served(wanted: Settings) -> Served:
    """The model of the image or of the folder, loaded; `failures.ModelFailure` says why it cannot be."""
    place = model_location.of(wanted)
    model = formats.load(place.format, place.model, allow_pickle=place.allow_pickle)
    example = place.example(model.signature)
    signature = (place.signature or model.signature).refined_by(example)
    protocol = Protocol(signature, name=wanted.name or place.name, version=place.version)
    engine: Engine[Reply] = Engine(
        concurrency=wanted.concurrency, timeout=wanted.timeout, threads=wanted.threads
    )
    return Served(
        model=model,
        words=Words(signature),
        protocol=protocol,
        engine=engine,
        example=example,
        body_limit=wanted.body_limit,
    )


def bento_of(wanted: Settings) -> Path | None:
    """The folder of the Bento, where an image is served."""
    return model_location.of(wanted).bento
