"""Validation of a spec. The message names the field, what was expected and what was found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from seatrial.api import base, fields, names
from seatrial.api.text import truncate

Model = TypeVar("Model", bound=BaseModel)

_MAX_ERRORS: Final = 3
"""Errors in one message; the others are counted."""
_MAX_VALUE_LENGTH: Final = 80

_OBJECT: Final = "expected an object"
_INTEGER: Final = "expected an integer"
_EXPECTATIONS: Final = {
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "mapping_type": _OBJECT,
    "tuple_type": "expected a list",
    "string_type": "expected a string",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "int_type": _INTEGER,
    "int_from_float": _INTEGER,
    "int_parsing_size": _INTEGER,
    "invalid_key": "expected a string for every key",
    "greater_than_equal": "expected a value greater than or equal to {ge}",
    "less_than_equal": "expected a value less than or equal to {le}",
    "string_too_short": "expected a string with a length of at least {min_length}",
    "string_too_long": "expected a string of at most {max_length} characters",
    "too_long": "expected a list of at most {max_length} items",
    "string_pattern_mismatch": "expected a string that matches {pattern}",
}
"""pydantic's types of errors in terms of YAML; bounds are worded as the API server words them."""

_PATTERNS: Final = {
    names.REVISION_PATTERN: "expected a revision of the status, ten hex digits",
    names.ROLLBACK_TARGET_PATTERN: "expected a revision of the status, six or more digits of a digest, or previous",
    names.NAME_PATTERN: "expected the name of a ModelDeployment",
    fields.OBJECT_NAME: fields.OBJECT_NAME_EXPECTED,
    fields.OPTIONAL_NAME: fields.OBJECT_NAME_EXPECTED,
}
"""What a pattern stands for; of other patterns the message contains the pattern itself."""


class InvalidSpec(ValueError):
    """The spec is invalid; the message is written for its author."""


def validate(model: type[Model], raw: Any, *, at: str = "spec") -> Model:
    """Return `raw` as a `model`. Raise `InvalidSpec` with the path of every invalid field, starting with `at`."""
    try:
        # only the names of the API are valid: the API server rejects or prunes the Python names of fields
        return model.model_validate({} if raw is None else raw, by_alias=True, by_name=False)
    except ValidationError as error:
        raise InvalidSpec(_message(error.errors(include_url=False), model, at)) from None


def _message(errors: Sequence[ErrorDetails], model: type[BaseModel], at: str) -> str:
    messages = [_error_message(error, model, at) for error in errors[:_MAX_ERRORS]]
    more = len(errors) - len(messages)
    return "; ".join(messages) + (f"; and {more} more" if more else "")


def _error_message(error: ErrorDetails, model: type[BaseModel], at: str) -> str:
    path = _path(at, error["loc"])
    match error["type"]:
        case "rule":
            return _rule_message(path, error)
        case "extra_forbidden":
            return _unknown_field(path, _fields_at(model, error["loc"][:-1]))
        case "unknown_field":
            context = error["ctx"]
            return _unknown_field(f"{path}.{_short(context['field'])}", context["known"])
        case "missing":
            return f"{path}: is required"
        case _:
            return f"{path}: {_expectation(error)}, got {_json_of(error['input'])}"


def _unknown_field(path: str, known: Sequence[str]) -> str:
    return f'unknown field "{path}"; known fields: {", ".join(known)}'


def _rule_message(path: str, error: ErrorDetails) -> str:
    context = error["ctx"]
    field = context["field"]
    if not field:
        return f"{path}: {context['message']}"
    value = error["input"].get(field) if isinstance(error["input"], Mapping) else None
    return f"{path}.{field}: {context['message']}" + (f", got {_json_of(value)}" if value is not None else "")


def _expectation(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] == "enum":
        values = str(context["expected"]).replace(" or ", ", ").replace("'", "")
        return f"expected one of {values}"
    if context.get("pattern") in _PATTERNS:
        return _PATTERNS[context["pattern"]]
    if error["type"] in _EXPECTATIONS:
        return _EXPECTATIONS[error["type"]].format_map(context)
    return error["msg"].removeprefix("Value error, ")


def _path(at: str, loc: tuple[int | str, ...]) -> str:
    return at + "".join(f"[{part}]" if isinstance(part, int) else f".{_short(part)}" for part in loc)


def _short(text: str) -> str:
    return truncate(text, _MAX_VALUE_LENGTH)


def _json_of(value: Any) -> str:
    """Return the value as short JSON; of an object or a list only its kind."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return _short(json.dumps(value, default=str, ensure_ascii=False))


def _fields_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Return the names of the fields of the object at `loc`."""
    for part in loc:
        if isinstance(part, str):
            model = base.model_at(model, part)
    return [field.alias or name for name, field in model.model_fields.items()]
