"""Values as they are sent become arrays as the model takes them; nothing is guessed, cut or rounded."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from model_runtime.formats.base import Array
from model_runtime.formats.signature import TensorSpec
from model_runtime.server.refusals import InputRefused

SHOWN: Final = 60
"""Characters of a refused value that its sender reads back."""

_KINDS: Final = {
    "f": "a number",
    "i": "an integer",
    "u": "an integer of at least 0",
    "b": "true or false",
    "O": "a text",
}
_DEEPEST: Final = 16


def array_of(spec: TensorSpec, sent: Any, *, field: str) -> Array:
    """`sent`, a value or nested lists of them, as an array of the spec's type; a missing number is NaN.

    `InputRefused` names the field down to the first element that does not fit.
    """
    array = _array(spec, sent, field)
    if spec.datatype == "BYTES":
        return _texts(array, field)
    if array.dtype.kind not in "biuf":
        array = _numbers(array, spec, sent, field)
    return cast(spec, array, field=field)


def _array(spec: TensorSpec, sent: Any, field: str) -> Array:
    try:
        return np.array(sent, dtype=object) if spec.datatype == "BYTES" else np.array(sent)
    except (ValueError, OverflowError):
        _require_even(sent, field)
    try:
        return np.array(sent, dtype=object)
    except ValueError:
        raise InputRefused(field, expected="lists of equal lengths", came="lists of several") from None


def fitting(spec: TensorSpec, array: Array, *, field: str) -> Array:
    """`array` with the spec's shape; a list of values passes as a column of one."""
    if array.ndim == 1 and len(spec.shape) == 2 and spec.shape[1] == 1:
        return array.reshape(-1, 1)
    alike = array.ndim == len(spec.shape) and all(
        want in (-1, have) for want, have in zip(spec.shape, array.shape, strict=True)
    )
    if not alike:
        raise InputRefused(field, expected=f"values of shape {_shape(spec.shape)}", came=_shape(array.shape))
    return array


def _shape(lengths: tuple[int, ...]) -> str:
    return "[" + ", ".join("any" if length < 0 else str(length) for length in lengths) + "]"


def cast(spec: TensorSpec, array: Array, *, field: str) -> Array:
    """`array` in the spec's type; `InputRefused` where the type cannot hold a value."""
    target = spec.dtype
    if array.dtype == target:
        return array
    if target.kind == "O" or array.dtype.kind not in "biuf":
        raise InputRefused(field, expected=expected(spec), came=f"{array.dtype.name} values")
    with np.errstate(over="ignore", invalid="ignore"):
        changed = array.astype(target)
        held = _held(array, changed)
    if not held.all():
        index = tuple(int(i) for i in np.argwhere(~held)[0])
        raise InputRefused(_at(field, index), expected=expected(spec), came=shown(array[index].item()))
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


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _at(field: str, index: tuple[int, ...]) -> str:
    return field + "".join(f"[{i}]" for i in index)


def _texts(array: Array, field: str) -> Array:
    for index, value in np.ndenumerate(array):
        if not (isinstance(value, str) or value is None):
            raise InputRefused(_at(field, index), expected="a text", came=shown(value))
    return array


def _numbers(array: Array, spec: TensorSpec, sent: Any, field: str) -> Array:
    """The elements one by one: the slow way, taken when one of them may be wrong."""
    elements = array if array.dtype.kind == "O" else np.array(sent, dtype=object)
    numbers = np.empty(elements.shape, dtype=object)
    for index, value in np.ndenumerate(elements):
        numbers[index] = _number(value, spec, _at(field, index))
    try:
        return numbers.astype(np.float64 if spec.dtype.kind == "f" else np.int64)
    except OverflowError:
        if spec.datatype == "UINT64":
            return _unsigned(numbers, spec, field)
        raise InputRefused(field, expected=expected(spec), came="an integer that is too large") from None


def _unsigned(numbers: Array, spec: TensorSpec, field: str) -> Array:
    try:
        return numbers.astype(np.uint64)
    except (OverflowError, TypeError):
        raise InputRefused(field, expected=expected(spec), came="an integer that is too large") from None


def _number(value: Any, spec: TensorSpec, field: str) -> float | int:
    floating = spec.dtype.kind == "f"
    if value is None and floating:
        return float("nan")
    if isinstance(value, bool | int | float):
        try:
            if floating:
                return float(value)
            if int(value) == value:
                return int(value)
        except (OverflowError, ValueError):
            pass
    raise InputRefused(field, expected=expected(spec), came=shown(value))


def _require_even(sent: Any, field: str, depth: int = 0) -> None:
    """Nested lists have equal lengths; numpy cannot say where they do not."""
    if depth > _DEEPEST:
        raise InputRefused(field, expected=f"at most {_DEEPEST} nested lists", came="more")
    if not isinstance(sent, list):
        return
    lengths = {len(item) if isinstance(item, list) else -1 for item in sent}
    if len(lengths) > 1:
        first = len(sent[0]) if isinstance(sent[0], list) else -1
        index = next(
            i for i, item in enumerate(sent) if (len(item) if isinstance(item, list) else -1) != first
        )
        raise InputRefused(
            _at(field, (index,)),
            expected=f"a list of {first}" if first >= 0 else "one value",
            came=shown(sent[index]),
        )
    for index, item in enumerate(sent):
        _require_even(item, _at(field, (index,)), depth + 1)
