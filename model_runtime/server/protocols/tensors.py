"""Decode the values of a request into the arrays that the model accepts; nothing is guessed, truncated or rounded."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic_core import from_json

from model_runtime.formats.base import Array, Tensors
from model_runtime.formats.signature import Missing, TensorSpec, shape_text
from model_runtime.server.errors import InvalidInput
from model_runtime.server.protocols import element_types, nested_lists
from model_runtime.server.protocols.element_types import LARGEST_EXACT, description, quoted
from model_runtime.server.protocols.nested_lists import FieldPath


def decode_json(body: bytes) -> Any:
    """Return the JSON document in a body; `InvalidInput` when there is none."""
    try:
        return from_json(body)
    except ValueError as error:
        got = "an empty body" if not body.strip() else f"a body that is not JSON ({str(error)[:100]})"
        raise InvalidInput("", expected="a JSON document", got=got) from None


def row_count(inputs: Tensors) -> int:
    """Return the number of rows."""
    return max((array.shape[0] for array in inputs.values() if array.ndim), default=1)


def array_of(spec: TensorSpec, value: Any, *, field: FieldPath) -> Array:
    """Return `value`, a single one or nested lists, as an array of the spec's type; a missing number is NaN.

    `InvalidInput` has the path of the first element that does not fit.
    """
    elements, shape = nested_lists.flatten(value, field=field)
    if spec.boxed or spec.dtype.kind == "O":
        return element_types.objects(spec, elements, shape, field).reshape(shape)
    try:
        array = nested_lists.floats(elements) if spec.dtype.kind == "f" else nested_lists.integers(elements)
        if (
            spec.dtype.kind == "f" and not element_types.all_exact(elements, array)
        ) or spec.datatype == "BOOL":
            array = element_types.numbers(elements, spec, shape, field)
    except (TypeError, OverflowError):
        array = element_types.numbers(elements, spec, shape, field)
    return converted(spec, array.reshape(shape), field=field)


def with_shape(spec: TensorSpec, array: Array, *, field: FieldPath) -> Array:
    """Return `array` if it has the shape of the spec; a list of values is accepted as one column."""
    if array.ndim == 1 and len(spec.shape) == 2 and spec.shape[1] == 1:
        return array.reshape(-1, 1)
    fits = array.ndim == len(spec.shape) and all(
        expected in (-1, actual) for expected, actual in zip(spec.shape, array.shape, strict=True)
    )
    if not fits:
        expected = f"values of shape {shape_text(spec.shape)}"
        raise InvalidInput(str(field), expected=expected, got=f"shape {shape_text(array.shape)}")
    return array


def converted(spec: TensorSpec, array: Array, *, field: FieldPath) -> Array:
    """Return `array` as the model gets it; `InvalidInput` when its type cannot represent a value."""
    target = spec.dtype
    if spec.boxed or target.kind == "O":
        boxed_already = array.dtype.kind == "O" and not spec.format
        return (
            array
            if boxed_already and spec.datatype == "BYTES" and spec.missing is Missing.DEFAULT
            else (
                element_types.objects(spec, array.ravel().tolist(), array.shape, field).reshape(array.shape)
            )
        )
    if array.dtype == target:
        return array
    if array.dtype.kind not in "biuf":
        raise InvalidInput(str(field), expected=description(spec), got=f"{array.dtype.name} values")
    with np.errstate(over="ignore", invalid="ignore"):
        result = array.astype(target)
        exact = _is_exact(array, result)
    if not exact.all():
        index = tuple(int(i) for i in np.argwhere(~exact)[0])
        raise InvalidInput(field.element(index), expected=description(spec), got=quoted(array[index].item()))
    return result


def _is_exact(array: Array, result: Array) -> Array:
    """Return which values stay what they are; a float beyond 2^53 may already be another integer's neighbour."""
    if result.dtype.kind == "f":
        fits = ~np.isinf(result) | np.isinf(array.astype(np.float64))
        return np.asarray(fits & _same_integers(array) if array.dtype.kind in "iu" else fits)
    small = np.abs(array.astype(np.float64)) < LARGEST_EXACT if array.dtype.kind == "f" else True
    return np.asarray(small & (result.astype(np.float64) == array.astype(np.float64)))


def _same_integers(array: Array) -> Array:
    """Return which integers a float represents exactly."""
    wide = array.astype(np.float64)
    back = np.where(wide < 2.0**63 if array.dtype.kind == "i" else wide < 2.0**64, wide, 0.0).astype(
        array.dtype
    )
    return np.asarray(back == array)


def json_fallback(value: Any) -> Any:
    """Return a value that JSON can express: models use numpy scalars as labels."""
    return value.item() if isinstance(value, np.generic) else str(value)
