"""`status` of a ModelDeployment: what serves, what is being tried, why, and the state of the rollout.

Any input can be parsed. Values of a newer version are kept (`phases.StatusEnum`) and listed in `Status.unknown`;
unknown fields are ignored, as Kubernetes' API conventions ask of clients; malformed parts are dropped; long texts are
truncated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field
from pydantic.config import JsonDict

from seatrial.api import base, fields, lenient, phases, status_fields
from seatrial.api.build_status import BuildStatus
from seatrial.api.conditions import Condition, ConditionType  # the field has the module's name
from seatrial.api.rollout_status import LONGEST_PAUSE, RolloutStatus
from seatrial.api.tracks import CanaryStatus, Failure, TrackStatus

__all__ = [
    "LONGEST_PAUSE",
    "BuildStatus",
    "CanaryStatus",
    "Failure",
    "HistoryEntry",
    "Rejected",
    "RolloutStatus",
    "Status",
    "Summary",
    "TrackStatus",
    "parse_status",
]

_BY_TYPE: Final[JsonDict] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}


class Rejected(base.StatusModel):
    """A revision that is not tried again before somebody asks for it."""

    revision: status_fields.Revision
    """The revision."""

    reason: status_fields.Word = ""
    """Why, one word."""

    message: status_fields.Sentence = ""
    """Why, in a sentence."""

    at: status_fields.Time | None = None
    """When."""

    attempt: fields.Count = 1
    """Which attempt failed."""

    decided_by: status_fields.Name = ""
    """Who decided it, when a person did."""


class HistoryEntry(base.StatusModel):
    """A rollout that ended."""

    revision: status_fields.Revision
    """The revision that was rolled out."""

    outcome: phases.Outcome
    """How it ended."""

    image: status_fields.Name = ""
    """Its image, with its digest."""

    reason: status_fields.Word = ""
    """Why it ended so, one word."""

    message: status_fields.Sentence = ""
    """Why it ended so, in a sentence; what a deciding person wrote."""

    started_at: status_fields.Time | None = None
    """When it began."""

    finished_at: status_fields.Time | None = None
    """When it ended."""

    decided_by: status_fields.Name = ""
    """Who decided it, when a person did."""


class Summary(base.StatusModel):
    """What the columns of `kubectl get` show."""

    step: status_fields.Word = ""
    """The present step of all, as 2/3."""

    weight: status_fields.Share | None = None
    """The canary's share of traffic, in percent."""

    verdict: status_fields.Word = ""
    """What the checks say, or – without checks."""

    ready: status_fields.Word = ""
    """Pods that answer, of those wanted, as 5/5."""


class Status(base.StatusModel):
    """Everything the operator says about one ModelDeployment."""

    observed_generation: status_fields.Generation = 0
    """The metadata.generation that this status speaks of."""

    phase: phases.DisplayPhase | None = None
    """Where it is, in one word."""

    message: status_fields.Sentence = ""
    """What is going on, in a sentence with absolute times."""

    summary: Summary | None = None
    """What the columns of kubectl get show."""

    next_transition_time: status_fields.Time | None = None
    """When it goes on by itself; absent when only an event or a person can move it."""

    url: status_fields.Name = ""
    """Where clients inside the cluster find it."""

    stable: TrackStatus | None = None
    """The revision that is served."""

    canary: CanaryStatus | None = None
    """The revision that is tried."""

    rollout: RolloutStatus | None = None
    """The rollout's memory."""

    build: BuildStatus | None = None
    """The build of the wanted revision's image."""

    rejected: Annotated[
        tuple[Rejected, ...], BeforeValidator(status_fields.first_items(status_fields.FEW))
    ] = Field(default=(), max_length=status_fields.FEW)
    """Revisions that are not tried again before somebody asks for it, newest first."""

    history: Annotated[
        tuple[HistoryEntry, ...], BeforeValidator(status_fields.first_items(status_fields.FEW))
    ] = Field(default=(), max_length=status_fields.FEW)
    """Rollouts that ended, newest first."""

    replicas: fields.Count = 0
    """Server pods wanted, all revisions together."""

    ready_replicas: fields.Count = 0
    """Server pods that answer, all revisions together."""

    selector: status_fields.Name = ""
    """Selects the server's pods; for the scale subresource."""

    missing_references: Annotated[tuple[status_fields.Name, ...], Field(max_length=64)] = ()
    """ConfigMaps and Secrets that do not exist and that the rollout waits for, as `ConfigMap settings`."""

    conditions: Annotated[tuple[Condition, ...], Field(max_length=16, json_schema_extra=_BY_TYPE)] = ()
    """Ready, Reconciling, Stalled, Serving, Updated, BuildSucceeded and RolloutHealthy, each at most once."""

    @property
    def unknown(self) -> tuple[str, ...]:
        """The values in `rollout` and `build` that only a newer version of the operator knows, each with its path, as
        `rollout.phase=Gating`. They are what decisions are based on: with any of them this version cannot decide
        safely. Unknown values elsewhere (phase, history, conditions) are only reports and are not listed.
        """
        sections = {"rollout": self.rollout, "build": self.build}
        return tuple(
            f"{name}.{type(model).model_fields[field].alias}={value}"
            for name, model in sections.items()
            if model is not None
            for field, value in model
            if isinstance(value, phases.StatusEnum) and not value.known
        )

    def condition(self, kind: ConditionType) -> Condition | None:
        """The condition of this type, when it is there."""
        return next((found for found in self.conditions if found.type == kind), None)


def parse_status(raw: Mapping[str, Any] | None) -> Status:
    """All of `raw` that can be understood; never raises, whatever was stored."""
    return lenient.parsed(Status, raw) or Status()
