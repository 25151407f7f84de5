"""Reading what may be damaged or newer than this program: keep every part that can be understood."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)

_GONE: Final = object()
"""Stands in a list where an item was dropped, so that its neighbours keep their places until the end."""


def parsed(model: type[Model], raw: Mapping[str, Any] | None) -> Model | None:
    """A `model` of all in `raw` that fits it; None when a required field is missing at the top."""
    if not isinstance(raw, Mapping):
        raw = {}
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        return _repaired(model, deepcopy(dict(raw)), error)


def _repaired(model: type[Model], raw: dict[str, Any], error: ValidationError) -> Model | None:
    """Drops what each round of `error` names; every round drops something, so it ends."""
    while True:
        places = sorted((_place(found["type"], found["loc"]) for found in error.errors()), key=len)
        if not places[0]:
            return None
        for place in places:
            _drop(raw, place)
        _sweep(raw)
        try:
            return model.model_validate(raw)
        except ValidationError as again:
            error = again


def _place(kind: str, loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Where to cut: the value that is wrong, or the object that misses a field."""
    return loc[:-1] if kind == "missing" else loc


def _drop(raw: Any, place: tuple[int | str, ...]) -> None:
    """Cuts at the deepest part of `place` that exists: a location may end in a word of the validator."""
    holder: Any = None
    key: int | str = ""
    for part in place:
        if not _has(raw, part):
            break
        holder, key, raw = raw, part, raw[part]
    if isinstance(holder, dict):
        holder.pop(key, None)
    elif isinstance(holder, list):
        holder[int(key)] = _GONE


def _has(raw: Any, part: int | str) -> bool:
    match raw:
        case dict():
            return part in raw
        case list():
            return isinstance(part, int) and part < len(raw)
        case _:
            return False


def _sweep(raw: Any) -> None:
    """Removes the dropped items of every list."""
    if isinstance(raw, list):
        raw[:] = [item for item in raw if item is not _GONE]
    for part in raw.values() if isinstance(raw, dict) else raw if isinstance(raw, list) else ():
        _sweep(part)
