"""Memories of a rollout in each of its phases."""

from __future__ import annotations

from typing import Any

from seatrial.api import phases, reasons
from seatrial.core.snapshot import Counts
from seatrial.core.state import Memory
from seatrial.core.transitions import Phase
from tests.builders import NOW, memory
from tests.builders import rollout as staged

Reason = reasons.Reason
NONE = Counts(at_step=(0, 0), full=0, too_few=(False, False))
"""Zero replicas."""


def starting(**changes: Any) -> Memory:
    """NEW has no users yet."""
    return memory(staged(Phase.STARTING, **changes))


def promoting(**changes: Any) -> Memory:
    """NEW takes over."""
    return memory(staged(Phase.PROMOTING, step=2, weight=50, users_since=NOW, **changes))


def paused(**changes: Any) -> Memory:
    """NEW is held at 20 %."""
    known = {"step": 1, "weight": 20, "users_since": NOW, "step_started_at": NOW, "paused_at": NOW}
    return memory(staged(Phase.PAUSED, **{**known, "paused_by": phases.PausedBy.SPEC, **changes}))


def going_back(**changes: Any) -> Memory:
    """NEW crashes, and its users are home."""
    known = {"reason": Reason.CRASH_LOOP, "message": "it crashes", "step_started_at": NOW}
    return memory(staged(Phase.ROLLING_BACK, **{**known, **changes}))
