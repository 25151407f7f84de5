"""The ground under every model: frozen, camelCase outside, with rules that the API server checks as well.

A rule is one method that says whether it holds, beside its CEL and the sentence that both refuse with:

    @rule("set exactly one of uri and image", cel="has(self.uri) != has(self.image)")
    def one_source(self) -> bool: ...
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

_MARK: Final = "__rule__"


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold of a whole object: the sentence of the refusal, the CEL, and the field it is about."""

    message: str
    cel: str
    field: str = ""
    """camelCase; empty when the rule is about several fields."""

    def to_schema(self) -> dict[str, str]:
        """One entry of `x-kubernetes-validations`."""
        schema = {"rule": self.cel, "message": self.message}
        return schema | ({"fieldPath": f".{self.field}"} if self.field else {})


Check = TypeVar("Check", bound=Callable[[Any], bool])


def rule(message: str, *, cel: str, field: str = "") -> Callable[[Check], Check]:
    """Marks a method of a model as a rule: True means that it holds."""

    def mark(check: Check) -> Check:
        setattr(check, _MARK, Rule(message, cel, field))
        return check

    return mark


@functools.cache  # asked for every value that is parsed
def rules_of(model: type[BaseModel]) -> tuple[tuple[Rule, Callable[[Any], bool]], ...]:
    """Every rule of `model` with its check, those of base classes first, in the order of the source."""
    members = [member for owner in reversed(model.__mro__) for member in vars(owner).values()]
    marked = [(getattr(member, _MARK, None), member) for member in members]
    return tuple((found, member) for found, member in marked if isinstance(found, Rule))


class FrozenModel(BaseModel):
    """A value: camelCase where text enters and leaves, snake_case inside, never changed after it was made."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Itself: pydantic copies every default, and a value needs no copies."""
        return self


class SpecModel(FrozenModel):
    """What a user writes: unknown fields are refused, and every rule of the model holds."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="after")
    def _rules_hold(self) -> Self:
        for found, check in rules_of(type(self)):
            if not check(self):
                raise PydanticCustomError(
                    "rule", "{message}", {"message": found.message, "field": found.field}
                )
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core))
        rules = [found.to_schema() for found, _ in rules_of(cls)]
        if rules:
            schema["x-kubernetes-validations"] = rules
        return schema

    def to_dict(self) -> dict[str, Any]:
        """What was written, in the words of the API; defaults are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class StatusModel(FrozenModel):
    """What the operator tells: unknown fields of a newer version are ignored."""

    model_config = ConfigDict(extra="ignore")

    def to_dict(self) -> dict[str, Any]:
        """The words of the API without what is absent or empty; zero and false are said."""
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
    """The model in the field called `alias`, also as an option or in a list; `model` when there is none."""
    for name, field in model.model_fields.items():
        if alias in (field.alias, name):
            return next(_models_in(field.annotation), model)
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
