"""Parsing of a stored status that may be damaged: every part that is valid is kept."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)

_REMOVED: Final = object()
"""Takes the place of a removed list item, so that the indices of the others stay valid until the end of a round."""


def parse(model: type[Model], raw: Mapping[str, Any] | None) -> Model | None:
    """Return a `model` of the valid parts of `raw`; None when a required field is missing at the top level."""
    if not isinstance(raw, Mapping):
        raw = {}
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        return _repair(model, deepcopy(dict(raw)), error)


def _repair(model: type[Model], raw: dict[str, Any], error: ValidationError) -> Model | None:
    """Remove the invalid parts until `raw` is valid; every round removes at least one, so the loop ends."""
    while True:
        paths = sorted((_invalid_path(detail["type"], detail["loc"]) for detail in error.errors()), key=len)
        if not paths[0]:
            return None
        for path in paths:
            _remove(raw, path)
        _compact(raw)
        try:
            return model.model_validate(raw)
        except ValidationError as next_error:
            error = next_error


def _invalid_path(error_type: str, loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return the path to remove: that of the invalid value, or of the object in which a field is missing."""
    return loc[:-1] if error_type == "missing" else loc


def _remove(raw: Any, path: tuple[int | str, ...]) -> None:
    """Remove the deepest existing part of `path`: a location can end in a name that only the validator uses."""
    parent: Any = None
    key: int | str = ""
    for part in path:
        if not _has(raw, part):
            break
        parent, key, raw = raw, part, raw[part]
    if isinstance(parent, dict):
        parent.pop(key, None)
    elif isinstance(parent, list):
        parent[int(key)] = _REMOVED


def _has(raw: Any, part: int | str) -> bool:
    match raw:
        case dict():
            return part in raw
        case list():
            return isinstance(part, int) and part < len(raw)
        case _:
            return False


def _compact(raw: Any) -> None:
    """Delete the removed items of every list."""
    if isinstance(raw, list):
        raw[:] = [item for item in raw if item is not _REMOVED]
    for part in raw.values() if isinstance(raw, dict) else raw if isinstance(raw, list) else ():
        _compact(part)
