"""Memories of a rollout in each of its phases."""

from __future__ import annotations

from typing import Any

from seatrial.api import phases, reasons
from seatrial.core.inputs import ReplicaPlan
from seatrial.core.state import RolloutState
from seatrial.core.transitions import Phase
from tests.builders import NOW, state
from tests.builders import rollout as staged

Reason = reasons.Reason
NONE = ReplicaPlan(at_step=(0, 0), full=0, waits=(False, False))
"""Zero replicas."""


def starting(**changes: Any) -> RolloutState:
    """NEW has no users yet."""
    return state(staged(Phase.STARTING, **changes))


def promoting(**changes: Any) -> RolloutState:
    """NEW takes over."""
    return state(staged(Phase.PROMOTING, step=2, weight=50, users_since=NOW, **changes))


def paused(**changes: Any) -> RolloutState:
    """NEW is held at 20 %."""
    known = {"step": 1, "weight": 20, "users_since": NOW, "step_started_at": NOW, "paused_at": NOW}
    return state(staged(Phase.PAUSED, **{**known, "paused_by": phases.PausedBy.SPEC, **changes}))


def going_back(**changes: Any) -> RolloutState:
    """NEW crashes, and its users are home."""
    known = {"reason": Reason.CRASH_LOOP, "message": "it crashes", "step_started_at": NOW}
    return state(staged(Phase.ROLLING_BACK, **{**known, **changes}))
