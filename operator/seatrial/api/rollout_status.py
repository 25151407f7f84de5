"""`status.rollout`: the state of the rollout, which persists between passes of the operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field
from pydantic.config import JsonDict

from seatrial.api import base, fields, phases, status_fields

_BY_NAME: Final[JsonDict] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
LONGEST_PAUSE: Final = 100_000_000
"""The longest pause that is recorded, in seconds: three years."""
MAX_PODS: Final = 100
"""Pods of which exits are recorded; a canary with more that crash does not get as far as to receive traffic."""


def _counts_by_pod(value: Any) -> Any:
    """Return the first `MAX_PODS` counts; none for the total that was stored once."""
    return dict(list(value.items())[:MAX_PODS]) if isinstance(value, Mapping) else {}


EVIDENCE_LENGTH: Final = 65_536
Rate = Annotated[float, Field(ge=-1, le=1)]


class CheckStatus(base.StatusModel):
    """The verdict of one check at the last look."""

    name: status_fields.Word
    """The name of the check."""

    verdict: phases.Verdict
    """Pass, Fail, NoData (the requests do not decide it yet) or Error (the metrics cannot be read)."""

    value: Rate | None = None
    """The canary's share of requests that are bad for this check, between 0 and 1; absent without requests."""

    threshold: Rate | None = None
    """The limit of that share; above stable's for a check that compares."""

    stable_value: Rate | None = None
    """Stable's share of such requests; absent for a check that does not compare."""

    lower: Rate | None = None
    """The smallest share, or difference from stable, that the requests do not rule out."""

    upper: Rate | None = None
    """The largest share, or difference from stable, that the requests do not rule out."""

    samples: Annotated[int, Field(strict=True, ge=0)] = 0
    """How many requests the canary has answered in this step."""

    requests_needed: Annotated[int, Field(strict=True, ge=0)] | None = None
    """About how many more good requests would let the check pass; absent when it has passed or failed."""

    dry_run: Annotated[bool, Field(strict=True)] = False
    """Whether the verdict is only reported."""

    message: status_fields.Sentence = ""
    """The verdict in a sentence, with what is missing."""


class RolloutStatus(base.StatusModel):
    """The state of the rollout. It is stored before the operator acts on it."""

    revision: status_fields.Revision
    """The revision that is being rolled out, or was rolled out last."""

    target_revision: status_fields.Word = ""
    """The revision that the spec asks for now. Empty while it cannot be determined: the spec is invalid, or what it
    refers to cannot be read."""

    phase: phases.RolloutPhase
    """The phase of the rollout."""

    step: fields.Count = 0
    """The current step, counted from 1; 0 before the first."""

    steps: fields.Count = 0
    """The number of steps."""

    step_started_at: status_fields.Time | None = None
    """When the current step's weight was reached; its hold counts from here."""

    paused_seconds: Annotated[int, Field(strict=True, ge=0, le=LONGEST_PAUSE)] | None = None
    """How long the current step has been paused, in seconds; its hold ends that much later. Absent if it has not been
    paused."""

    started_at: status_fields.Time | None = None
    """When the rollout started."""

    attempt: fields.Count = 1
    """The number of the attempt, counted from 1; every Retry adds one."""

    weight: status_fields.Share = 0
    """The share of traffic that is decided for the canary, in percent."""

    users_since: status_fields.Time | None = None
    """When the canary first received traffic; absent before."""

    exits_before: Annotated[
        Mapping[str, fields.Count], Field(max_length=MAX_PODS), BeforeValidator(_counts_by_pod)
    ] = Field(default_factory=dict)
    """The number of abnormal exits of the canary's containers before it received traffic, by the pod that had any."""

    waiting_for: phases.WaitingFor | None = None
    """What the rollout waits for: Capacity, Build, Readiness, Evidence or Unpause; absent while it only waits for a
    time."""

    paused_at: status_fields.Time | None = None
    """When the rollout was paused; its clocks stand still from here."""

    paused_by: phases.PausedBy | None = None
    """What paused the rollout: Spec (spec.paused) or Decision (a RolloutDecision)."""

    progressed_at: status_fields.Time | None = None
    """When highWater last rose; the progress deadline counts from here."""

    high_water: fields.Count = 0
    """The largest number of available canary pods since the rollout last waited for more; 0 while it waits for none."""

    fast_track: Annotated[bool, Field(strict=True)] = False
    """Whether the steps are skipped because the revision was promoted before."""

    reason: Annotated[status_fields.Word, status_fields.known_reason_or("")] = ""
    """The reason for the rollback or the rejection, one CamelCase word."""

    message: status_fields.Sentence = ""
    """The reason for the rollback, the rejection or the pause in a sentence."""

    decided_by: status_fields.Name = ""
    """The author of the last RolloutDecision that was taken in this rollout."""

    checks: Annotated[tuple[CheckStatus, ...], BeforeValidator(status_fields.first_items(10))] = Field(
        default=(), max_length=10, json_schema_extra=_BY_NAME
    )
    """The checks of the present step, or of the last one."""

    evidence: Annotated[str, Field(max_length=EVIDENCE_LENGTH)] = ""
    """What the statistics remember of the present step: opaque and versioned."""

    decisions: Annotated[
        tuple[status_fields.Word, ...], BeforeValidator(status_fields.last_items(status_fields.MAX_DECISIONS))
    ] = Field(default=(), max_length=status_fields.MAX_DECISIONS)
    """The uids of the RolloutDecisions taken in this rollout, newest last."""
