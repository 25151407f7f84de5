"""Who holds a rollout, and how it goes on where it stood."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from seatrial.api import phases
from seatrial.api import status as api
from seatrial.core import transitions
from seatrial.core.snapshot import Situation
from seatrial.core.state import Memory
from seatrial.core.transitions import Phase


def holder(rollout: api.RolloutStatus, at: Situation) -> phases.PausedBy | None:
    """Who holds the rollout, if anyone."""
    if rollout.paused_by is phases.PausedBy.DECISION:
        return phases.PausedBy.DECISION
    return phases.PausedBy.SPEC if at.wish.paused else None


def pause(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory:
    """Traffic and clocks stand still."""
    held = transitions.moved(
        rollout,
        Phase.PAUSED,
        paused_at=at.now,
        paused_by=holder(rollout, at),
        waiting_for=phases.WaitingFor.UNPAUSE,
    )
    return replace(memory, rollout=held)


def resume(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory:
    """The rollout goes on where it stood; the time it was held does not count."""
    lost = max(at.now - (rollout.paused_at or at.now), timedelta(0))  # clocks of two replicas may differ
    resumed = transitions.moved(
        rollout,
        _where_it_was(memory, rollout),
        paused_at=None,
        paused_by=None,
        message="",
        waiting_for=None,
        paused_seconds=_paused_for(rollout, lost),
        progressed_at=rollout.progressed_at and rollout.progressed_at + lost,
    )
    return replace(memory, rollout=resumed)


def _paused_for(rollout: api.RolloutStatus, lost: timedelta) -> int | None:
    """The seconds that the present step has been paused, this time included."""
    if rollout.step_started_at is None:
        return None
    seconds = (rollout.paused_seconds or 0) + round(lost.total_seconds())
    return min(seconds, api.LONGEST_PAUSE) or None


def _where_it_was(memory: Memory, rollout: api.RolloutStatus) -> Phase:
    if rollout.users_since is not None:
        return Phase.SHIFTING if rollout.steps else Phase.PROMOTING
    return Phase.BUILDING if memory.canary is None else Phase.STARTING
