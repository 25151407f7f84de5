"""Rolling back: what a failed rollout leaves behind, and the order in which traffic and pods leave the canary."""

from __future__ import annotations

from dataclasses import replace

from seatrial.api import phases
from seatrial.api.reasons import Reason
from seatrial.core.inputs import Inputs
from seatrial.core.known_models import model_of
from seatrial.core.snapshot import Diagnosis
from seatrial.core.state import Failure, HistoryEntry, Rejection, Rollout, RolloutState, identity_fields
from seatrial.core.transitions import IllegalTransition, Phase, restart_step_clock, transition


def roll_back(state: RolloutState, inputs: Inputs, reason: Reason, message: str) -> RolloutState:
    """Return the state in which the rollout is rolled back because of `reason`; the canary loses its traffic now."""
    diagnosis = inputs.canary(state).diagnosis
    failure = Failure(reason=reason, message=message)
    return _going_back(state, inputs, failure if diagnosis is None else diagnosis.failure(reason, message))


def roll_back_failed(state: RolloutState, inputs: Inputs, diagnosis: Diagnosis) -> RolloutState:
    """Return the state in which the rollout is rolled back because of what is wrong with the canary's pods."""
    return _going_back(state, inputs, diagnosis.failure())


def _going_back(state: RolloutState, inputs: Inputs, failure: Failure) -> RolloutState:
    if state.rollout is None:
        raise IllegalTransition("no rollout to roll back")
    going_back = replace(
        transition(state.rollout, Phase.ROLLING_BACK),
        reason=failure.reason,
        message=failure.message,
        progressed_at=None,
        paused_at=None,
        paused_by=None,
        waiting_for=None,
    )
    return replace(
        state,
        canary=state.canary and replace(state.canary, failure=failure),
        rollout=restart_step_clock(going_back, inputs.now),
    )


def continue_rollback(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState:
    """Return the state after the next step of a rollback: weight, delay, scale, record.

    Each follows only when the one before is observed: the delay begins when the router is seen to send nothing, and
    the write may have taken long. Where only the canary has available pods it keeps all traffic until stable is
    back, whatever speaks against it.
    """
    if rollout.weight and not stable_can_take_over(state, inputs):
        kept = replace(rollout, weight=100, waiting_for=phases.WaitingFor.READINESS)
        return replace(state, rollout=kept)
    if rollout.weight:
        without_traffic = replace(rollout, weight=0, waiting_for=None)
        return replace(state, rollout=restart_step_clock(without_traffic, None))
    if _received_traffic(state, rollout) and not inputs.canary_receives_nothing:
        return replace(state, rollout=restart_step_clock(rollout, None))
    if rollout.step_started_at is None:
        return replace(state, rollout=restart_step_clock(rollout, inputs.now))
    if is_draining(state, inputs) or inputs.canary(state).pods > 0:
        return state
    return _ended(state, rollout, inputs)


def stable_can_take_over(state: RolloutState, inputs: Inputs) -> bool:
    """Return whether stable has an available pod, or the canary has none either."""
    stable = inputs.stable(state)
    return stable is None or stable.available > 0 or inputs.canary(state).available == 0


def is_draining(state: RolloutState, inputs: Inputs) -> bool:
    """Return whether the canary keeps its pods: for the delay, and until the router is seen to send it nothing."""
    rollout = state.rollout
    if rollout is None or not _received_traffic(state, rollout):
        return False
    since = rollout.step_started_at or inputs.now
    return not inputs.canary_receives_nothing or inputs.now < since + inputs.target.scale_down_delay


def _received_traffic(state: RolloutState, rollout: Rollout) -> bool:
    return rollout.users_since is not None and state.stable is not None


def _ended(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState:
    reason = Reason(rollout.reason) if rollout.reason else Reason.ROLLED_BACK
    identity = identity_fields(model_of(rollout.revision, state, inputs))
    entry = HistoryEntry(
        **identity,
        outcome=_outcome(reason),
        reason=reason,
        message=rollout.message,
        started_at=rollout.started_at,
        finished_at=inputs.now,
        decided_by=rollout.decided_by,
    )
    recorded = state.with_history(entry, limit=inputs.target.history_limit)
    if reason is Reason.SUPERSEDED:
        stable = replace(transition(rollout, Phase.STABLE), step=0, users_since=None)
        return replace(recorded, canary=None, rollout=stable)
    rejection = Rejection(
        **identity,
        reason=reason,
        message=rollout.message,
        at=inputs.now,
        attempt=rollout.attempt,
        decided_by=rollout.decided_by,
    )
    rejected = replace(transition(rollout, Phase.REJECTED), users_since=None)
    return replace(recorded.with_rejection(rejection), rollout=rejected)


def _outcome(reason: Reason) -> phases.Outcome:
    outcomes = {Reason.SUPERSEDED: phases.Outcome.SUPERSEDED, Reason.ABORTED: phases.Outcome.ABORTED}
    return outcomes.get(reason, phases.Outcome.ROLLED_BACK)
