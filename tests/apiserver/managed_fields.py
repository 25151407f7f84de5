"""Who owns which field: the entries of `metadata.managedFields`, read, changed and written back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from seatrial.api.objects import Body
from tests.apiserver import field_sets
from tests.apiserver.field_sets import Fields
from tests.apiserver.merge_schema import Shapes


@dataclass(frozen=True, slots=True)
class Owner:
    """One entry's identity. `operation` is Apply or Update."""

    manager: str
    operation: str
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """The fields of one owner, as of `time`."""

    fields: Fields
    time: str
    api_version: str


Claims: TypeAlias = dict[Owner, Claim]


def read(body: Body) -> Claims:
    """The claims written in `body`."""
    entries = body.get("metadata", {}).get("managedFields") or []
    return {
        Owner(e["manager"], e["operation"], e.get("subresource", "")): Claim(
            field_sets.decode(e["fieldsV1"]), e["time"], e["apiVersion"]
        )
        for e in entries
        if e.get("manager")
    }


def write(body: Body, claims: Claims) -> None:
    """`body` says `claims`; those of nothing are left out."""
    body["metadata"]["managedFields"] = [
        {
            "manager": owner.manager,
            "operation": owner.operation,
            "apiVersion": claim.api_version,
            "time": claim.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": field_sets.encode(claim.fields),
            **({"subresource": owner.subresource} if owner.subresource else {}),
        }
        for owner, claim in sorted(
            claims.items(), key=lambda pair: (pair[0].operation, pair[1].time, pair[0].manager)
        )
        if claim.fields
    ]


def after_update(before: Body | None, after: Body, owner: Owner, *, shapes: Shapes, now: str) -> Claims:
    """The claims once `owner` has made `after` of `before`: it owns what it changed, and nobody else does."""
    taken = field_sets.changed(before or {}, after, shapes)
    gone = field_sets.gone(before or {}, after, shapes)
    kept = {
        other: Claim(
            claim.fields - gone - (taken if other != owner else frozenset()), claim.time, claim.api_version
        )
        for other, claim in read(before or {}).items()
    }
    if taken:
        mine = kept[owner].fields if owner in kept else frozenset()
        kept[owner] = Claim(mine | taken, now, after["apiVersion"])
    return kept


def claim_of(body: Body, shapes: Shapes, *, now: str) -> Claim:
    """All that `body` says, claimed at once."""
    return Claim(field_sets.of(body, shapes), now, body["apiVersion"])
