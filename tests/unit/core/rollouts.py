"""States of a rollout of NEW, one for each phase that several tests begin with."""

from __future__ import annotations

from typing import Any

from seatrial.api import phases, reasons
from seatrial.core.inputs import ReplicaPlan
from seatrial.core.state import RolloutState
from seatrial.core.transitions import Phase
from tests.builders import NOW, rollout, state

Reason = reasons.Reason
ZERO_REPLICAS = ReplicaPlan(at_step=(0, 0), full=0, waits=(False, False))


def building(**changes: Any) -> RolloutState:
    """Return a state in which NEW has no image yet."""
    return state(rollout(Phase.BUILDING, **changes))


def starting(**changes: Any) -> RolloutState:
    """Return a state in which NEW starts and has received no traffic."""
    return state(rollout(Phase.STARTING, **changes))


def promoting(**changes: Any) -> RolloutState:
    """Return a state in which NEW receives 50 % of traffic and is being promoted."""
    known = {"step": 2, "weight": 50, "users_since": NOW}
    return state(rollout(Phase.PROMOTING, **{**known, **changes}))


def paused(**changes: Any) -> RolloutState:
    """Return a state in which the spec pauses NEW at 20 % of traffic."""
    known = {"step": 1, "weight": 20, "users_since": NOW, "step_started_at": NOW, "paused_at": NOW}
    return state(rollout(Phase.PAUSED, **{**known, "paused_by": phases.PausedBy.SPEC, **changes}))


def rolling_back(**changes: Any) -> RolloutState:
    """Return a state in which NEW crashed and receives no traffic any more."""
    known = {"reason": Reason.CRASH_LOOP, "message": "it crashes", "step_started_at": NOW}
    return state(rollout(Phase.ROLLING_BACK, **{**known, **changes}))
