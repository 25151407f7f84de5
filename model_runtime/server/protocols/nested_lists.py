"""Nested lists, as JSON has them, laid flat; numpy would guess a type for them, and a text could make it a huge one."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np

from model_runtime.formats.base import Array
from model_runtime.server.errors import InputRefused

DEEPEST: Final = 16


class Field(NamedTuple):
    """Where a value stands in what was sent: `columns.b[3][0]`, or `records[3].b[0]` where each row has a `b`."""

    name: str
    rows: str = ""
    """The list of rows that each have the name; `name` is a place of its own where it is empty."""

    def __str__(self) -> str:
        return f"{self.rows}[*].{self.name}" if self.rows else self.name

    def at(self, index: Sequence[int]) -> str:
        """The place of the element that has this index in the values of all rows."""
        places = [f"[{i}]" for i in index]
        row = f"{self.rows}{places.pop(0)}." if self.rows and places else ""
        return f"{row}{self.name}{''.join(places)}"


def flat(sent: Any, *, field: Field) -> tuple[list[Any], tuple[int, ...]]:
    """The elements of a value or of nested lists, and their shape; `InputRefused` where the lists are uneven."""
    level: list[Any] = [sent]
    shape: tuple[int, ...] = ()
    while level and isinstance(level[0], list):
        if len(shape) == DEEPEST:
            raise InputRefused(str(field), expected=f"at most {DEEPEST} nested lists", came="more")
        width = len(level[0])
        if not _even(level, width):
            raise _uneven(level, shape, width, field)
        shape = (*shape, width)
        level = list(chain.from_iterable(level))
    return level, shape


def place(field: Field, position: int, shape: Sequence[int]) -> str:
    """Where the element at this position of the flat list stands."""
    return field.at([int(index) for index in np.unravel_index(position, tuple(shape))])


def floats(elements: list[Any]) -> Array:
    """The elements as FP64; `TypeError` or `OverflowError` when one of them is no number that fits."""
    return np.asarray(array("d", elements))


def integers(elements: list[Any]) -> Array:
    """The elements as INT64; `TypeError` or `OverflowError` when one of them is no integer that fits."""
    return np.asarray(array("q", elements))


def _even(level: list[Any], width: int) -> bool:
    return set(map(type, level)) == {list} and set(map(len, level)) == {width}


def _uneven(level: list[Any], shape: tuple[int, ...], width: int, field: Field) -> InputRefused:
    other = next(i for i, item in enumerate(level) if not isinstance(item, list) or len(item) != width)
    came = f"a list of {len(level[other])}" if isinstance(level[other], list) else "a single value"
    return InputRefused(place(field, other, shape), expected=f"a list of {width}", came=came)
