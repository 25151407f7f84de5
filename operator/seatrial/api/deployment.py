"""A ModelDeployment as a value: who it is, what it wants, what was said about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from seatrial.api import keys, metadata, names, patterns, refusal, spec, status

InvalidSpec = refusal.InvalidSpec

NAME_EXPECTED: Final = (
    f"must be a DNS label of at most {names.NAME_MAX_LENGTH} characters: lower-case letters, digits and -,"
    " a letter first and no - last; names of Deployments and Jobs append to it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDeployment:
    """One object, parsed."""

    key: keys.Key
    uid: str
    generation: int
    resource_version: str
    created_at: datetime | None
    """None before the API server has it, as when planning offline."""
    deleting: bool
    labels: Mapping[str, str]
    spec: spec.Spec
    status: status.Status
    raw_spec: Mapping[str, Any]
    """As it was written, for messages and diffs."""


def parse(body: Mapping[str, Any]) -> ModelDeployment:
    """The object in `body`; `InvalidSpec` with a sentence when its name or spec is refused.

    The status never fails: what cannot be understood in it is left out.
    """
    meta = metadata.parse(body)
    _check_name(meta.key.name)
    raw_spec = body.get("spec") or {}
    return ModelDeployment(
        key=meta.key,
        uid=meta.uid,
        generation=meta.generation,
        resource_version=meta.resource_version,
        created_at=meta.created_at,
        deleting=meta.deleting,
        labels=meta.labels,
        spec=refusal.validated(spec.Spec, raw_spec),
        status=status.parse_status(body.get("status")),
        raw_spec=raw_spec,
    )


def _check_name(name: str) -> None:
    if len(name) > names.NAME_MAX_LENGTH or not patterns.matches(names.NAME_PATTERN, name):
        raise InvalidSpec(f'metadata.name: {NAME_EXPECTED}; got "{name}"')
