"""One value of a request as the model gets it: the type of its column, or a missing value as training had it."""

from __future__ import annotations

import datetime
from typing import Any, Final

import numpy as np

from model_runtime.formats.base import Array
from model_runtime.formats.signature import DATATYPES, DATE, DATE_TIME, TensorSpec
from model_runtime.server.errors import InvalidInput
from model_runtime.server.protocols import nested_lists
from model_runtime.server.protocols.nested_lists import FieldPath

LONGEST_QUOTE: Final = 60
"""Characters of an invalid value that the error quotes."""
LARGEST_EXACT: Final = 1 << 53
"""Below this each integer is a float of its own."""
LONGEST_INTEGER: Final = 128
"""Bits of an integer that an error quotes."""
FEW: Final = 64
"""Elements whose types are looked at faster than numpy compares their values."""

_KINDS: Final = {
    "f": "a number",
    "i": "an integer",
    "u": "an integer of at least 0",
    "b": "true or false",
    "O": "a string",
}
_FORMATS: Final = {
    DATE: "a date such as 2026-01-31",
    DATE_TIME: "a date and time such as 2026-01-31T12:00:00",
}
_RANGES: Final = {
    name: (0, 1) if name == "BOOL" else (int(np.iinfo(numpy).min), int(np.iinfo(numpy).max))
    for name, numpy in DATATYPES.items()
    if np.dtype(numpy).kind in "biu"
}


def description(spec: TensorSpec) -> str:
    """Return what one element of the input must be."""
    if spec.format:
        return _FORMATS[spec.format]
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
        case int() if value.bit_length() > LONGEST_INTEGER:
            text = "a very long integer"
        case _:
            text = _truncated(repr(value))
    return text


def all_exact(elements: list[Any], array: Array) -> bool:
    """Return whether no integer is so large that its float in `array` may be another integer's."""
    if len(elements) <= FEW and int not in set(map(type, elements)):
        return True
    sizes = np.abs(array)
    return bool(sizes.max(initial=0.0) < LARGEST_EXACT) or not bool((sizes >= LARGEST_EXACT).any())  # NaN


def fits(spec: TensorSpec, elements: list[Any]) -> bool:
    """Return whether each element can be one of this column."""
    convert = _converter(spec)
    return all(spec.nullable if _is_null(value) else convert(value) is not None for value in elements)


def objects(spec: TensorSpec, elements: list[Any], shape: tuple[int, ...], field: FieldPath) -> Array:
    """Return the elements as Python objects, or as days or moments."""
    convert = _converter(spec)
    array = np.empty(len(elements), dtype="datetime64[us]" if spec.format == DATE_TIME else object)
    for position, value in enumerate(elements):
        if _is_null(value):
            if not spec.nullable:
                raise _invalid(spec, value, position, shape, field)
            array[position] = spec.null
            continue
        converted = convert(value)
        if converted is None:
            raise _invalid(spec, value, position, shape, field)
        array[position] = converted
    return array


def numbers(elements: list[Any], spec: TensorSpec, shape: tuple[int, ...], field: FieldPath) -> Array:
    """Return the elements as numbers, one by one; slower, for when one of them may be invalid."""
    convert = _converter(spec)
    converted: list[Any] = []
    for position, value in enumerate(elements):
        number = spec.null if value is None and spec.nullable else convert(value)
        if number is None:
            raise _invalid(spec, value, position, shape, field)
        converted.append(number)
    return np.array(converted, dtype=np.float64 if spec.dtype.kind == "f" else spec.dtype)


def _invalid(
    spec: TensorSpec, value: Any, position: int, shape: tuple[int, ...], field: FieldPath
) -> InvalidInput:
    path = nested_lists.element_path(field, position, shape)
    rounded = spec.dtype.kind == "f" and isinstance(value, int) and value.bit_length() <= LONGEST_INTEGER
    expected = f"an integer that {spec.datatype} represents exactly" if rounded else description(spec)
    return InvalidInput(path, expected=expected, got=quoted(None if _is_null(value) else value))


def _converter(spec: TensorSpec) -> Any:
    """Return the function that converts a value which is not null; it returns None for one that does not fit."""
    if spec.format:
        return _day if spec.format == DATE else _moment
    if spec.datatype == "BOOL":
        return _boolean
    if spec.dtype.kind == "O":
        return _string
    if spec.dtype.kind == "f":
        return _float
    smallest, largest = _RANGES[spec.datatype]
    return lambda value: _integer(value, smallest, largest)


def _is_null(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124 - NaN


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else None


def _float(value: Any) -> float | None:
    """Return the number; an integer that no float represents would become its neighbour."""
    if isinstance(value, float):
        return value
    if not isinstance(value, int):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if int(number) == value else None


def _integer(value: Any, smallest: int, largest: int) -> int | None:
    """Return the integer; a float from 2^53 on may stand for a neighbour that was rounded."""
    if isinstance(value, float) and not -LARGEST_EXACT < value < LARGEST_EXACT:
        return None
    if not isinstance(value, int | float) or not smallest <= value <= largest:
        return None
    return int(value) if int(value) == value else None


def _day(value: Any) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _moment(value: Any) -> Any:
    """Return the moment; with an offset it would be compared with times of an unknown zone."""
    try:
        moment = datetime.datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None
    if not isinstance(moment, datetime.datetime) or moment.tzinfo is not None:
        return None
    return np.datetime64(moment, "us")


def _truncated(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 1]}…"
