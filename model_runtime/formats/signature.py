"""The inputs and outputs of a model, in the terms of the Open Inference Protocol V2."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

DATATYPES: Final[dict[str, str]] = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "object",
}
"""Element types: V2's name and numpy's. BYTES are strings."""

_NAMES: Final = {np.dtype(name): datatype for datatype, name in DATATYPES.items()}


def datatype_of(dtype: npt.DTypeLike) -> str:
    """Return the V2 name of a numpy type; a type without one is BYTES."""
    return _NAMES.get(np.dtype(dtype), "BYTES")


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output; -1 in its shape means any length."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    categories: tuple[str, ...] = ()
    """The first hundred values that a column was trained on, as strings."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the numpy type of its elements."""
        return np.dtype(DATATYPES[self.datatype])


@dataclass(frozen=True, slots=True)
class Signature:
    """The inputs and outputs of a model.

    A tabular model with known column names has one input of shape (-1,) for each column, in `columns` order;
    one without names has a single input of shape (-1, width).
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    columns: tuple[str, ...] = ()
    classes: tuple[str | int | float | bool, ...] = ()
    """The labels of a classifier, in the order of its columns of probabilities."""

    def refined_by(self, example: dict[str, npt.NDArray[Any]]) -> Self:
        """Return this signature with strings where the example has them: frameworks do not store types of columns."""
        inputs = tuple(
            replace(spec, datatype="BYTES")
            if spec.name in example and datatype_of(example[spec.name].dtype) == "BYTES"
            else spec
            for spec in self.inputs
        )
        return replace(self, inputs=inputs)

    def to_json(self) -> str:
        """Return the signature as one JSON object, always the same text for the same signature."""
        return json.dumps(asdict(self), sort_keys=True, indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the signature in `text`; `ValueError` when it is none."""
        try:
            raw = json.loads(text)
            return cls(
                inputs=tuple(_spec(item) for item in raw["inputs"]),
                outputs=tuple(_spec(item) for item in raw["outputs"]),
                columns=tuple(raw.get("columns", ())),
                classes=tuple(raw.get("classes", ())),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a signature: {error}") from error


def name_list(names: tuple[str, ...]) -> str:
    """Return the first twenty names for a sentence."""
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape for a sentence."""
    return "[" + ", ".join("any" if length < 0 else str(length) for length in shape) + "]"


def _spec(raw: dict[str, Any]) -> TensorSpec:
    datatype = str(raw["datatype"])
    if datatype not in DATATYPES:
        raise ValueError(f"unknown datatype {datatype!r}; known: {', '.join(DATATYPES)}")
    shape = tuple(int(length) for length in raw["shape"])
    return TensorSpec(str(raw["name"]), datatype, shape, tuple(str(v) for v in raw.get("categories", ())))
