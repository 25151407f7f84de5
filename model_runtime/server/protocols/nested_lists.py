"""Nested JSON lists as flat lists with a shape.

numpy would guess a type for them, and a long string among the values could make that type a huge one.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np

from model_runtime.formats.base import Array
from model_runtime.server.errors import InvalidInput

MAX_DEPTH: Final = 16


class FieldPath(NamedTuple):
    """The path of a value in a request: `columns.b[3][0]`, or `records[3].b[0]` when each row has a `b`."""

    name: str
    rows: str = ""
    """The list of rows that each have the name; empty when `name` is a path of its own."""

    def __str__(self) -> str:
        return f"{self.rows}[*].{self.name}" if self.rows else self.name

    def element(self, index: Sequence[int]) -> str:
        """Return the path of the element with this index in the values of all rows."""
        brackets = [f"[{i}]" for i in index]
        row = f"{self.rows}{brackets.pop(0)}." if self.rows and brackets else ""
        return f"{row}{self.name}{''.join(brackets)}"


def flatten(value: Any, *, field: FieldPath) -> tuple[list[Any], tuple[int, ...]]:
    """Return the elements of a value or of nested lists, and their shape; `InvalidInput` for uneven lists."""
    level: list[Any] = [value]
    shape: tuple[int, ...] = ()
    while level and isinstance(level[0], list):
        if len(shape) == MAX_DEPTH:
            raise InvalidInput(str(field), expected=f"at most {MAX_DEPTH} nested lists", got="more")
        width = len(level[0])
        if not _is_even(level, width):
            raise _uneven(level, shape, width, field)
        shape = (*shape, width)
        level = list(chain.from_iterable(level))
    return level, shape


def element_path(field: FieldPath, position: int, shape: Sequence[int]) -> str:
    """Return the path of the element at this position of the flat list."""
    return field.element([int(index) for index in np.unravel_index(position, tuple(shape))])


def floats(elements: list[Any]) -> Array:
    """Return the elements as FP64; `TypeError` or `OverflowError` when one of them is not such a number."""
    return np.asarray(array("d", elements))


def integers(elements: list[Any]) -> Array:
    """Return the elements as INT64; `TypeError` or `OverflowError` when one of them is not such an integer."""
    return np.asarray(array("q", elements))


def _is_even(level: list[Any], width: int) -> bool:
    return set(map(type, level)) == {list} and set(map(len, level)) == {width}


def _uneven(level: list[Any], shape: tuple[int, ...], width: int, field: FieldPath) -> InvalidInput:
    other = next(i for i, item in enumerate(level) if not isinstance(item, list) or len(item) != width)
    got = f"a list of {len(level[other])}" if isinstance(level[other], list) else "a single value"
    return InvalidInput(element_path(field, other, shape), expected=f"a list of {width}", got=got)
