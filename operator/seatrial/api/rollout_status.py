"""`status.rollout`: the state of the rollout in progress, kept between passes."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from seatrial.api import base, fields, phases, status_fields

LONGEST_PAUSE: Final = 100_000_000
"""Seconds that are remembered of a pause: three years."""


class RolloutStatus(base.StatusModel):
    """The rollout's memory: written before anything is done that follows from it."""

    revision: status_fields.Revision
    """The revision that is rolled out."""

    target_revision: status_fields.Word = ""
    """The revision that the spec asks for now. Empty while it cannot be determined: the spec is invalid, or what it
    refers to cannot be read."""

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

    reason: Annotated[status_fields.Word, status_fields.known_reason_or("")] = ""
    """Why it rolls back or is rejected."""

    message: status_fields.Sentence = ""
    """Why it rolls back, is rejected or was paused by a person, in a sentence."""

    decided_by: status_fields.Name = ""
    """Who decided about this rollout last, when a person did."""

    decisions: Annotated[
        tuple[status_fields.Word, ...], BeforeValidator(status_fields.last_items(status_fields.DECISIONS))
    ] = Field(default=(), max_length=status_fields.DECISIONS)
    """The uids of the RolloutDecisions taken in this rollout, newest last."""
