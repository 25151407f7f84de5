"""States, snapshots and statuses that the tables of phases and conditions share."""

from __future__ import annotations

from seatrial.api import phases, reasons
from seatrial.api import status as api
from seatrial.core.decide import Decision
from seatrial.core.state import Rejection, RolloutState
from seatrial.core.transitions import Phase
from seatrial.reporting import status
from tests.builders import NEW, NOW, OLD, revision, seen, state
from tests.builders import rollout as staged

HELD = {"paused_at": NOW, "paused_by": phases.PausedBy.SPEC}
REJECTED = (Rejection(revision=NEW, reason=reasons.Reason.CRASH_LOOP, message="it crashes"),)


def first(phase: Phase, **changes: object) -> RolloutState:
    """Return a state in which NEW is rolled out while nothing serves."""
    rollout = staged(phase, steps=0, **changes)
    return RolloutState(rollout=rollout, canary=None if phase is Phase.BUILDING else revision(NEW))


def stable(at: Phase | None = Phase.STABLE) -> RolloutState:
    return state(None if at is None else staged(at, revision=OLD))


SERVING = seen().stable()
HEALTHY = SERVING.at(revision=OLD)
BESIDE = SERVING.canary().at()


def status_of(decision: Decision) -> api.Status:
    """Return the first status that follows from a decision."""
    return status.status(decision, api.Status())
