"""Why a spec is refused, in a sentence that names the field, what was expected and what came."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from seatrial.api import base, fields, names
from seatrial.api.text import truncate

Model = TypeVar("Model", bound=BaseModel)

_SHOWN: Final = 3
"""Mistakes named in one sentence; the others are counted."""
_VALUE_LENGTH: Final = 80

_AN_OBJECT: Final = "must be an object"
_A_WHOLE_NUMBER: Final = "must be a whole number"
_EXPECTED: Final = {
    "dict_type": _AN_OBJECT,
    "model_type": _AN_OBJECT,
    "mapping_type": _AN_OBJECT,
    "tuple_type": "must be a list",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": _A_WHOLE_NUMBER,
    "int_from_float": _A_WHOLE_NUMBER,
    "int_parsing_size": _A_WHOLE_NUMBER,
    "invalid_key": "every key must be a text",
}
"""pydantic's kinds of mistakes in the words of somebody who writes YAML; bounds are said as the server says them."""

_BY_PATTERN: Final = {
    names.REVISION_PATTERN: "must be a revision as status names it, ten hex digits",
    names.NAME_PATTERN: "must be the name of a ModelDeployment",
    fields.OBJECT_NAME: fields.OBJECT_NAME_EXPECTED,
    fields.OPTIONAL_NAME: fields.OBJECT_NAME_EXPECTED,
}
"""Patterns that have a name; the others are shown as they are."""


class InvalidSpec(ValueError):
    """The spec cannot be carried out as it is; the message is a sentence for its author."""


def validated(model: type[Model], raw: Any, *, at: str = "spec") -> Model:
    """A `model` of `raw`, or `InvalidSpec` that names every field by its path from `at`."""
    try:
        # the names of Python's fields are no words of the API, where the server would refuse or prune them
        return model.model_validate({} if raw is None else raw, by_alias=True, by_name=False)
    except ValidationError as error:
        raise InvalidSpec(_sentence(error.errors(include_url=False), model, at)) from None


def _sentence(errors: Sequence[ErrorDetails], model: type[BaseModel], at: str) -> str:
    said = [_mistake(error, model, at) for error in errors[:_SHOWN]]
    more = len(errors) - len(said)
    return "; ".join(said) + (f"; and {more} more" if more else "")


def _mistake(error: ErrorDetails, model: type[BaseModel], at: str) -> str:
    path, value = _path(at, error["loc"]), error["input"]
    match error["type"]:
        case "rule":
            return _broken_rule(path, error)
        case "extra_forbidden":
            return f'unknown field "{path}"; known here: {", ".join(_known(model, error["loc"][:-1]))}'
        case "unknown_field":
            context = error.get("ctx", {})
            return (
                f'unknown field "{path}.{_cut(context["field"])}"; known here: {", ".join(context["known"])}'
            )
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
    context = error.get("ctx", {})
    if error["type"] == "enum":
        words = str(context.get("expected", "")).replace(" or ", ", ").replace("'", "")
        return f"must be one of {words}"
    if error["type"] == "string_pattern_mismatch" and context.get("pattern") in _BY_PATTERN:
        return _BY_PATTERN[context["pattern"]]
    if error["type"] in _EXPECTED:
        return _EXPECTED[error["type"]]
    message = error["msg"].removeprefix("Value error, ")
    for subject in ("Input", "String", "Value", "Tuple", "Dictionary"):
        message = message.replace(f"{subject} should", "must")
    return message


def _path(at: str, loc: tuple[int | str, ...]) -> str:
    return at + "".join(f"[{part}]" if isinstance(part, int) else f".{_cut(part)}" for part in loc)


def _cut(text: str) -> str:
    return truncate(text, _VALUE_LENGTH)


def _shown(value: Any) -> str:
    """The value as JSON, short; large things by their kind."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return _cut(json.dumps(value, default=str, ensure_ascii=False))


def _known(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The fields that the object at `loc` has."""
    for part in loc:
        if isinstance(part, str):
            model = base.model_at(model, part)
    return [field.alias or name for name, field in model.model_fields.items()]
