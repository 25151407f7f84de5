"""Sets of fields: what an object has, where two objects differ, and how `managedFields` writes that down.

A path is a tuple of `f:<name>`, `k:<keys as JSON>` and `v:<value as JSON>`, as in fieldsV1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final, TypeAlias

from seatrial.api.objects import Body
from tests.apiserver.merge_schema import Place, Shape, Shapes, Style

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


def of(body: Body, shapes: Shapes) -> Fields:
    """Every field of `body` that somebody can own."""
    return frozenset(path for path in _walk(body, (), (), shapes) if _is_ownable(path))


def changed(before: Body, after: Body, shapes: Shapes) -> Fields:
    """The fields of `after` that `before` lacks or has otherwise."""
    return frozenset(path for path in _differing(before, after, (), (), shapes) if _is_ownable(path))


def gone(before: Body, after: Body, shapes: Shapes) -> Fields:
    """The fields of `before` that `after` lacks."""
    different = _differing(after, before, (), (), shapes)
    return frozenset(path for path in different if value_at(after, path) is ABSENT)


def value_at(body: Any, path: Path) -> Any:
    """What stands at `path`, or `ABSENT`."""
    value = body
    for element in path:
        value = _step(value, element)
        if value is ABSENT:
            return ABSENT
    return value


def without(body: Any, gone: Iterable[Path]) -> Any:
    """`body` without the fields `gone`; what is left empty by that is gone as well."""
    ending = {path[0] for path in gone if len(path) == 1}
    deeper: dict[str, list[Path]] = {}
    for path in gone:
        if len(path) > 1 and path[0] not in ending:
            deeper.setdefault(path[0], []).append(path[1:])
    if isinstance(body, dict):
        return _map_without(body, ending, deeper)
    if isinstance(body, list):
        return _list_without(body, ending, deeper)
    return body


def item_key(item: Any, keys: tuple[str, ...]) -> str:
    """The path element of an item of a keyed list."""
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
    """The path element of a value of a set."""
    return "v:" + json.dumps(value, separators=(",", ":"))


def encode(fields: Fields) -> Body:
    """`fields` as fieldsV1."""
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
    """The fields that fieldsV1 speaks of."""
    return frozenset(_decoded(fields_v1, ()))


def _decoded(node: Body, at: Path) -> Iterator[Path]:
    for element, child in node.items():
        if element == ".":
            yield at
        elif child:
            yield from _decoded(child, (*at, element))
        else:
            yield (*at, element)


def _walk(value: Any, at: Path, place: Place, shapes: Shapes) -> Iterator[Path]:
    shape = shapes.of(place, value)
    match shape.style:
        case Style.GRANULAR if value or not at:
            for name, child in value.items():
                yield from _walk(child, (*at, f"f:{name}"), (*place, name), shapes)
        case Style.KEYED if isinstance(value, list) and value:
            yield from _walk_items(value, at, place, shapes)
        case Style.SET if isinstance(value, list) and value:
            yield from ((*at, value_key(item)) for item in value)
        case _:
            yield at


def _walk_items(items: list[Any], at: Path, place: Place, shapes: Shapes) -> Iterator[Path]:
    shape: Shape = shapes.of(place, items)
    for item in items:
        inside = (*at, item_key(item, shape.keys))
        yield inside
        yield from _walk(item, inside, (*place, "[]"), shapes)


def _is_ownable(path: Path) -> bool:
    if path[0] in ("f:apiVersion", "f:kind"):
        return False
    return not (path[0] == "f:metadata" and (len(path) == 1 or path[1][2:] in _UNOWNED_METADATA))


def _differing(before: Any, after: Any, at: Path, place: Place, shapes: Shapes) -> Iterator[Path]:
    """The paths of `_walk(after)` where `before` differs; what is equal is not walked."""
    if before == after:
        return
    shape = shapes.of(place, after)
    match shape.style:
        case Style.GRANULAR if isinstance(before, dict) and after:
            for name, child in after.items():
                yield from _differing(
                    before.get(name, ABSENT), child, (*at, f"f:{name}"), (*place, name), shapes
                )
        case Style.KEYED if isinstance(before, list) and after:
            standing = {item_key(item, shape.keys): item for item in before}
            for item in after:
                inside = (*at, item_key(item, shape.keys))
                if inside[-1] not in standing:
                    yield inside
                old = standing.get(inside[-1], {})
                yield from _differing(old, item, inside, (*place, "[]"), shapes)
        case Style.SET if isinstance(before, list) and after:
            yield from ((*at, value_key(value)) for value in after if value not in before)
        case _:
            yield from _walk(after, at, place, shapes)


def _step(value: Any, element: str) -> Any:
    kind, _, rest = element.partition(":")
    if kind == "f":
        return value.get(rest, ABSENT) if isinstance(value, dict) else ABSENT
    if not isinstance(value, list):
        return ABSENT
    return next((item for item in value if _is_item(item, kind, _parsed(rest))), ABSENT)


def _is_item(item: Any, kind: str, wanted: Any) -> bool:
    if kind == "v":
        return bool(item == wanted)
    keys = tuple(wanted)
    return isinstance(item, dict) and item_key(item, keys) == _element(keys, tuple(wanted.values()))


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
