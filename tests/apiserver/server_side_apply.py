"""Server-side apply: what becomes of a live object when a manager applies its intent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from seatrial.api.objects import Body
from seatrial.kube import failures
from tests.apiserver import field_sets, managed_fields
from tests.apiserver.field_sets import Fields
from tests.apiserver.managed_fields import Claim, Claims, Owner
from tests.apiserver.merge_schema import Place, Shapes, Style


@dataclass(frozen=True, slots=True)
class Applied:
    """The object to be, and who owns its fields then."""

    body: Body
    claims: Claims


def apply(live: Body, intent: Body, owner: Owner, *, shapes: Shapes, force: bool, now: str) -> Applied:
    """`live` with `intent` merged in and without what this owner alone wanted before."""
    claims = managed_fields.read(live)
    wanted = field_sets.of(intent, shapes)
    former = claims[owner].fields if owner in claims else frozenset()
    others = {other: claim for other, claim in claims.items() if other != owner}
    contested = {other: _contested(claim.fields & wanted, live, intent) for other, claim in others.items()}
    if any(contested.values()) and not force:
        raise _conflict(contested)
    held = {o: Claim(c.fields - contested[o], c.time, c.api_version) for o, c in others.items()}
    merged = merge(live, intent, shapes)
    left = field_sets.without(
        merged, _abandoned(former - wanted, {**held, owner: Claim(wanted, now, intent["apiVersion"])})
    )
    same = former == wanted and left == live
    mine = Claim(wanted, claims[owner].time if same else now, intent["apiVersion"])
    return Applied(left, {**held, owner: mine})


def merge(live: Any, intent: Any, shapes: Shapes, place: Place = ()) -> Any:
    """`live` with `intent` laid over it, field by field where the shape allows."""
    if (
        isinstance(live, dict)
        and isinstance(intent, dict)
        and shapes.of(place, intent).style is Style.GRANULAR
    ):
        merged = dict(live)
        for name, value in intent.items():
            merged[name] = merge(live.get(name), value, shapes, (*place, name))
        return merged
    if isinstance(live, list) and isinstance(intent, list):
        return _merge_lists(live, intent, shapes, place)
    return _without_nulls(intent)


def _merge_lists(live: list[Any], intent: list[Any], shapes: Shapes, place: Place) -> list[Any]:
    shape = shapes.of(place, intent)
    match shape.style:
        case Style.SET:
            return live + [value for value in intent if value not in live]
        case Style.KEYED:
            return _merge_keyed(live, intent, shapes, place)
        case _:
            return _without_nulls(intent)  # type: ignore[no-any-return]  # a list stays a list


def _merge_keyed(live: list[Any], intent: list[Any], shapes: Shapes, place: Place) -> list[Any]:
    """Live items keep their places, those of `intent` their order."""
    keys = shapes.of(place, intent).keys
    standing = {field_sets.item_key(item, keys): item for item in live}
    coming = {field_sets.item_key(item, keys): item for item in intent}
    merged = {k: merge(standing.get(k), item, shapes, (*place, "[]")) for k, item in coming.items()}
    result: list[Any] = []
    for key, item in standing.items():
        if key not in coming:
            result.append(item)
        elif key in merged:
            result += [merged.pop(k) for k in _up_to(key, list(merged))]
    return result + list(merged.values())


def _up_to(key: str, keys: list[str]) -> list[str]:
    return keys[: keys.index(key) + 1]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(child) for name, child in value.items() if child is not None}
    return [_without_nulls(child) for child in value] if isinstance(value, list) else value


def _contested(shared: Fields, live: Body, intent: Body) -> Fields:
    """Of the shared fields those whose value would change."""
    return frozenset(
        path
        for path in shared
        if not path[-1].startswith(("k:", "v:"))
        and field_sets.value_at(live, path) != field_sets.value_at(intent, path)
    )


def _abandoned(candidates: Fields, held: Claims) -> list[field_sets.Path]:
    """Of the fields this owner no longer wants, those that nobody owns now, nor anything inside them."""
    owned = frozenset[field_sets.Path]().union(*(claim.fields for claim in held.values()))
    return [path for path in candidates if not any(other[: len(path)] == path for other in owned)]


def _conflict(contested: dict[Owner, Fields]) -> failures.Conflict:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{owner.manager}"',
            "field": _dotted(path),
        }
        for owner, paths in contested.items()
        for path in sorted(paths)
    ]
    told = "; ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    plural = "s" if len(causes) > 1 else ""
    message = f"Apply failed with {len(causes)} conflict{plural}: {told}"
    return failures.Conflict(409, "Conflict", message, details={"causes": causes})


def _dotted(path: field_sets.Path) -> str:
    """A path as the server's messages write it."""
    text = ""
    for element in path:
        kind, _, rest = element.partition(":")
        if kind == "f":
            text += f".{rest}"
        elif kind == "k":
            text += "[" + ",".join(f"{k}={json.dumps(v)}" for k, v in json.loads(rest).items()) + "]"
        else:
            text += f"[={rest}]"
    return text
