"""Decode the values of a request into the arrays that the model accepts; nothing is guessed, truncated or rounded."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from pydantic_core import from_json

from model_runtime.formats.base import Array, Tensors
from model_runtime.formats.signature import DATATYPES, TensorSpec, shape_text
from model_runtime.server.errors import InvalidInput
from model_runtime.server.protocols import nested_lists
from model_runtime.server.protocols.nested_lists import FieldPath

LONGEST_QUOTE: Final = 60
"""Characters of an invalid value that the error quotes."""

_KINDS: Final = {
    "f": "a number",
    "i": "an integer",
    "u": "an integer of at least 0",
    "b": "true or false",
    "O": "a string",
}
_RANGES: Final = {
    name: (0, 1) if name == "BOOL" else (int(np.iinfo(numpy).min), int(np.iinfo(numpy).max))
    for name, numpy in DATATYPES.items()
    if np.dtype(numpy).kind in "biu"
}


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
    if spec.datatype == "BYTES":
        return _strings(elements, shape, field).reshape(shape)
    try:
        array = nested_lists.floats(elements) if spec.dtype.kind == "f" else nested_lists.integers(elements)
    except (TypeError, OverflowError):
        array = _numbers(elements, spec, shape, field)
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
    """Return `array` in the type of the spec; `InvalidInput` when the type cannot represent a value."""
    target = spec.dtype
    if array.dtype == target:
        return array
    if target.kind == "O" or array.dtype.kind not in "biuf":
        raise InvalidInput(str(field), expected=description(spec), got=f"{array.dtype.name} values")
    with np.errstate(over="ignore", invalid="ignore"):
        result = array.astype(target)
        exact = _is_exact(array, result)
    if not exact.all():
        index = tuple(int(i) for i in np.argwhere(~exact)[0])
        raise InvalidInput(field.element(index), expected=description(spec), got=quoted(array[index].item()))
    return result


def _is_exact(array: Array, result: Array) -> Array:
    if result.dtype.kind == "f":
        return np.asarray(~np.isinf(result) | np.isinf(array))
    return np.asarray(result.astype(np.float64) == array.astype(np.float64))


def description(spec: TensorSpec) -> str:
    """Return what one element of the input must be."""
    kind = _KINDS[spec.dtype.kind]
    return kind if spec.datatype == "BYTES" else f"{kind} ({spec.datatype})"


def quoted(value: Any) -> str:
    """Return a value of the request, short enough for a sentence."""
    match value:
        case None | bool():
            text = {None: "null", True: "true", False: "false"}[value]
        case str():
            text = f"the string {_truncated(repr(value))}"
        case dict():
            text = f"an object with {len(value)} fields"
        case list():
            text = f"a list of {len(value)}"
        case int() if value.bit_length() > 128:
            text = "a very long integer"
        case _:
            text = _truncated(repr(value))
    return text


def json_fallback(value: Any) -> Any:
    """Return a value that JSON can express: models use numpy scalars as labels."""
    return value.item() if isinstance(value, np.generic) else str(value)


def _truncated(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 1]}…"


def _strings(elements: list[Any], shape: tuple[int, ...], field: FieldPath) -> Array:
    for position, value in enumerate(elements):
        if not (isinstance(value, str) or value is None):
            path = nested_lists.element_path(field, position, shape)
            raise InvalidInput(path, expected="a string", got=quoted(value))
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return array


def _numbers(elements: list[Any], spec: TensorSpec, shape: tuple[int, ...], field: FieldPath) -> Array:
    """Convert the elements one by one; slower, for when one of them may be invalid."""
    numbers: list[float | int] = []
    for position, value in enumerate(elements):
        number = _float(value) if spec.dtype.kind == "f" else _integer(value, spec)
        if number is None:
            path = nested_lists.element_path(field, position, shape)
            raise InvalidInput(path, expected=description(spec), got=quoted(value))
        numbers.append(number)
    return np.array(numbers, dtype=np.float64 if spec.dtype.kind == "f" else spec.dtype)


def _float(value: Any) -> float | None:
    if value is None:
        return float("nan")
    try:
        return float(value) if isinstance(value, bool | int | float) else None
    except OverflowError:
        return None


def _integer(value: Any, spec: TensorSpec) -> int | None:
    if (
        not isinstance(value, bool | int | float)
        or not _RANGES[spec.datatype][0] <= value <= _RANGES[spec.datatype][1]
    ):
        return None
    return int(value) if int(value) == value else None
