"""Who holds a rollout, and how it goes on where it stood."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from seatrial.api import phases
from seatrial.api import status as api
from seatrial.core import transitions
from seatrial.core.snapshot import Snapshot
from seatrial.core.state import RolloutState
from seatrial.core.transitions import Phase


def holder(rollout: api.RolloutStatus, snapshot: Snapshot) -> phases.PausedBy | None:
    """Who holds the rollout, if anyone."""
    if rollout.paused_by is phases.PausedBy.DECISION:
        return phases.PausedBy.DECISION
    return phases.PausedBy.SPEC if snapshot.wish.paused else None


def pause(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> RolloutState:
    """Traffic and clocks stand still."""
    held = transitions.transition(
        rollout,
        Phase.PAUSED,
        paused_at=snapshot.now,
        paused_by=holder(rollout, snapshot),
        waiting_for=phases.WaitingFor.UNPAUSE,
    )
    return replace(state, rollout=held)


def resume(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> RolloutState:
    """The rollout goes on where it stood; the time it was held does not count."""
    lost = max(
        snapshot.now - (rollout.paused_at or snapshot.now), timedelta(0)
    )  # clocks of two replicas may differ
    resumed = transitions.transition(
        rollout,
        _where_it_was(state, rollout),
        paused_at=None,
        paused_by=None,
        message="",
        waiting_for=None,
        paused_seconds=_paused_for(rollout, lost),
        progressed_at=rollout.progressed_at and rollout.progressed_at + lost,
    )
    return replace(state, rollout=resumed)


def _paused_for(rollout: api.RolloutStatus, lost: timedelta) -> int | None:
    """The seconds that the present step has been paused, this time included."""
    if rollout.step_started_at is None:
        return None
    seconds = (rollout.paused_seconds or 0) + round(lost.total_seconds())
    return min(seconds, api.LONGEST_PAUSE) or None


def _where_it_was(state: RolloutState, rollout: api.RolloutStatus) -> Phase:
    if rollout.users_since is not None:
        return Phase.SHIFTING if rollout.steps else Phase.PROMOTING
    return Phase.BUILDING if state.canary is None else Phase.STARTING
