"""Decide the types of a model's inputs once: from what the model says, from its example, and by asking it.

What neither says is tried: a column whose example has strings is one of strings, or of days or moments when the model
answers only those; a column of numbers accepts null when the model answers a row without its value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np

from model_runtime.formats import Loaded, Signature, Tensors, TensorSpec
from model_runtime.formats.signature import DATE, DATE_TIME, Missing
from model_runtime.server import warmup
from model_runtime.server.errors import RequestError
from model_runtime.server.executor import Executor
from model_runtime.server.handlers import ServedModel
from model_runtime.server.protocols import element_types
from model_runtime.server.protocols.predict import PredictProtocol
from model_runtime.server.protocols.v2 import V2Protocol

MOST_PROBES: Final = 200
"""Each asks the model once; a wider table is not asked about its null values."""


def signature_of(model: Loaded, example: Tensors) -> Signature:
    """Return the signature by which requests are decoded; `failures.ExampleFailed` when none answers the example."""
    first: BaseException | None = None
    for signature in _candidates(model.signature.refined_by(example), example):
        try:
            warmup.warm_up(_served(model, signature, example), requests=1)
        except MemoryError:
            raise
        except Exception as error:
            first = first or error
            continue
        return _with_refused_nulls(model, signature, example)
    assert first is not None  # noqa: S101 - there is at least one candidate
    raise first


def _candidates(signature: Signature, example: Tensors) -> Iterator[Signature]:
    yield signature
    for text_format in (DATE_TIME, DATE):
        inputs = tuple(_with_format(spec, example, text_format) for spec in signature.inputs)
        if inputs != signature.inputs and signature.open_types:
            yield replace(signature, inputs=inputs)


def _with_format(spec: TensorSpec, example: Tensors, text_format: str) -> TensorSpec:
    """Return a column of days or moments where all strings of the example are such."""
    if spec.datatype != "BYTES" or spec.categories or spec.format or spec.name not in example:
        return spec
    missing = Missing.NAT if text_format == DATE_TIME else Missing.NONE
    dated = replace(spec, format=text_format, missing=missing)
    return dated if element_types.fits(dated, example[spec.name].ravel().tolist()) else spec


def _with_refused_nulls(model: Loaded, signature: Signature, example: Tensors) -> Signature:
    """Return the signature with `Missing.REFUSED` for each column of floats whose missing value the model rejects."""
    asked = [spec for spec in signature.inputs if _is_asked(spec)]
    if not asked or len(asked) > MOST_PROBES or _answers(model, signature, _without(example, asked)):
        return signature
    refused = {spec.name for spec in asked if not _answers(model, signature, _without(example, [spec]))}
    inputs = tuple(
        replace(spec, missing=Missing.REFUSED) if spec.name in refused else spec for spec in signature.inputs
    )
    return replace(signature, inputs=inputs)


def _is_asked(spec: TensorSpec) -> bool:
    unknown = spec.missing is Missing.DEFAULT and not spec.categories
    return unknown and spec.dtype.kind == "f" and spec.shape == (-1,)


def _without(example: Tensors, specs: list[TensorSpec]) -> Tensors:
    """Return the first row of the example, with null in these columns."""
    row: dict[str, Any] = {name: array[:1] if array.ndim else array for name, array in example.items()}
    return row | {spec.name: np.array([None], dtype=object) for spec in specs}


def _answers(model: Loaded, signature: Signature, example: Tensors) -> bool:
    served = _served(model, signature, example)
    try:
        served.predict(warmup.request_body(example, signature))
    except RequestError as error:
        if isinstance(error.__cause__, MemoryError):
            raise error.__cause__ from None
        return False
    return True


def _served(model: Loaded, signature: Signature, example: Tensors) -> ServedModel:
    return ServedModel(
        model=model,
        predict_protocol=PredictProtocol(signature),
        v2_protocol=V2Protocol(signature, name="trial", version=""),
        executor=Executor(concurrency=1, timeout=1.0, threads=1),
        example=example,
        body_limit=0,
    )
