"""A ModelDeployment as a value: who it is, what it wants, what was said about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from seatrial.api import base, cel, metadata, model, names, rollout, scaling, spec, status, validation
from seatrial.api.metadata import Key

Section = TypeVar("Section", bound=base.SpecModel)
InvalidSpec = validation.InvalidSpec

NAME_EXPECTED: Final = (
    f"must be a DNS label of at most {names.NAME_MAX_LENGTH} characters: lower-case letters, digits and -,"
    " a letter first and no - last; names of Deployments and Jobs append to it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDeployment:
    """One object, parsed."""

    key: Key
    uid: str
    generation: int
    resource_version: str
    created_at: datetime | None
    """None before the API server has it, as when planning offline."""
    deleting: bool
    spec: spec.Spec
    status: status.Status
    refused: str = ""
    """Why the spec cannot be carried out; `spec` then names no model, and holds whatever is on its way."""


def parse(body: Mapping[str, Any]) -> ModelDeployment:
    """The object in `body`; `InvalidSpec` with a sentence when its name or spec is refused.

    The status never fails: what cannot be understood in it is left out.
    """
    name, raw_spec = metadata.parse(body).key.name, body.get("spec") or {}
    _check_name(name)
    return _with(body, validation.validated(spec.Spec, raw_spec))


def parse_leniently(body: Mapping[str, Any]) -> ModelDeployment:
    """The object in `body`, also one that the API server let through although its spec is refused here."""
    try:
        return parse(body)
    except InvalidSpec as invalid:
        return replace(_with(body, _held(body.get("spec"))), refused=str(invalid))


def _held(raw_spec: Any) -> spec.Spec:
    """The rules of the rollout and the number of pods as far as they can be read, and a pause; nothing else."""
    raw = raw_spec if isinstance(raw_spec, Mapping) else {}
    return spec.Spec.model_construct(
        model=model.Model.model_construct(),
        rollout=_legible(rollout.Rollout, raw.get("rollout")),
        scaling=_legible(scaling.Scaling, raw.get("scaling")),
        paused=True,
    )


def _legible(section: type[Section], raw: Any) -> Section:
    """The section; of one that is refused the fields that would not be refused alone, and defaults for the others."""
    if isinstance(raw, Mapping) and not _is_legible(section, raw):
        raw = {name: value for name, value in raw.items() if _is_legible(section, {name: value})}
    return validation.validated(section, raw) if _is_legible(section, raw) else section()


def _is_legible(section: type[Section], raw: Any) -> bool:
    try:
        validation.validated(section, raw)
    except InvalidSpec:
        return False
    return True


def _with(body: Mapping[str, Any], wanted: spec.Spec) -> ModelDeployment:
    meta = metadata.parse(body)
    return ModelDeployment(
        key=meta.key,
        uid=meta.uid,
        generation=meta.generation,
        resource_version=meta.resource_version,
        created_at=meta.created_at,
        deleting=meta.deleting,
        spec=wanted,
        status=status.parse_status(body.get("status")),
    )


def _check_name(name: str) -> None:
    if len(name) > names.NAME_MAX_LENGTH or not cel.matches(names.NAME_PATTERN, name):
        raise InvalidSpec(f'metadata.name: {NAME_EXPECTED}; got "{name}"')
