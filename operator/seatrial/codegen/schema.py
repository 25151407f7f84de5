"""The structural schema of a pydantic model, as the API server requires it.

The schema that pydantic generates is not structural: references, null types, titles and `additionalProperties: false`
are removed here. Anything else that the API server would reject is an error, raised when the CRD is generated.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from seatrial.api import durations, fields

Schema = dict[str, Any]

_REFERENCE: Final = "#/$defs/"
_DROPPED: Final = frozenset({"title", "default", "$ref", "$defs", fields.STORED_DEFAULT})
_PRESERVE_UNKNOWN: Final = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING: Final = "x-kubernetes-int-or-string"
_UNSUPPORTED: Final = frozenset(
    {"const", "allOf", "oneOf", "not", "exclusiveMinimum", "exclusiveMaximum", "prefixItems"}
)


class NotStructural(ValueError):
    """A CRD cannot express the model."""


class _Generator(GenerateJsonSchema):
    """pydantic's generator, with optional fields as their plain type and defaults of durations as users write them."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def encode_default(self, dft: Any) -> Any:
        return durations.format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def structural(model: type[BaseModel], *, with_defaults: bool) -> Schema:
    """Return the schema of `model`; with `with_defaults` the description of every field ends with its default."""
    raw = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    return _rewrite(raw, raw.get("$defs", {}), with_defaults=with_defaults)


def _rewrite(raw: Schema, definitions: dict[str, Schema], *, with_defaults: bool) -> Schema:
    raw = _inline(raw, definitions)
    unsupported = _UNSUPPORTED & raw.keys()
    if unsupported or ("anyOf" in raw and not raw.get(_INT_OR_STRING)):
        raise NotStructural(f"{raw.get('title', 'a field')} uses {', '.join(unsupported) or 'anyOf'}")
    schema = {key: value for key, value in raw.items() if key not in _DROPPED}
    if fields.STORED_DEFAULT in raw:
        schema["default"] = raw[fields.STORED_DEFAULT]
    if "description" in schema:
        schema["description"] = _description(raw, with_defaults=with_defaults)
    if schema.get("additionalProperties") in (False, True):
        del schema["additionalProperties"]
    for part in ("items", "additionalProperties"):
        if part in schema:
            schema[part] = _rewrite(schema[part], definitions, with_defaults=with_defaults)
    if "properties" in schema:
        without_default = schema.get("required", ()) if with_defaults else schema["properties"]
        schema["properties"] = {
            name: _with_default(
                _rewrite(field, definitions, with_defaults=with_defaults), exempt=name in without_default
            )
            for name, field in schema["properties"].items()
        }
    return schema


def _with_default(field: Schema, *, exempt: bool) -> Schema:
    """Return the field with "Default: none." in a description without a default; groups describe it in their fields."""
    if exempt or "properties" in field or "Default" in field.get("description", "Default"):
        return field
    return {**field, "description": f"{field['description']} Default: none."}


def _inline(raw: Schema, definitions: dict[str, Schema]) -> Schema:
    """Return the definition that `raw` refers to, overridden by the keys of `raw` itself."""
    while "$ref" in raw:
        target = definitions[raw["$ref"].removeprefix(_REFERENCE)]
        raw = {**target, **{key: value for key, value in raw.items() if key != "$ref"}}
    return raw


def _description(raw: Schema, *, with_defaults: bool) -> str:
    text = " ".join(raw["description"].split())
    default = raw.get("default")
    if not with_defaults or "Default:" in text or default in (None, "") or isinstance(default, dict | list):
        return text
    value = str(default).lower() if isinstance(default, bool) else str(default)
    return f"{text} Default: {value}."


def unbounded(schema: Schema, path: str = "") -> Iterator[str]:
    """Yield the path of every string, list and map without an upper bound: the cost of CEL rules would be too high."""
    kind = "string" if schema.get(_INT_OR_STRING) else schema.get("type")
    match kind:
        case "string" if not (schema.keys() & {"maxLength", "enum"}):
            yield path
        case "array" if "maxItems" not in schema:
            yield path
        case "object" if "additionalProperties" in schema and "maxProperties" not in schema:
            yield path
    for part_path, part in parts(schema, path):
        yield from unbounded(part, part_path)


def parts(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield the direct parts of `schema`, each with its path: fields, list items `[]` and map values `{}`."""
    for name, field in schema.get("properties", {}).items():
        yield (f"{path}.{name}" if path else name), field
    if "items" in schema:
        yield f"{path}[]", schema["items"]
    if "additionalProperties" in schema:
        yield f"{path}{{}}", schema["additionalProperties"]


def is_open(schema: Schema) -> bool:
    """Return whether the API server accepts any object."""
    return bool(schema.get(_PRESERVE_UNKNOWN))
