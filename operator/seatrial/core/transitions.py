"""The table of a rollout's moves, and the only function that makes one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from seatrial.api import phases
from seatrial.api import status as api
from seatrial.core import state

Phase = phases.RolloutPhase

NEXT: dict[Phase, frozenset[Phase]] = {
    Phase.STABLE: frozenset({Phase.BUILDING, Phase.REJECTED}),
    Phase.BUILDING: frozenset({Phase.STARTING, Phase.PAUSED, Phase.ROLLING_BACK}),
    Phase.STARTING: frozenset({Phase.SHIFTING, Phase.PROMOTING, Phase.PAUSED, Phase.ROLLING_BACK}),
    Phase.SHIFTING: frozenset({Phase.PAUSED, Phase.PROMOTING, Phase.ROLLING_BACK}),
    Phase.PAUSED: frozenset(
        {Phase.BUILDING, Phase.STARTING, Phase.SHIFTING, Phase.PROMOTING, Phase.ROLLING_BACK}
    ),
    Phase.PROMOTING: frozenset({Phase.STABLE, Phase.PAUSED, Phase.ROLLING_BACK}),
    Phase.ROLLING_BACK: frozenset({Phase.REJECTED, Phase.STABLE}),
    Phase.REJECTED: frozenset({Phase.BUILDING, Phase.STABLE}),
}

AT_REST = frozenset({Phase.STABLE, Phase.REJECTED})
"""Nothing is on its way; only a new wish or a person moves it."""


class IllegalTransition(Exception):
    """A decision tried to leave the table: a bug, never a user's doing."""


def transition(rollout: api.RolloutStatus, phase: Phase, **changes: Any) -> api.RolloutStatus:
    """The rollout in `phase` with `changes`; `IllegalMove` when the table has no such move."""
    if phase is not rollout.phase and phase not in NEXT[rollout.phase]:
        raise IllegalTransition(f"{rollout.phase} → {phase}")
    return changed(rollout, phase=phase, **changes)


def settled(rollout: api.RolloutStatus, revision: str) -> api.RolloutStatus:
    """The rollout of what serves, at rest: nothing of what was tried is left in it but what people decided."""
    rests = transition(rollout, Phase.STABLE)
    return api.RolloutStatus(revision=revision, phase=rests.phase, decisions=rests.decisions)


def changed(rollout: api.RolloutStatus, **changes: Any) -> api.RolloutStatus:
    """The rollout with `changes`."""
    return state.changed(rollout, **changes)


def deadline_exceeded(rollout: api.RolloutStatus, deadline: timedelta, now: datetime) -> bool:
    """The canary has made no progress for longer than `deadline`."""
    return rollout.progressed_at is not None and now - rollout.progressed_at >= deadline


def restart_step_clock(
    rollout: api.RolloutStatus, start: datetime | None, **changes: Any
) -> api.RolloutStatus:
    """The rollout with the clock of its step at zero since `start`; None: it does not run yet."""
    return changed(rollout, step_started_at=start, paused_seconds=None, **changes)


def hold_ends_at(rollout: api.RolloutStatus, hold: timedelta) -> datetime | None:
    """When the step has had its weight for `hold`, the time that it was paused not counted; None before it has."""
    if rollout.step_started_at is None:
        return None
    return rollout.step_started_at + timedelta(seconds=rollout.paused_seconds or 0) + hold


def record_progress(rollout: api.RolloutStatus, available: int, now: datetime) -> api.RolloutStatus:
    """The rollout with its progress clock running, set back whenever more pods are available than ever.

    The high-water mark keeps a pod that crashes and returns from looking like progress.
    """
    if rollout.progressed_at is None or available > rollout.high_water:
        return changed(rollout, progressed_at=now, high_water=available)
    return rollout


def wait_for(rollout: api.RolloutStatus, what: phases.WaitingFor) -> api.RolloutStatus:
    """The rollout with its progress clock off and a word for what it needs."""
    return changed(rollout, progressed_at=None, high_water=0, waiting_for=what)


def stop_progress_clock(rollout: api.RolloutStatus, **changes: Any) -> api.RolloutStatus:
    """The rollout with its progress clock off: what was asked for is there."""
    return changed(rollout, progressed_at=None, high_water=0, waiting_for=None, **changes)
