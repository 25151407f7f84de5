"""Rows for a tabular model, from one array per column or from one matrix."""

from __future__ import annotations

import numpy as np

from model_runtime.formats.base import Array, InputInvalid, Tensors
from model_runtime.formats.signature import Signature, TensorSpec, listed

MATRIX = "input"
"""The name of the single input of a model that does not know its columns."""


def inputs_of(columns: tuple[str, ...], width: int, *, datatype: str = "FP64") -> tuple[TensorSpec, ...]:
    """One input per named column, or one matrix."""
    if columns:
        return tuple(TensorSpec(name, datatype, (-1,)) for name in columns)
    return (TensorSpec(MATRIX, datatype, (-1, width)),)


def matrix(inputs: Tensors, signature: Signature) -> Array:
    """The rows as one array of n × width; `InputInvalid` names what is missing, surplus or too short."""
    if not signature.columns:
        return _only(inputs, signature)
    if len(inputs) == 1 and (whole := next(iter(inputs.values()))).ndim == 2:
        return _of_width(next(iter(inputs)), whole, len(signature.columns))
    return np.column_stack(columns(inputs, signature))


def columns(inputs: Tensors, signature: Signature) -> list[Array]:
    """One array of n values for each column, in the model's order."""
    if len(inputs) == 1 and (whole := next(iter(inputs.values()))).ndim == 2:
        checked = _of_width(next(iter(inputs)), whole, len(signature.columns))
        return [checked[:, index] for index in range(checked.shape[1])]
    for name in signature.columns:
        if name not in inputs:
            raise InputInvalid(name, f"this column is missing; the model needs {listed(signature.columns)}")
    for name in inputs:
        if name not in signature.columns:
            raise InputInvalid(name, f"the model has no such column; it has {listed(signature.columns)}")
    return _alike([_column(name, inputs[name]) for name in signature.columns], signature)


def _alike(arrays: list[Array], signature: Signature) -> list[Array]:
    rows = len(arrays[0])
    for name, array in zip(signature.columns, arrays, strict=True):
        if len(array) != rows:
            raise InputInvalid(name, f"{len(array)} rows, but {signature.columns[0]} has {rows}")
    return arrays


def _column(name: str, array: Array) -> Array:
    if array.ndim == 2 and array.shape[1] == 1:
        return array[:, 0]
    if array.ndim != 1:
        raise InputInvalid(name, f"a column is a list of values; this has {array.ndim} dimensions")
    return array


def _only(inputs: Tensors, signature: Signature) -> Array:
    spec = signature.inputs[0]
    if len(inputs) != 1:
        came = listed(tuple(inputs)) if inputs else "none"
        raise InputInvalid(spec.name, f"the model takes this one input; {came} came")
    name, array = next(iter(inputs.items()))
    if len(spec.shape) == 1:
        return _column(name, array)
    return _of_width(name, array, spec.shape[1])


def _of_width(name: str, array: Array, width: int) -> Array:
    if array.ndim != 2 or (width >= 0 and array.shape[1] != width):
        came = "×".join(str(length) for length in array.shape) or "one value"
        raise InputInvalid(name, f"the model expects rows of {width} values; {came} came")
    return array
