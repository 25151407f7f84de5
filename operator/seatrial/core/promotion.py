"""The end of a rollout that succeeds: the canary is stable, and history says so."""

from __future__ import annotations

from dataclasses import replace

from seatrial.api import phases
from seatrial.api.reasons import Reason
from seatrial.core.inputs import Inputs
from seatrial.core.state import HistoryEntry, Rollout, RolloutState, identity_fields
from seatrial.core.transitions import IllegalTransition, Phase, stop_progress_clock, transition


def promoted(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState:
    """Return the state in which the canary has become stable."""
    if state.canary is None:
        raise IllegalTransition("a promotion without a canary")
    without_replicas = inputs.replica_plan.full == 0
    entry = HistoryEntry(
        **identity_fields(state.canary),
        outcome=phases.Outcome.PROMOTED,
        reason=Reason.PROMOTED,
        message="checks skipped: the spec asks for zero replicas" if without_replicas else "",
        started_at=rollout.started_at,
        finished_at=inputs.now,
        decided_by=rollout.decided_by,
    )
    stable = replace(state.canary, since=inputs.now, failure=None)
    promoted = replace(
        stop_progress_clock(transition(rollout, Phase.STABLE)), weight=100, reason="", message=""
    )
    recorded = state.with_history(entry, limit=inputs.target.history_limit)
    return replace(recorded, stable=stable, canary=None, rollout=promoted)
