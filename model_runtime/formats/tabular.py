"""The rows of a tabular model, from one array for each column or from one matrix."""

from __future__ import annotations

import numpy as np

from model_runtime.formats.base import Array, InputMismatch, Tensors
from model_runtime.formats.signature import Signature, TensorSpec, name_list

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
