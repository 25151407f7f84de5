"""The entries of `metadata.managedFields`: which manager owns which field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from seatrial.api.objects import Body
from tests.apiserver import field_sets
from tests.apiserver.field_sets import Fields
from tests.apiserver.merge_schema import MergeSchema


@dataclass(frozen=True, slots=True)
class FieldManager:
    """The identity of one entry. `operation` is Apply or Update."""

    name: str
    operation: str
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """The fields of one manager, as of `time`."""

    fields: Fields
    time: str
    api_version: str


Claims: TypeAlias = dict[FieldManager, Claim]


def claims_of(body: Body) -> Claims:
    """Decode the managedFields of `body`."""
    entries = body.get("metadata", {}).get("managedFields") or []
    return {
        FieldManager(e["manager"], e["operation"], e.get("subresource", "")): Claim(
            field_sets.decode(e["fieldsV1"]), e["time"], e["apiVersion"]
        )
        for e in entries
        if e.get("manager")
    }


def set_claims(body: Body, claims: Claims) -> None:
    """Encode `claims` as the managedFields of `body`, without those that are empty."""
    body["metadata"]["managedFields"] = [
        {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": claim.api_version,
            "time": claim.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": field_sets.encode(claim.fields),
            **({"subresource": manager.subresource} if manager.subresource else {}),
        }
        for manager, claim in sorted(
            claims.items(), key=lambda pair: (pair[0].operation, pair[1].time, pair[0].name)
        )
        if claim.fields
    ]


def after_update(
    before: Body | None, after: Body, manager: FieldManager, *, schema: MergeSchema, now: str
) -> Claims:
    """Return the claims after `manager` updated `before` to `after`: it alone owns the fields it changed."""
    changed = field_sets.changed(before or {}, after, schema)
    removed = field_sets.removed(before or {}, after, schema)
    claims = {
        other: Claim(
            claim.fields - removed - (changed if other != manager else frozenset()),
            claim.time,
            claim.api_version,
        )
        for other, claim in claims_of(before or {}).items()
    }
    if changed:
        own_fields = claims[manager].fields if manager in claims else frozenset()
        claims[manager] = Claim(own_fields | changed, now, after["apiVersion"])
    return claims


def claim_all(body: Body, schema: MergeSchema, *, now: str) -> Claim:
    """Return a claim of every field of `body`."""
    return Claim(field_sets.fields_of(body, schema), now, body["apiVersion"])
