"""The inputs and outputs of a model, in the terms of the Open Inference Protocol V2."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
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


class Missing(StrEnum):
    """What the model gets for a null of the request: the same that its training had for a missing value."""

    DEFAULT = ""
    """NaN among floats, None among strings; integers and booleans have no missing value."""
    NAN = "nan"
    NONE = "none"
    NAT = "nat"
    REFUSED = "refused"
    """The model has no answer for a missing value."""


DATE: Final = "date"
DATE_TIME: Final = "date-time"


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output; -1 in its shape means any length."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    categories: tuple[str, ...] = ()
    """The values that a column was trained on, as strings: the first hundred, or all of a closed column."""
    missing: Missing = Missing.DEFAULT
    closed: bool = False
    """Any other value than the categories is an error."""
    boxed: bool = False
    """The model was trained on Python objects of this type: numpy's own elements would not be equal to them."""
    format: str = ""
    """`date` or `date-time`: strings of a request that are days or moments for the model."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the numpy type of its elements in V2."""
        return np.dtype(DATATYPES[self.datatype])

    @property
    def nullable(self) -> bool:
        """Return whether a value may be missing."""
        if self.missing is Missing.DEFAULT:
            return self.dtype.kind in "fO"
        return self.missing is not Missing.REFUSED

    @property
    def null(self) -> Any:
        """Return what the model gets for a missing value."""
        match self.missing:
            case Missing.NAN:
                return math.nan
            case Missing.NAT:
                return np.datetime64("NaT")
            case Missing.DEFAULT if self.dtype.kind == "f":
                return math.nan
            case _:
                return None


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
    open_types: bool = True
    """The model does not store the types of all its columns: the example may tell them."""
    own_code: bool = False
    """Code that is no framework's sees the columns, and may care about integers and booleans."""

    def refined_by(self, example: dict[str, npt.NDArray[Any]]) -> Self:
        """Return this signature with the types that only the example has: not every model stores those of its columns.

        A number is one of floating point, except for code of the model's own, which gets what training had.
        """
        if not self.open_types:
            return self
        inputs = tuple(self._refined(spec, example.get(spec.name)) for spec in self.inputs)
        return replace(self, inputs=inputs)

    def _refined(self, spec: TensorSpec, values: npt.NDArray[Any] | None) -> TensorSpec:
        if spec.dtype.kind != "f" or spec.categories or values is None or values.dtype.kind != "O":
            return spec
        kinds = {type(value) for value in values.flat}
        if str in kinds:
            return replace(spec, datatype="BYTES", missing=spec.missing or Missing.NAN)
        if self.own_code and spec.missing is Missing.DEFAULT and kinds in ({int}, {bool}):
            return replace(spec, datatype="INT64" if kinds == {int} else "BOOL", missing=Missing.REFUSED)
        return spec

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
                open_types=bool(raw.get("open_types", True)),
                own_code=bool(raw.get("own_code", False)),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a signature: {error}") from error


def is_plain_number(spec: TensorSpec) -> bool:
    """Return whether the model gets this input as an array of floats, as it came."""
    return spec.dtype.kind == "f" and not (spec.boxed or spec.closed)


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
    return TensorSpec(
        str(raw["name"]),
        datatype,
        tuple(int(length) for length in raw["shape"]),
        categories=tuple(str(value) for value in raw.get("categories", ())),
        missing=Missing(raw.get("missing", "")),
        closed=bool(raw.get("closed", False)),
        boxed=bool(raw.get("boxed", False)),
        format=str(raw.get("format", "")),
    )
