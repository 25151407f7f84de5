"""`status` of a ModelDeployment: what is served, what is tried, why, and the memory of the rollout.

Everything can be parsed: unknown fields are ignored, malformed pieces are dropped, long texts are cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field
from pydantic.config import JsonDict

from seatrial.api import base, fields, lenient, phases, status_fields
from seatrial.api.conditions import Condition, ConditionType  # the field has the module's name
from seatrial.api.reasons import Reason
from seatrial.api.tracks import CanaryStatus, Failure, TrackStatus

__all__ = [
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


def _known_or(otherwise: str) -> BeforeValidator:
    """What puts `otherwise` in the place of a reason word that another version of this program knows."""

    def known(value: Any) -> Any:
        return otherwise if isinstance(value, str) and value and value not in set(Reason) else value

    return BeforeValidator(known)


LONGEST_PAUSE: Final = 100_000_000
"""Seconds that are remembered of a pause: three years."""


class RolloutStatus(base.StatusModel):
    """The rollout's memory: written before anything is done that follows from it."""

    revision: status_fields.Revision
    """The revision that is rolled out."""

    target_revision: status_fields.Word = ""
    """The revision that the spec asks for now."""

    phase: phases.RolloutPhase
    """Where it is."""

    step: fields.Count = 0
    """The present step, counted from 1; 0 before the first."""

    steps: fields.Count = 0
    """How many steps there are."""

    step_started_at: status_fields.Time | None = None
    """When the present step's weight was reached; its hold counts from here."""

    paused_seconds: Annotated[int, Field(strict=True, ge=0, le=LONGEST_PAUSE)] | None = None
    """For how long the present step has been paused; its hold ends so much later. Absent for not at all."""

    started_at: status_fields.Time | None = None
    """When the rollout began."""

    attempt: fields.Count = 1
    """Counts from 1; every Retry adds one."""

    weight: status_fields.Share = 0
    """The canary's share that is decided now, in percent."""

    users_since: status_fields.Time | None = None
    """When the canary first had users; absent before."""

    exits_before: fields.Count | None = None
    """Abnormal exits of the canary's containers before it had users; absent for none."""

    waiting_for: phases.WaitingFor | None = None
    """What it needs before it can go on; absent when only time has to pass."""

    paused_at: status_fields.Time | None = None
    """When it was paused; the clocks stand still from here."""

    paused_by: phases.PausedBy | None = None
    """Who paused it: Spec (spec.paused) or Decision (a RolloutDecision)."""

    progressed_at: status_fields.Time | None = None
    """When one more pod became available than ever before; the progress deadline counts from here."""

    high_water: fields.Count = 0
    """The most available pods of the canary so far."""

    fast_track: Annotated[bool, Field(strict=True)] = False
    """Whether the steps are left out: a first deployment, or a return to a revision that served before."""

    reason: Annotated[status_fields.Word, _known_or("")] = ""
    """Why it rolls back or is rejected."""

    message: status_fields.Sentence = ""
    """Why it rolls back, is rejected or was paused by a person, in a sentence."""

    decided_by: status_fields.Name = ""
    """Who decided about this rollout last, when a person did."""

    decisions: Annotated[
        tuple[status_fields.Word, ...], BeforeValidator(status_fields.last_items(status_fields.DECISIONS))
    ] = Field(default=(), max_length=status_fields.DECISIONS)
    """The uids of the RolloutDecisions taken in this rollout, newest last."""


class BuildStatus(base.StatusModel):
    """The build of the wanted revision's image."""

    id: status_fields.Word
    """Ten hex digits that identify what the image is made from."""

    phase: phases.BuildPhase
    """Where it is."""

    job: status_fields.Name = ""
    """The name of the Job."""

    attempt: fields.Count = 1
    """Counts from 1."""

    lost: fields.Count | None = None
    """How many attempts in a row ended without a word; absent when the last one said how it ended."""

    image: status_fields.Name = ""
    """The image it made, with its digest."""

    model_digest: status_fields.Name = ""
    """`sha256:<hex>` of the fetched files."""

    format: status_fields.Word = ""
    """How the model's files are read."""

    runtime: status_fields.Word = ""
    """The runtime that the image is made on."""

    inputs: status_fields.Word = ""
    """Changes when a Secret or ConfigMap of the build does; a failed build is then tried again at once."""

    source: Annotated[Mapping[str, status_fields.Name], Field(max_length=16)] = Field(default_factory=dict)
    """What the source resolved to, as etag, version, size."""

    reason: Annotated[status_fields.Word, _known_or(Reason.BUILD_EVICTED)] = ""
    """Why it failed or waits."""

    message: status_fields.Sentence = ""
    """Why it failed or waits, in a sentence."""

    log_tail: status_fields.LogTail = ""
    """The last lines of a failed build's log."""

    started_at: status_fields.Time | None = None
    """When the Job was made."""

    finished_at: status_fields.Time | None = None
    """When it ended."""

    seconds: Annotated[Mapping[str, float], Field(max_length=16)] = Field(default_factory=dict)
    """How long each part took, as fetch, load, push; in seconds."""


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

    conditions: Annotated[tuple[Condition, ...], Field(max_length=16, json_schema_extra=_BY_TYPE)] = ()
    """Ready, Reconciling, Stalled, Serving, Updated, BuildSucceeded and RolloutHealthy, each at most once."""

    def condition(self, kind: ConditionType) -> Condition | None:
        """The condition of this type, when it is there."""
        return next((found for found in self.conditions if found.type == kind), None)


def parse_status(raw: Mapping[str, Any] | None) -> Status:
    """All of `raw` that can be understood; never raises, whatever was stored."""
    return lenient.parsed(Status, raw) or Status()
