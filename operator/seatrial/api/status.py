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
from seatrial.api.rollout_status import LONGEST_PAUSE, CheckStatus, RolloutStatus
from seatrial.api.tracks import CanaryStatus, Failure, TrackStatus

__all__ = [
    "LONGEST_PAUSE",
    "BuildStatus",
    "CanaryStatus",
    "CheckStatus",
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
    """A revision that failed and is not tried again until a person or a new spec asks for it."""

    revision: status_fields.Revision
    """The rejected revision."""

    reason: status_fields.Word = ""
    """The reason for the rejection, one CamelCase word."""

    message: status_fields.Sentence = ""
    """The reason for the rejection in a sentence."""

    at: status_fields.Time | None = None
    """When the revision was rejected."""

    attempt: fields.Count = 1
    """The number of the attempt that failed."""

    decided_by: status_fields.Name = ""
    """The author of the RolloutDecision that caused it; absent if none did."""


class HistoryEntry(base.StatusModel):
    """A finished rollout."""

    revision: status_fields.Revision
    """The revision that was rolled out."""

    outcome: phases.Outcome
    """The outcome of the rollout."""

    image: status_fields.Name = ""
    """The image of the revision, with its digest."""

    reason: status_fields.Word = ""
    """The reason for the outcome, one CamelCase word."""

    message: status_fields.Sentence = ""
    """The reason for the outcome in a sentence, or the reason that a RolloutDecision gives."""

    started_at: status_fields.Time | None = None
    """When the rollout started."""

    finished_at: status_fields.Time | None = None
    """When the rollout ended."""

    decided_by: status_fields.Name = ""
    """The author of the RolloutDecision that caused it; absent if none did."""


class Summary(base.StatusModel):
    """The values that `kubectl get` shows in its columns."""

    step: status_fields.Word = ""
    """The current step and the number of steps, for example `2/3`."""

    weight: status_fields.Share | None = None
    """The canary's share of traffic, in percent."""

    verdict: status_fields.Word = ""
    """The result of the checks; – while there are none."""

    ready: status_fields.Word = ""
    """The number of ready pods and of desired pods, for example `5/5`."""


class Status(base.StatusModel):
    """The observed state of a ModelDeployment."""

    observed_generation: status_fields.Generation = 0
    """The metadata.generation that the status refers to."""

    phase: phases.DisplayPhase | None = None
    """The phase of the ModelDeployment."""

    message: status_fields.Sentence = ""
    """The current state in a sentence, with absolute times in UTC."""

    summary: Summary | None = None
    """The values that `kubectl get` shows in its columns."""

    next_transition_time: status_fields.Time | None = None
    """When the rollout continues without an event; absent while it waits for an event or a person."""

    url: status_fields.Name = ""
    """The URL of the server for clients in the cluster."""

    stable: TrackStatus | None = None
    """The stable revision, which serves."""

    canary: CanaryStatus | None = None
    """The revision that is being rolled out."""

    rollout: RolloutStatus | None = None
    """The state of the rollout."""

    build: BuildStatus | None = None
    """The build of the target revision's image."""

    rejected: Annotated[
        tuple[Rejected, ...], BeforeValidator(status_fields.first_items(status_fields.MAX_ENTRIES))
    ] = Field(default=(), max_length=status_fields.MAX_ENTRIES)
    """Revisions that failed and are not tried again until a person or a new spec asks for them, newest first."""

    history: Annotated[
        tuple[HistoryEntry, ...], BeforeValidator(status_fields.first_items(status_fields.MAX_ENTRIES))
    ] = Field(default=(), max_length=status_fields.MAX_ENTRIES)
    """Finished rollouts, newest first."""

    replicas: fields.Count = 0
    """The desired number of server pods of all revisions."""

    ready_replicas: fields.Count = 0
    """The number of ready server pods of all revisions."""

    selector: status_fields.Name = ""
    """The label selector of the server's pods, for the scale subresource."""

    missing_references: Annotated[tuple[status_fields.Name, ...], Field(max_length=64)] = ()
    """ConfigMaps and Secrets that the rollout waits for because they do not exist, for example `ConfigMap settings`."""

    conditions: Annotated[tuple[Condition, ...], Field(max_length=16, json_schema_extra=_BY_TYPE)] = ()
    """The conditions Ready, Reconciling, Stalled, Serving, Updated, BuildSucceeded and RolloutHealthy."""

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
            if isinstance(value, phases.StatusEnum) and not value.is_known
        )

    def condition(self, kind: ConditionType) -> Condition | None:
        """Return the condition of this type, or None."""
        return next((condition for condition in self.conditions if condition.type == kind), None)


def parse_status(raw: Mapping[str, Any] | None) -> Status:
    """Return the status with every part of `raw` that can be parsed; never raise."""
    return lenient.parse(Status, raw) or Status()
