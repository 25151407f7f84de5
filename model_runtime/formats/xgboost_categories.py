"""The categories of an XGBoost model's columns: its file stores their names, and its trees know their positions.

XGBoost 3.1 and newer store them in `learner.gradient_booster.model.cats`: for each column its values, strings as one
list of bytes with offsets. Older files have positions only; their clients send these, as training did.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from model_runtime.failures import LoadFailed
from model_runtime.formats.signature import Missing, TensorSpec

CATEGORICAL: Final = "c"


def inputs_of(booster: Any, inputs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    """Return the inputs with the categories of the booster's columns."""
    if CATEGORICAL not in (booster.feature_types or ()):
        return inputs
    values = _values(booster, booster.feature_names or ())
    if not any(values):
        return inputs
    columns = inputs if len(inputs) == len(values) else _unnamed(len(values))
    return tuple(_closed(spec, known) if known else spec for spec, known in zip(columns, values, strict=True))


def _values(booster: Any, columns: Sequence[str]) -> list[list[Any]]:
    """Return the categories of each column, in the order of their positions; none for a column of numbers."""
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    model = learner.get("gbtree", learner).get("model", {})  # dart keeps its trees one level below
    stored = model.get("cats", {}).get("enc", [])
    names = columns if len(columns) == len(stored) else [str(number) for number in range(len(stored))]
    return [_decoded(column, name) for column, name in zip(stored, names, strict=True)]


def _decoded(column: dict[str, Any], name: str) -> list[Any]:
    """Return the values of one column.

    XGBoost counts letters where it stores bytes, so that names are cut in the wrong places as soon as one of them
    has a letter beyond ASCII: such names are lost, and the neighbour's would be answered.
    """
    offsets = column.get("offsets")
    if offsets is None:
        return list(column["values"])
    content = bytes(value & 0xFF for value in column["values"])
    if not content.isascii():
        raise LoadFailed(
            f"XGBoost has stored the categories of column {name!r} incompletely, because one of them has letters "
            f"beyond ASCII: train the model with names in ASCII, or with integers as categories."
        )
    return [content[start:end].decode() for start, end in itertools.pairwise(offsets)]


def _closed(spec: TensorSpec, known: list[Any]) -> TensorSpec:
    strings = isinstance(known[0], str)
    return replace(
        spec,
        datatype="BYTES" if strings else "INT64",
        categories=tuple(str(value) for value in known),
        missing=Missing.NAN,
        closed=True,
        boxed=not strings,
    )


def _unnamed(width: int) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(str(number), "FP32", (-1,)) for number in range(width))
