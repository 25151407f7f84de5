"""Server-side apply: merges a field manager's configuration into a live object."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from seatrial.api.objects import Body
from seatrial.kube import failures
from tests.apiserver import field_sets, managed_fields
from tests.apiserver.field_sets import Fields
from tests.apiserver.managed_fields import Claim, Claims, FieldManager
from tests.apiserver.merge_schema import MergeSchema, MergeType, SchemaPath


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """The object after an apply, and who owns its fields."""

    body: Body
    claims: Claims


def apply(
    live: Body, intent: Body, manager: FieldManager, *, schema: MergeSchema, force: bool, now: str
) -> ApplyResult:
    """Return `live` with `intent` merged in, without the fields that only this manager applied before."""
    claims = managed_fields.claims_of(live)
    applied = field_sets.fields_of(intent, schema)
    previous = claims[manager].fields if manager in claims else frozenset()
    others = {other: claim for other, claim in claims.items() if other != manager}
    contested = {other: _contested(claim.fields & applied, live, intent) for other, claim in others.items()}
    if any(contested.values()) and not force:
        raise _conflict(contested)
    uncontested = {o: Claim(c.fields - contested[o], c.time, c.api_version) for o, c in others.items()}
    merged = merge(live, intent, schema)
    body = field_sets.without(
        merged,
        _abandoned(previous - applied, {**uncontested, manager: Claim(applied, now, intent["apiVersion"])}),
    )
    is_unchanged = previous == applied and body == live
    own_claim = Claim(applied, claims[manager].time if is_unchanged else now, intent["apiVersion"])
    return ApplyResult(body, {**uncontested, manager: own_claim})


def merge(live: Any, intent: Any, schema: MergeSchema, schema_path: SchemaPath = ()) -> Any:
    """Return `live` overlaid with `intent`, field by field where the schema allows."""
    if (
        isinstance(live, dict)
        and isinstance(intent, dict)
        and schema.rule_at(schema_path, intent).type is MergeType.GRANULAR
    ):
        merged = dict(live)
        for name, value in intent.items():
            merged[name] = merge(live.get(name), value, schema, (*schema_path, name))
        return merged
    if isinstance(live, list) and isinstance(intent, list):
        return _merge_lists(live, intent, schema, schema_path)
    return _without_nulls(intent)


def _merge_lists(
    live: list[Any], intent: list[Any], schema: MergeSchema, schema_path: SchemaPath
) -> list[Any]:
    rule = schema.rule_at(schema_path, intent)
    match rule.type:
        case MergeType.SET:
            return live + [value for value in intent if value not in live]
        case MergeType.KEYED:
            return _merge_keyed(live, intent, schema, schema_path)
        case _:
            return _without_nulls(intent)  # type: ignore[no-any-return]  # a list stays a list


def _merge_keyed(
    live: list[Any], intent: list[Any], schema: MergeSchema, schema_path: SchemaPath
) -> list[Any]:
    """Keep the positions of live items and the order of the items of `intent`."""
    keys = schema.rule_at(schema_path, intent).keys
    live_items = {field_sets.item_key(item, keys): item for item in live}
    applied_items = {field_sets.item_key(item, keys): item for item in intent}
    merged = {
        k: merge(live_items.get(k), item, schema, (*schema_path, "[]")) for k, item in applied_items.items()
    }
    result: list[Any] = []
    for key, item in live_items.items():
        if key not in applied_items:
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
    """Return the shared fields whose value would change."""
    return frozenset(
        path
        for path in shared
        if not path[-1].startswith(("k:", "v:"))
        and field_sets.value_at(live, path) != field_sets.value_at(intent, path)
    )


def _abandoned(candidates: Fields, claims: Claims) -> list[field_sets.Path]:
    """Return the fields this manager no longer applies and that no manager owns, nor anything inside them."""
    owned = frozenset[field_sets.Path]().union(*(claim.fields for claim in claims.values()))
    return [path for path in candidates if not any(other[: len(path)] == path for other in owned)]


def _conflict(contested: dict[FieldManager, Fields]) -> failures.Conflict:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{manager.name}"',
            "field": _dotted(path),
        }
        for manager, paths in contested.items()
        for path in sorted(paths)
    ]
    summary = "; ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    plural = "s" if len(causes) > 1 else ""
    message = f"Apply failed with {len(causes)} conflict{plural}: {summary}"
    return failures.Conflict(409, "Conflict", message, details={"causes": causes})


def _dotted(path: field_sets.Path) -> str:
    """Return a path as the server's messages write it."""
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
