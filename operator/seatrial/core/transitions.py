"""The table of a rollout's phases, one row each, and the only function that moves a rollout from one to another.

What a phase *is* is defined in its row; a new phase is one row here, its guards and its step in `rules` and `rollout`,
and its message in `seatrial.reporting.status_message`. A test holds the three together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from seatrial.api import phases
from seatrial.api.reasons import Reason
from seatrial.core.state import Rollout

Phase = phases.RolloutPhase
Display = phases.DisplayPhase


class CanarySize(Enum):
    """How many replicas the canary has in a phase; `seatrial.core.replicas` has the numbers."""

    NONE = auto()
    UNCHANGED = auto()
    FIRST_STEP = auto()
    PRESENT_STEP = auto()
    FULL = auto()
    DRAINING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRow:
    """What a phase of a rollout is."""

    successors: frozenset[Phase]
    display: Display
    """`status.phase` of a first deployment: nothing serves yet."""
    display_of_update: Display
    """`status.phase` while stable serves."""
    reason: Reason | None = None
    """Of the conditions; None at rest, where they have reasons of their own."""
    canary_size: CanarySize = CanarySize.UNCHANGED
    may_receive_traffic: bool = False
    may_create_canary: bool = False
    runs_progress_deadline: bool = False
    at_rest: bool = False
    """Only a new target or a person moves it."""
    is_leaving: bool = False
    """The canary is leaving or has left: it is not rendered again."""


def _to(*successors: Phase) -> frozenset[Phase]:
    return frozenset(successors)


TABLE: dict[Phase, PhaseRow] = {
    Phase.STABLE: PhaseRow(
        successors=_to(Phase.BUILDING, Phase.REJECTED),
        display=Display.HEALTHY,
        display_of_update=Display.HEALTHY,
        canary_size=CanarySize.NONE,
        at_rest=True,
    ),
    Phase.BUILDING: PhaseRow(
        successors=_to(Phase.STARTING, Phase.PAUSED, Phase.ROLLING_BACK),
        display=Display.BUILDING,
        display_of_update=Display.CANARY,
        reason=Reason.BUILDING,
    ),
    Phase.STARTING: PhaseRow(
        successors=_to(Phase.SHIFTING, Phase.PROMOTING, Phase.PAUSED, Phase.ROLLING_BACK),
        display=Display.DEPLOYING,
        display_of_update=Display.CANARY,
        reason=Reason.STARTING,
        canary_size=CanarySize.FIRST_STEP,
        may_create_canary=True,
        runs_progress_deadline=True,
    ),
    Phase.SHIFTING: PhaseRow(
        successors=_to(Phase.PAUSED, Phase.PROMOTING, Phase.ROLLING_BACK),
        display=Display.CANARY,
        display_of_update=Display.CANARY,
        reason=Reason.SHIFTING,
        canary_size=CanarySize.PRESENT_STEP,
        may_receive_traffic=True,
        may_create_canary=True,
        runs_progress_deadline=True,
    ),
    Phase.PAUSED: PhaseRow(
        successors=_to(Phase.BUILDING, Phase.STARTING, Phase.SHIFTING, Phase.PROMOTING, Phase.ROLLING_BACK),
        display=Display.PAUSED,
        display_of_update=Display.PAUSED,
        reason=Reason.PAUSED,
        may_receive_traffic=True,
    ),
    Phase.PROMOTING: PhaseRow(
        successors=_to(Phase.STABLE, Phase.PAUSED, Phase.ROLLING_BACK),
        display=Display.DEPLOYING,
        display_of_update=Display.PROMOTING,
        reason=Reason.PROMOTING,
        canary_size=CanarySize.FULL,
        may_receive_traffic=True,
        may_create_canary=True,
        runs_progress_deadline=True,
    ),
    Phase.ROLLING_BACK: PhaseRow(
        successors=_to(Phase.REJECTED, Phase.STABLE),
        display=Display.ROLLING_BACK,
        display_of_update=Display.ROLLING_BACK,
        reason=Reason.ROLLING_BACK,
        canary_size=CanarySize.DRAINING,
        may_receive_traffic=True,
        is_leaving=True,
    ),
    Phase.REJECTED: PhaseRow(
        successors=_to(Phase.BUILDING, Phase.STABLE),
        display=Display.FAILED,
        display_of_update=Display.REJECTED,
        canary_size=CanarySize.NONE,
        at_rest=True,
        is_leaving=True,
    ),
}


def phases_where(holds: Callable[[PhaseRow], bool]) -> frozenset[Phase]:
    """Return the phases whose row `holds`."""
    return frozenset(phase for phase, row in TABLE.items() if holds(row))


AT_REST = phases_where(lambda row: row.at_rest)
"""Phases in which no rollout is in progress."""


class IllegalTransition(Exception):
    """A decision tried to leave the table: a bug, never a user's mistake."""


def at_rest(rollout: Rollout | None) -> bool:
    """Return whether no rollout is in progress."""
    return rollout is None or TABLE[rollout.phase].at_rest


def transition(rollout: Rollout, phase: Phase) -> Rollout:
    """Return the rollout in `phase`; `IllegalTransition` when the table has no such transition."""
    if phase is not rollout.phase and phase not in TABLE[rollout.phase].successors:
        raise IllegalTransition(f"{rollout.phase} → {phase}")
    return replace(rollout, phase=phase)


def settled(rollout: Rollout, revision: str) -> Rollout:
    """Return the rollout of what serves, at rest: of what was tried only the accepted decisions are left."""
    stable = transition(rollout, Phase.STABLE)
    return Rollout(revision=revision, phase=stable.phase, decisions=stable.decisions)


def deadline_exceeded(rollout: Rollout, deadline: timedelta, now: datetime) -> bool:
    """Return whether the canary has made no progress for `deadline` or longer."""
    return rollout.progressed_at is not None and now - rollout.progressed_at >= deadline


def restart_step_clock(rollout: Rollout, start: datetime | None) -> Rollout:
    """Return the rollout with the clock of its step at zero since `start`; None: it does not run yet."""
    return replace(rollout, step_started_at=start, paused_seconds=None)


def hold_ends_at(rollout: Rollout, hold: timedelta) -> datetime | None:
    """Return when the step has had its weight for `hold`, paused time not counted; None before it has the weight."""
    if rollout.step_started_at is None:
        return None
    return rollout.step_started_at + timedelta(seconds=rollout.paused_seconds or 0) + hold


def record_progress(rollout: Rollout, available: int, now: datetime) -> Rollout:
    """Return the rollout with its progress clock running, restarted whenever more pods are available than ever."""
    if rollout.progressed_at is None or available > rollout.high_water:
        return replace(rollout, progressed_at=now, high_water=available)
    return rollout


def wait_for(rollout: Rollout, what: phases.WaitingFor) -> Rollout:
    """Return the rollout waiting for `what`, its progress clock off."""
    return replace(rollout, progressed_at=None, high_water=0, waiting_for=what)


def stop_progress_clock(rollout: Rollout) -> Rollout:
    """Return the rollout with its progress clock off: the replicas it waited for are available."""
    return replace(rollout, progressed_at=None, high_water=0, waiting_for=None)
