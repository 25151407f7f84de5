"""The base classes of every model: immutable, camelCase on the wire, with rules that the API server checks as well.

A rule is a method that returns whether it holds, beside its CEL expression and the message that both report:

    @rule("set exactly one of uri and image", cel="has(self.uri) != has(self.image)")
    def has_one_source(self) -> bool: ...
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

_RULE: Final = "__rule__"


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold for an object: the message when it does not, the CEL expression, and the field."""

    message: str
    cel: str
    field: str = ""
    """In camelCase; empty when the rule is about several fields."""

    def to_schema(self) -> dict[str, str]:
        """Return the entry of `x-kubernetes-validations`."""
        schema = {"rule": self.cel, "message": self.message}
        return schema | ({"fieldPath": f".{self.field}"} if self.field else {})


Check = TypeVar("Check", bound=Callable[[Any], bool])


def rule(message: str, *, cel: str, field: str = "") -> Callable[[Check], Check]:
    """Mark a method of a model as a rule; it returns whether the rule holds."""

    def mark(check: Check) -> Check:
        setattr(check, _RULE, Rule(message, cel, field))
        return check

    return mark


@functools.cache  # needed for every value that is parsed
def rules_of(model: type[BaseModel]) -> tuple[tuple[Rule, Callable[[Any], bool]], ...]:
    """Return every rule of `model` with its check, those of base classes first, in the order of the source."""
    members = [member for owner in reversed(model.__mro__) for member in vars(owner).values()]
    candidates = [(getattr(member, _RULE, None), member) for member in members]
    return tuple((rule, member) for rule, member in candidates if isinstance(rule, Rule))


class FrozenModel(BaseModel):
    """An immutable value: camelCase on the wire, snake_case in Python."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Return the value itself: pydantic copies every default, and an immutable value needs no copies."""
        return self


class SpecModel(FrozenModel):
    """A part of a spec: unknown fields are rejected, and every rule of the model holds."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="after")
    def _rules_hold(self) -> Self:
        for rule, check in rules_of(type(self)):
            if not check(self):
                raise PydanticCustomError("rule", "{message}", {"message": rule.message, "field": rule.field})
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core))
        rules = [rule.to_schema() for rule, _ in rules_of(cls)]
        if rules:
            schema["x-kubernetes-validations"] = rules
        return schema

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that were set, as JSON values; defaults are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class StatusModel(FrozenModel):
    """A part of a status: unknown fields are ignored, as a newer version of the operator may have written them."""

    model_config = ConfigDict(extra="ignore")

    def to_dict(self) -> dict[str, Any]:
        """Return the status as JSON values, without absent and empty parts; zero and false are kept."""
        raw = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {key: value for key, value in _without_empty(raw).items() if not _is_empty(value)}


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _without_empty(value: Any) -> Any:
    match value:
        case dict():
            cleaned = ((key, _without_empty(part)) for key, part in value.items())
            return {key: part for key, part in cleaned if not _is_empty(part)}
        case list():
            return [_without_empty(part) for part in value]
        case _:
            return value


def model_at(model: type[BaseModel], alias: str) -> type[BaseModel]:
    """Return the model of the field `alias`, also of an optional field or a list; `model` when it has none."""
    for name, field in model.model_fields.items():
        if alias in (field.alias, name):
            return next(_models_in(field.annotation), model)
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
