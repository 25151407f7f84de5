"""Sets of field paths: the fields of an object, the differences of two objects, and their encoding as fieldsV1.

A path is a tuple of `f:<name>`, `k:<keys as JSON>` and `v:<value as JSON>`, as in fieldsV1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final, TypeAlias

from seatrial.api.objects import Body
from tests.apiserver.merge_schema import MergeRule, MergeSchema, MergeType, SchemaPath

Path: TypeAlias = tuple[str, ...]
Fields: TypeAlias = frozenset[Path]

ABSENT: Final = object()
_UNOWNED_METADATA: Final = frozenset(
    {
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "managedFields",
    }
)
_PORT_PROTOCOL: Final = "TCP"


def fields_of(body: Body, schema: MergeSchema) -> Fields:
    """Return every field of `body` that a manager can own."""
    return frozenset(path for path in _walk(body, (), (), schema) if _is_ownable(path))


def changed(before: Body, after: Body, schema: MergeSchema) -> Fields:
    """Return the fields of `after` that are absent from `before` or have another value there."""
    return frozenset(path for path in _differing(before, after, (), (), schema) if _is_ownable(path))


def removed(before: Body, after: Body, schema: MergeSchema) -> Fields:
    """Return the fields of `before` that are absent from `after`."""
    different = _differing(after, before, (), (), schema)
    return frozenset(path for path in different if value_at(after, path) is ABSENT)


def value_at(body: Any, path: Path) -> Any:
    """Return the value at `path`, or `ABSENT`."""
    value = body
    for element in path:
        value = _step(value, element)
        if value is ABSENT:
            return ABSENT
    return value


def without(body: Any, removed: Iterable[Path]) -> Any:
    """Return `body` without the fields `removed`, and without what that leaves empty."""
    ending = {path[0] for path in removed if len(path) == 1}
    deeper: dict[str, list[Path]] = {}
    for path in removed:
        if len(path) > 1 and path[0] not in ending:
            deeper.setdefault(path[0], []).append(path[1:])
    if isinstance(body, dict):
        return _map_without(body, ending, deeper)
    if isinstance(body, list):
        return _list_without(body, ending, deeper)
    return body


def item_key(item: Any, keys: tuple[str, ...]) -> str:
    """Return the path element of an item of a keyed list."""
    return _element(
        keys, tuple(_PORT_PROTOCOL if k == "protocol" and k not in item else item.get(k) for k in keys)
    )


@cache
def _element(keys: tuple[str, ...], values: tuple[Any, ...]) -> str:
    return "k:" + json.dumps(dict(zip(keys, values, strict=True)), separators=(",", ":"))


@cache
def _parsed(text: str) -> Any:
    return json.loads(text)


def value_key(value: Any) -> str:
    """Return the path element of a value of a set."""
    return "v:" + json.dumps(value, separators=(",", ":"))


def encode(fields: Fields) -> Body:
    """Encode a field set as fieldsV1."""
    root: Body = {}
    for path in sorted(fields):
        node = root
        for element in path:
            node = node.setdefault(element, {})
    for path in fields:
        node = root
        for element in path:
            node = node[element]
        if node:
            node["."] = {}
    return root


def decode(fields_v1: Body) -> Fields:
    """Decode fieldsV1."""
    return frozenset(_decoded(fields_v1, ()))


def _decoded(node: Body, at: Path) -> Iterator[Path]:
    for element, child in node.items():
        if element == ".":
            yield at
        elif child:
            yield from _decoded(child, (*at, element))
        else:
            yield (*at, element)


def _walk(value: Any, at: Path, schema_path: SchemaPath, schema: MergeSchema) -> Iterator[Path]:
    rule = schema.rule_at(schema_path, value)
    match rule.type:
        case MergeType.GRANULAR if value or not at:
            for name, child in value.items():
                yield from _walk(child, (*at, f"f:{name}"), (*schema_path, name), schema)
        case MergeType.KEYED if isinstance(value, list) and value:
            yield from _walk_items(value, at, schema_path, schema)
        case MergeType.SET if isinstance(value, list) and value:
            yield from ((*at, value_key(item)) for item in value)
        case _:
            yield at


def _walk_items(items: list[Any], at: Path, schema_path: SchemaPath, schema: MergeSchema) -> Iterator[Path]:
    rule: MergeRule = schema.rule_at(schema_path, items)
    for item in items:
        inside = (*at, item_key(item, rule.keys))
        yield inside
        yield from _walk(item, inside, (*schema_path, "[]"), schema)


def _is_ownable(path: Path) -> bool:
    if path[0] in ("f:apiVersion", "f:kind"):
        return False
    return not (path[0] == "f:metadata" and (len(path) == 1 or path[1][2:] in _UNOWNED_METADATA))


def _differing(
    before: Any, after: Any, at: Path, schema_path: SchemaPath, schema: MergeSchema
) -> Iterator[Path]:
    """Yield the paths of `_walk(after)` where `before` differs; skip what is equal."""
    if before == after:
        return
    rule = schema.rule_at(schema_path, after)
    match rule.type:
        case MergeType.GRANULAR if isinstance(before, dict) and after:
            for name, child in after.items():
                yield from _differing(
                    before.get(name, ABSENT), child, (*at, f"f:{name}"), (*schema_path, name), schema
                )
        case MergeType.KEYED if isinstance(before, list) and after:
            previous_items = {item_key(item, rule.keys): item for item in before}
            for item in after:
                inside = (*at, item_key(item, rule.keys))
                if inside[-1] not in previous_items:
                    yield inside
                old = previous_items.get(inside[-1], {})
                yield from _differing(old, item, inside, (*schema_path, "[]"), schema)
        case MergeType.SET if isinstance(before, list) and after:
            yield from ((*at, value_key(value)) for value in after if value not in before)
        case _:
            yield from _walk(after, at, schema_path, schema)


def _step(value: Any, element: str) -> Any:
    kind, _, rest = element.partition(":")
    if kind == "f":
        return value.get(rest, ABSENT) if isinstance(value, dict) else ABSENT
    if not isinstance(value, list):
        return ABSENT
    return next((item for item in value if _is_item(item, kind, _parsed(rest))), ABSENT)


def _is_item(item: Any, kind: str, key: Any) -> bool:
    if kind == "v":
        return bool(item == key)
    keys = tuple(key)
    return isinstance(item, dict) and item_key(item, keys) == _element(keys, tuple(key.values()))


def _map_without(body: Body, ending: set[str], deeper: dict[str, list[Path]]) -> Body:
    kept: Body = {}
    for name, child in body.items():
        element = f"f:{name}"
        if element in ending:
            continue
        less = without(child, deeper[element]) if element in deeper else child
        if less or less == child:
            kept[name] = less
    return kept


def _list_without(body: list[Any], ending: set[str], deeper: dict[str, list[Path]]) -> list[Any]:
    kept = [item for item in body if not any(_is_element(item, e) for e in ending)]
    inside = [(item, [rest for e, rest in deeper.items() if _is_element(item, e)]) for item in kept]
    return [
        without(item, [path for paths in found for path in paths]) if found else item
        for item, found in inside
    ]


def _is_element(item: Any, element: str) -> bool:
    kind, _, rest = element.partition(":")
    return kind != "f" and _is_item(item, kind, _parsed(rest))
