"""What holds a rollout, and how it continues where it stood."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from seatrial.api import phases
from seatrial.api.status import LONGEST_PAUSE
from seatrial.core.inputs import Inputs
from seatrial.core.state import Rollout, RolloutState
from seatrial.core.transitions import Phase, transition


def paused_by(rollout: Rollout, inputs: Inputs) -> phases.PausedBy | None:
    """Return what holds the rollout, if anything."""
    if rollout.paused_by is phases.PausedBy.DECISION:
        return phases.PausedBy.DECISION
    return phases.PausedBy.SPEC if inputs.target.paused else None


def pause(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState:
    """Return the state in which traffic and clocks stand still."""
    paused = replace(
        transition(rollout, Phase.PAUSED),
        paused_at=inputs.now,
        paused_by=paused_by(rollout, inputs),
        waiting_for=phases.WaitingFor.UNPAUSE,
    )
    return replace(state, rollout=paused)


def resume(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState:
    """Return the state in which the rollout continues where it stood; the pause does not count."""
    pause_length = max(
        inputs.now - (rollout.paused_at or inputs.now), timedelta(0)
    )  # clocks of replicas differ
    resumed = replace(
        transition(rollout, _phase_before(state, rollout)),
        paused_at=None,
        paused_by=None,
        message="",
        waiting_for=None,
        paused_seconds=_paused_seconds(rollout, pause_length),
        progressed_at=rollout.progressed_at and rollout.progressed_at + pause_length,
    )
    return replace(state, rollout=resumed)


def _paused_seconds(rollout: Rollout, pause_length: timedelta) -> int | None:
    """Return the seconds that the present step has been paused, this pause included."""
    if rollout.step_started_at is None:
        return None
    seconds = (rollout.paused_seconds or 0) + round(pause_length.total_seconds())
    return min(seconds, LONGEST_PAUSE) or None


def _phase_before(state: RolloutState, rollout: Rollout) -> Phase:
    if rollout.users_since is not None:
        return Phase.SHIFTING if rollout.steps else Phase.PROMOTING
    return Phase.BUILDING if state.canary is None else Phase.STARTING
