"""A structural schema, as the API server asks for, of a pydantic model.

What pydantic writes is not structural: references, null as a type, titles and `additionalProperties: false` are
taken out here, and what remains that a server refuses is an error of ours, found when the CRD is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from seatrial.api import durations

Schema = dict[str, Any]

_REFERENCE: Final = "#/$defs/"
_DROPPED: Final = frozenset({"title", "default", "$ref", "$defs", "x-default"})
_FREE: Final = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING: Final = "x-kubernetes-int-or-string"
_REFUSED: Final = frozenset(
    {"const", "allOf", "oneOf", "not", "exclusiveMinimum", "exclusiveMaximum", "prefixItems"}
)


class NotStructural(ValueError):
    """A model says something that no CRD can say."""


class _Generator(GenerateJsonSchema):
    """pydantic's, but an option is its type alone and a duration's default is written as users write it."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def encode_default(self, dft: Any) -> Any:
        return durations.format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def structural(model: type[BaseModel], *, say_defaults: bool) -> Schema:
    """The schema of `model`; with `say_defaults` each description ends in the default, when it has one."""
    raw = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    return _rewritten(raw, raw.get("$defs", {}), say_defaults=say_defaults)


def _rewritten(raw: Schema, definitions: dict[str, Schema], *, say_defaults: bool) -> Schema:
    raw = _inlined(raw, definitions)
    refused = _REFUSED & raw.keys()
    if refused or ("anyOf" in raw and not raw.get(_INT_OR_STRING)):
        raise NotStructural(f"{raw.get('title', 'a field')} uses {', '.join(refused) or 'anyOf'}")
    schema = {key: value for key, value in raw.items() if key not in _DROPPED}
    if "description" in schema:
        schema["description"] = _described(raw, say_defaults=say_defaults)
    if schema.get("additionalProperties") in (False, True):
        del schema["additionalProperties"]
    for part in ("items", "additionalProperties"):
        if part in schema:
            schema[part] = _rewritten(schema[part], definitions, say_defaults=say_defaults)
    if "properties" in schema:
        needed = schema.get("required", ()) if say_defaults else schema["properties"]
        schema["properties"] = {
            name: _or_none(_rewritten(field, definitions, say_defaults=say_defaults), needed=name in needed)
            for name, field in schema["properties"].items()
        }
    return schema


def _or_none(field: Schema, *, needed: bool) -> Schema:
    """The field, whose description says what is taken where nothing is written; groups say it of their parts."""
    if needed or "properties" in field or "Default" in field.get("description", "Default"):
        return field
    return {**field, "description": f"{field['description']} Default: none."}


def _inlined(raw: Schema, definitions: dict[str, Schema]) -> Schema:
    """What `raw` refers to, with what `raw` itself says on top."""
    while "$ref" in raw:
        target = definitions[raw["$ref"].removeprefix(_REFERENCE)]
        raw = {**target, **{key: value for key, value in raw.items() if key != "$ref"}}
    return raw


def _described(raw: Schema, *, say_defaults: bool) -> str:
    text = " ".join(raw["description"].split())
    default = raw.get("default")
    if not say_defaults or "Default:" in text or default in (None, "") or isinstance(default, dict | list):
        return text
    word = str(default).lower() if isinstance(default, bool) else str(default)
    return f"{text} Default: {word}."


def unbounded(schema: Schema, path: str = "") -> Iterator[str]:
    """The path of every text, list and map in `schema` that has no upper bound: CEL could not afford it."""
    kind = "string" if schema.get(_INT_OR_STRING) else schema.get("type")
    match kind:
        case "string" if not (schema.keys() & {"maxLength", "enum"}):
            yield path
        case "array" if "maxItems" not in schema:
            yield path
        case "object" if "additionalProperties" in schema and "maxProperties" not in schema:
            yield path
    for path_to, part in parts(schema, path):
        yield from unbounded(part, path_to)


def parts(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """The direct parts of `schema`, each with its path: fields, list items `[]`, map values `{}`."""
    for name, field in schema.get("properties", {}).items():
        yield (f"{path}.{name}" if path else name), field
    if "items" in schema:
        yield f"{path}[]", schema["items"]
    if "additionalProperties" in schema:
        yield f"{path}{{}}", schema["additionalProperties"]


def is_free(schema: Schema) -> bool:
    """Whether the server takes any object there."""
    return bool(schema.get(_FREE))
