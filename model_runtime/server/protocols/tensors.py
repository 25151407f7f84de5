"""Values as they are sent become arrays as the model takes them; nothing is guessed, cut or rounded."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from pydantic_core import from_json

from model_runtime.formats.base import Array, Tensors
from model_runtime.formats.signature import DATATYPES, TensorSpec, sizes
from model_runtime.server.errors import InputRefused
from model_runtime.server.protocols import nested_lists
from model_runtime.server.protocols.nested_lists import Field

SHOWN: Final = 60
"""Characters of a refused value that its sender reads back."""

_KINDS: Final = {
    "f": "a number",
    "i": "an integer",
    "u": "an integer of at least 0",
    "b": "true or false",
    "O": "a text",
}
_RANGES: Final = {
    name: (0, 1) if name == "BOOL" else (int(np.iinfo(numpy).min), int(np.iinfo(numpy).max))
    for name, numpy in DATATYPES.items()
    if np.dtype(numpy).kind in "biu"
}


def parsed(body: bytes) -> Any:
    """The document in a body; `InputRefused` when it is no JSON."""
    try:
        return from_json(body)
    except ValueError as error:
        came = "an empty body" if not body.strip() else f"a body that is not JSON ({str(error)[:100]})"
        raise InputRefused("", expected="a JSON document", came=came) from None


def rows_of(inputs: Tensors) -> int:
    """How many rows are asked for."""
    return max((array.shape[0] for array in inputs.values() if array.ndim), default=1)


def array_of(spec: TensorSpec, sent: Any, *, field: Field) -> Array:
    """`sent`, a value or nested lists of them, as an array of the spec's type; a missing number is NaN.

    `InputRefused` names the field down to the first element that does not fit.
    """
    elements, shape = nested_lists.flat(sent, field=field)
    if spec.datatype == "BYTES":
        return _texts(elements, shape, field).reshape(shape)
    try:
        array = nested_lists.floats(elements) if spec.dtype.kind == "f" else nested_lists.integers(elements)
    except (TypeError, OverflowError):
        array = _numbers(elements, spec, shape, field)
    return cast(spec, array.reshape(shape), field=field)


def fitting(spec: TensorSpec, array: Array, *, field: Field) -> Array:
    """`array` with the spec's shape; a list of values passes as a column of one."""
    if array.ndim == 1 and len(spec.shape) == 2 and spec.shape[1] == 1:
        return array.reshape(-1, 1)
    alike = array.ndim == len(spec.shape) and all(
        want in (-1, have) for want, have in zip(spec.shape, array.shape, strict=True)
    )
    if not alike:
        raise InputRefused(
            str(field), expected=f"values of shape {sizes(spec.shape)}", came=sizes(array.shape)
        )
    return array


def cast(spec: TensorSpec, array: Array, *, field: Field) -> Array:
    """`array` in the spec's type; `InputRefused` where the type cannot hold a value."""
    target = spec.dtype
    if array.dtype == target:
        return array
    if target.kind == "O" or array.dtype.kind not in "biuf":
        raise InputRefused(str(field), expected=expected(spec), came=f"{array.dtype.name} values")
    with np.errstate(over="ignore", invalid="ignore"):
        changed = array.astype(target)
        held = _held(array, changed)
    if not held.all():
        index = tuple(int(i) for i in np.argwhere(~held)[0])
        raise InputRefused(field.at(index), expected=expected(spec), came=shown(array[index].item()))
    return changed


def _held(array: Array, changed: Array) -> Array:
    if changed.dtype.kind == "f":
        return np.asarray(~np.isinf(changed) | np.isinf(array))
    return np.asarray(changed.astype(np.float64) == array.astype(np.float64))


def expected(spec: TensorSpec) -> str:
    """What one element of the input is, in words."""
    kind = _KINDS[spec.dtype.kind]
    return kind if kind == "a text" else f"{kind} ({spec.datatype})"


def shown(value: Any) -> str:
    """A value that came, short enough for a sentence."""
    match value:
        case None | bool():
            text = {None: "null", True: "true", False: "false"}[value]
        case str():
            text = f"the text {_cut(repr(value))}"
        case dict():
            text = f"an object with {len(value)} fields"
        case list():
            text = f"a list of {len(value)}"
        case int() if value.bit_length() > 128:
            text = "a very long integer"
        case _:
            text = _cut(repr(value))
    return text


def plain(value: Any) -> Any:
    """A value that JSON does not know, as one that it knows: models leave numpy's own among their labels."""
    return value.item() if isinstance(value, np.generic) else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _texts(elements: list[Any], shape: tuple[int, ...], field: Field) -> Array:
    for position, value in enumerate(elements):
        if not (isinstance(value, str) or value is None):
            raise InputRefused(
                nested_lists.place(field, position, shape), expected="a text", came=shown(value)
            )
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return array


def _numbers(elements: list[Any], spec: TensorSpec, shape: tuple[int, ...], field: Field) -> Array:
    """The elements one by one: the slow way, taken when one of them may be wrong."""
    numbers: list[float | int] = []
    for position, value in enumerate(elements):
        number = _float(value) if spec.dtype.kind == "f" else _integer(value, spec)
        if number is None:
            raise InputRefused(
                nested_lists.place(field, position, shape), expected=expected(spec), came=shown(value)
            )
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
