"""Why a spec is refused, in a sentence that names the field, what was expected and what came."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from seatrial.api import base

Model = TypeVar("Model", bound=BaseModel)

_SHOWN: Final = 3
"""Mistakes named in one sentence; the others are counted."""
_VALUE_LENGTH: Final = 80


class InvalidSpec(ValueError):
    """The spec cannot be carried out as it is; the message is a sentence for its author."""


def validated(model: type[Model], raw: Any, *, at: str = "spec") -> Model:
    """A `model` of `raw`, or `InvalidSpec` that names every field by its path from `at`."""
    try:
        return model.model_validate({} if raw is None else raw)
    except ValidationError as error:
        raise InvalidSpec(_sentence(error.errors(include_url=False), model, at)) from None


def _sentence(errors: Sequence[ErrorDetails], model: type[BaseModel], at: str) -> str:
    told = [_mistake(error, model, at) for error in errors[:_SHOWN]]
    more = len(errors) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more else "")


def _mistake(error: ErrorDetails, model: type[BaseModel], at: str) -> str:
    path, value = _path(at, error["loc"]), error["input"]
    match error["type"]:
        case "rule":
            return _broken_rule(path, error)
        case "extra_forbidden":
            return f'unknown field "{path}"; known here: {", ".join(_known(model, error["loc"][:-1]))}'
        case "missing":
            return f"{path}: is required"
        case _:
            return f"{path}: {_expectation(error)}; got {_shown(value)}"


def _broken_rule(path: str, error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    field = context.get("field", "")
    if not field:
        return f"{path}: {context['message']}"
    came = error["input"].get(field) if isinstance(error["input"], Mapping) else None
    return f"{path}.{field}: {context['message']}" + (f"; got {_shown(came)}" if came is not None else "")


def _expectation(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "enum":
        words = str(error.get("ctx", {}).get("expected", "")).replace(" or ", ", ").replace("'", "")
        return f"must be one of {words}"
    for subject in ("Input", "String", "Value", "Tuple", "Dictionary"):
        message = message.replace(f"{subject} should", "must")
    return message


def _path(at: str, loc: tuple[int | str, ...]) -> str:
    return at + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)


def _shown(value: Any) -> str:
    """The value as JSON, short; large things by their kind."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _VALUE_LENGTH else text[: _VALUE_LENGTH - 1] + "…"


def _known(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The fields that the object at `loc` has."""
    for part in loc:
        if isinstance(part, str):
            model = base.model_at(model, part)
    return [field.alias or name for name, field in model.model_fields.items()]
