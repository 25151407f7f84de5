"""The rows of a tabular model, from one array for each column or from one matrix."""

from __future__ import annotations

import datetime
from functools import lru_cache
from typing import Any

import numpy as np

from model_runtime.formats.base import Array, InputMismatch, Tensors
from model_runtime.formats.signature import DATE, DATE_TIME, Signature, TensorSpec, name_list

MATRIX = "input"
"""The name of the single input of a model without column names."""


def inputs_of(columns: tuple[str, ...], width: int, *, datatype: str = "FP64") -> tuple[TensorSpec, ...]:
    """Return one input for each named column, or one matrix."""
    if columns:
        return tuple(TensorSpec(name, datatype, (-1,)) for name in columns)
    return (TensorSpec(MATRIX, datatype, (-1, width)),)


def matrix(inputs: Tensors, signature: Signature) -> Array:
    """Return the rows as one array of n × width; `InputMismatch` names a missing, unknown or too short column."""
    if not signature.columns:
        return _only(inputs, signature)
    if len(inputs) == 1 and (whole := next(iter(inputs.values()))).ndim == 2:
        return _of_width(next(iter(inputs)), whole, len(signature.columns))
    return np.column_stack(columns(inputs, signature))


def columns(inputs: Tensors, signature: Signature) -> list[Array]:
    """Return one array of n values for each column, in the model's order."""
    if len(inputs) == 1 and (whole := next(iter(inputs.values()))).ndim == 2:
        checked = _of_width(next(iter(inputs)), whole, len(signature.columns))
        return [checked[:, index] for index in range(checked.shape[1])]
    for name in signature.columns:
        if name not in inputs:
            raise InputMismatch(name, f"this column is missing; expected {name_list(signature.columns)}")
    for name in inputs:
        if name not in signature.columns:
            raise InputMismatch(name, f"expected one of the columns {name_list(signature.columns)}")
    return _of_equal_length([_column(name, inputs[name]) for name in signature.columns], signature)


def require_known(spec: TensorSpec, values: Array) -> None:
    """Raise `InputMismatch` for a value of a closed column that is not among its categories."""
    known = known_values(spec)
    for value in values.tolist():
        if value not in known and not (is_missing(value) and spec.nullable):
            raise InputMismatch(spec.name, f"expected {one_of(spec)}, got {_quoted(value)}")


def codes(spec: TensorSpec, values: Array) -> Array:
    """Return the position of each category, NaN for a missing value; `InputMismatch` for an unknown one."""
    require_known(spec, values)
    known = known_values(spec)
    return np.array([known.get(value, np.nan) for value in values.tolist()], dtype=np.float64)


@lru_cache(maxsize=4096)
def known_values(spec: TensorSpec) -> dict[Any, int]:
    """Return the categories of a column as the model knows them, and the position of each."""
    return {value: position for position, value in enumerate(category_values(spec))}


def category_values(spec: TensorSpec) -> tuple[Any, ...]:
    """Return the categories in the type of the column."""
    if spec.format == DATE:
        return tuple(datetime.date.fromisoformat(text) for text in spec.categories)
    if spec.format == DATE_TIME:
        return tuple(np.array(spec.categories, dtype="datetime64[us]").tolist())
    match spec.dtype.kind:
        case "O":
            return spec.categories
        case "b":
            return tuple(text == "True" for text in spec.categories)
        case "f":
            return tuple(float(text) for text in spec.categories)
        case _:
            return tuple(int(text) for text in spec.categories)


def one_of(spec: TensorSpec) -> str:
    """Return the categories for a sentence."""
    return f"one of the categories {name_list(spec.categories)}"


def is_missing(value: Any) -> bool:
    """Return whether this is a missing value of any kind: None, NaN, NaT."""
    return value is None or value != value  # noqa: PLR0124 - only NaN and NaT differ from themselves


def _quoted(value: Any) -> str:
    text = "null" if is_missing(value) else repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _of_equal_length(arrays: list[Array], signature: Signature) -> list[Array]:
    rows = len(arrays[0])
    for name, array in zip(signature.columns, arrays, strict=True):
        if len(array) != rows:
            raise InputMismatch(
                name, f"expected {rows} rows, as many as {signature.columns[0]} has, got {len(array)}"
            )
    return arrays


def _column(name: str, array: Array) -> Array:
    if array.ndim == 2 and array.shape[1] == 1:
        return array[:, 0]
    if array.ndim != 1:
        raise InputMismatch(name, f"expected a list of values, got an array of {array.ndim} dimensions")
    return array


def _only(inputs: Tensors, signature: Signature) -> Array:
    spec = signature.inputs[0]
    if len(inputs) != 1:
        got = name_list(tuple(inputs)) if inputs else "none"
        raise InputMismatch(spec.name, f"expected this single input, got {got}")
    name, array = next(iter(inputs.items()))
    if len(spec.shape) == 1:
        return _column(name, array)
    return _of_width(name, array, spec.shape[1])


def _of_width(name: str, array: Array, width: int) -> Array:
    if array.ndim != 2 or (width >= 0 and array.shape[1] != width):
        got = "×".join(str(length) for length in array.shape) or "one value"
        raise InputMismatch(name, f"expected rows of {width} values, got {got}")
    return array
