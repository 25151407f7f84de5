"""Fields that a kind does not have and values of another type: dropped or rejected, in the words of the API server.

A POST decodes the object; an apply converts it to a typed one. Each has sentences, paths and status codes of its own.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from seatrial.api import objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from seatrial.kube import failures
from tests.apiserver import field_types
from tests.apiserver.merge_schema import MergeSchema, MergeType, SchemaPath

_NOT_DECLARED: Final = frozenset({"metadata", "status"})
"""Parts of every object that `field_types` leaves out."""
_GO_TYPES: Final = {"integer": "int32", "boolean": "bool", "number": "float64"}
_TYPED_NAMES: Final = {"integer": "numeric (int or float)", "number": "numeric (int or float)"}


@dataclass(frozen=True, slots=True)
class _Problem:
    """A field that is unknown, or whose value should have another type. Paths with indexes, and with keys."""

    decoded_path: str
    typed_path: str
    parent: str
    wanted: str = ""
    value: Any = None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in an object a value is."""

    decoded: str = ""
    typed: str = ""
    schema: SchemaPath = ()

    def field(self, name: str) -> _Place:
        """Return the place of a field."""
        dot = "." if self.decoded else ""
        return _Place(f"{self.decoded}{dot}{name}", f"{self.typed}.{name}", (*self.schema, name))

    def item(self, index: int, key: str) -> _Place:
        """Return the place of a list's item."""
        return _Place(f"{self.decoded}[{index}]", f"{self.typed}[{key or index}]", (*self.schema, "[]"))


def decoded(kind: Kind, body: Body, *, strict: bool) -> Body:
    """Return the object without unknown fields; raise `Invalid` if one is ill-typed, or `strict` and unknown."""
    problems = _problems(kind, body)
    what = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'
    if ill_typed := next((p for p in problems if p.wanted), None):
        raise failures.Invalid(400, "BadRequest", f"{what}: {_unmarshal_error(ill_typed)}")
    if problems and strict:
        unknown = ", ".join(f'unknown field "{problem.decoded_path}"' for problem in problems)
        raise failures.Invalid(400, "BadRequest", f"{what}: strict decoding error: {unknown}")
    return _without(body, {problem.decoded_path for problem in problems}, "") if problems else body


def check_applied(kind: Kind, body: Body, schema: MergeSchema) -> None:
    """Raise the error of an apply whose object has unknown or ill-typed fields."""
    problems = _problems(kind, body, schema)
    if not problems:
        return
    sentences = [f"{problem.typed_path}: {_conversion_error(problem)}" for problem in problems]
    key = objects.key_of(body)
    what = f"{key.namespace}/{key.name}; {kind.api_version}, Kind={kind.kind}"
    found = sentences[0] if len(sentences) == 1 else "errors:\n  " + "\n  ".join(sentences)
    raise failures.Invalid(500, "", f"failed to create typed patch object ({what}): {found}")


def _unmarshal_error(problem: _Problem) -> str:
    path = "".join(
        part.partition("]")[2] if n else part for n, part in enumerate(problem.decoded_path.split("["))
    )
    return (
        f"json: cannot unmarshal {_json_type(problem.value)} into Go struct field {problem.parent}.{path}"
        f" of type {_go_type(problem.wanted)}"
    )


def _conversion_error(problem: _Problem) -> str:
    if not problem.wanted:
        return "field not declared in schema"
    if problem.wanted.startswith("[]"):
        return f"expected list, got &{{{problem.value}}}"
    if problem.wanted in {"string", "boolean"}:
        return f"expected {problem.wanted}, got &value.valueUnstructured{{Value:{problem.value}}}"
    if problem.wanted in _TYPED_NAMES:
        return f"expected {_TYPED_NAMES[problem.wanted]}, got {_json_type(problem.value)}"
    return f"expected map, got &{{{problem.value}}}"


def _go_type(wanted: str) -> str:
    if wanted.startswith("[]"):
        return "[]" + _go_type(wanted[2:])
    return _GO_TYPES.get(wanted) or (wanted if wanted == "string" else f"v1.{wanted}")


def _json_type(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


@functools.cache
def _types() -> field_types.FieldTypes:
    return field_types.stored()


def _problems(kind: Kind, body: Body, schema: MergeSchema | None = None) -> list[_Problem]:
    if kind not in field_types.CHECKED:
        return []
    declared = {name: value for name, value in body.items() if name not in _NOT_DECLARED}
    return list(_of_value(declared, kind.kind, _Place(), "", schema))


def _of_value(
    value: Any, wanted: str, place: _Place, parent: str, schema: MergeSchema | None
) -> Iterator[_Problem]:
    if value is None or wanted == "any":
        return
    if not _has_type(value, wanted):
        yield _Problem(place.decoded, place.typed, parent, wanted, value)
    elif wanted.startswith("[]"):
        rule = None if schema is None else schema.rule_at(place.schema, value)
        keys = rule.keys if rule is not None and rule.type is MergeType.KEYED else ()
        for index, item in enumerate(value):
            yield from _of_value(item, wanted[2:], place.item(index, _key_of(item, keys)), parent, schema)
    elif wanted.startswith("{}"):
        for name, item in value.items():
            yield from _of_value(item, wanted[2:], place.field(name), parent, schema)
    elif wanted in _types():
        for name, item in value.items():
            yield from _of_field(name, item, wanted, place, schema)


def _of_field(
    name: str, item: Any, parent: str, place: _Place, schema: MergeSchema | None
) -> Iterator[_Problem]:
    wanted = _types()[parent].get(name)
    inside = place.field(name)
    if wanted is None:
        yield _Problem(inside.decoded, inside.typed, parent)
    else:
        yield from _of_value(item, wanted, inside, parent, schema)


def _has_type(value: Any, wanted: str) -> bool:
    match wanted:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, list if wanted.startswith("[]") else dict)


def _key_of(item: Any, keys: tuple[str, ...]) -> str:
    if not isinstance(item, dict):
        return ""
    return ",".join(f"{key}={json.dumps(item[key])}" for key in keys if key in item)


def _without(value: Any, paths: set[str], at: str) -> Any:
    """Return the value without the fields at these paths, in which `at` is its own."""
    if isinstance(value, dict):
        places = {name: f"{at}.{name}" if at else name for name in value}
        return {n: _without(item, paths, places[n]) for n, item in value.items() if places[n] not in paths}
    if isinstance(value, list):
        return [_without(item, paths, f"{at}[{index}]") for index, item in enumerate(value)]
    return value
