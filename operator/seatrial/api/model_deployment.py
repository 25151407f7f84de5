"""ModelDeployment: metadata, spec and status of one object, parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from seatrial.api import (
    base,
    cel,
    metadata,
    model,
    names,
    reasons,
    rollout,
    scaling,
    spec,
    status,
    validation,
)
from seatrial.api.metadata import Key

Section = TypeVar("Section", bound=base.SpecModel)
InvalidSpec = validation.InvalidSpec

NAME_EXPECTED: Final = (
    f"expected a DNS label of at most {names.NAME_MAX_LENGTH} characters: lower-case letters, digits and '-', starting"
    " with a letter and not ending with '-'; the names of Deployments and Jobs append to it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDeployment:
    """One ModelDeployment, parsed."""

    key: Key
    uid: str
    generation: int
    resource_version: str
    created_at: datetime | None
    """None before the API server has stored the object, as in an offline plan."""
    deleting: bool
    spec: spec.Spec
    status: status.Status
    refused: str = ""
    """Why the spec cannot be carried out, else empty. The `spec` then has no model and pauses the rollout."""
    refused_for: reasons.Reason = reasons.Reason.INVALID_SPEC


def parse(body: Mapping[str, Any]) -> ModelDeployment:
    """Return the object in `body`. Raise `InvalidSpec` with a message for the author when name or spec is invalid.

    The status is always parsed: malformed parts are left out.
    """
    name, raw_spec = metadata.parse(body).key.name, body.get("spec") or {}
    _check_name(name)
    return _deployment(body, validation.validate(spec.Spec, raw_spec))


def parse_leniently(body: Mapping[str, Any]) -> ModelDeployment:
    """Return the object in `body`, also when its spec is invalid although the API server accepted it."""
    try:
        return parse(body)
    except InvalidSpec as invalid:
        return replace(_deployment(body, _partial(body.get("spec"))), refused=str(invalid))


def without_spec(body: Mapping[str, Any]) -> ModelDeployment:
    """Return the object in `body` with a spec that asks for nothing, whatever its own holds."""
    return _deployment(body, _paused(spec.Spec.model_construct(model=model.Model.model_construct())))


def refuse(deployment: ModelDeployment, why: str, reason: reasons.Reason) -> ModelDeployment:
    """Return the object with what is left of its spec when it cannot be carried out."""
    return replace(deployment, spec=_paused(deployment.spec), refused=why, refused_for=reason)


def _partial(raw_spec: Any) -> spec.Spec:
    """Return a paused spec with the valid fields of `rollout` and `scaling`, and nothing else."""
    raw = raw_spec if isinstance(raw_spec, Mapping) else {}
    valid = spec.Spec.model_construct(
        model=model.Model.model_construct(),
        rollout=_valid_fields(rollout.Rollout, raw.get("rollout")),
        scaling=_valid_fields(scaling.Scaling, raw.get("scaling")),
    )
    return _paused(valid)


def _paused(given: spec.Spec) -> spec.Spec:
    """Return a paused spec with the sections `rollout` and `scaling` of the given one, and nothing else."""
    return spec.Spec.model_construct(
        model=model.Model.model_construct(), rollout=given.rollout, scaling=given.scaling, paused=True
    )


def _valid_fields(section: type[Section], raw: Any) -> Section:
    """Return the section; of an invalid one only the fields that are valid on their own."""
    if isinstance(raw, Mapping) and not _is_valid(section, raw):
        raw = {name: value for name, value in raw.items() if _is_valid(section, {name: value})}
    return validation.validate(section, raw) if _is_valid(section, raw) else section()


def _is_valid(section: type[Section], raw: Any) -> bool:
    try:
        validation.validate(section, raw)
    except InvalidSpec:
        return False
    return True


def _deployment(body: Mapping[str, Any], parsed_spec: spec.Spec) -> ModelDeployment:
    meta = metadata.parse(body)
    return ModelDeployment(
        key=meta.key,
        uid=meta.uid,
        generation=meta.generation,
        resource_version=meta.resource_version,
        created_at=meta.created_at,
        deleting=meta.deleting,
        spec=parsed_spec,
        status=status.parse_status(body.get("status")),
    )


def _check_name(name: str) -> None:
    if len(name) > names.NAME_MAX_LENGTH or not cel.matches(names.NAME_PATTERN, name):
        raise InvalidSpec(f'metadata.name: {NAME_EXPECTED}, got "{name}"')
