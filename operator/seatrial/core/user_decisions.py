"""What a person may decide, when it applies, and what it does; every rejection says why.

The uid of an accepted decision enters the state in the same write as its effect, so that it is accepted once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from seatrial.api import phases
from seatrial.api.reasons import Reason
from seatrial.api.rollout_decision import Action, DecisionPhase
from seatrial.api.status_fields import format_time
from seatrial.api.text import truncate
from seatrial.core import pauses, rollback_target, rollout
from seatrial.core.decision_message import accepted_message
from seatrial.core.inputs import Inputs
from seatrial.core.rollback import roll_back
from seatrial.core.snapshot import UserDecision
from seatrial.core.state import HistoryEntry, Rejection, Rollout, RolloutState, identity_fields
from seatrial.core.transitions import Phase, at_rest, stop_progress_clock, transition

MAX_REMEMBERED = 20
LONGEST_CAUSE = 200
"""Characters of the message of a rejection: what is possible instead has to fit behind it."""
DECISIVE = frozenset({Action.ABORT, Action.PROMOTE, Action.RETRY, Action.ROLLBACK, Action.PAUSE})
"""Actions whose author becomes the author of the rollout's outcome; skipping or resuming alone does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOutcome:
    """What became of a decision; the state has changed only when it was accepted."""

    decision: UserDecision
    phase: DecisionPhase
    message: str


class DecisionRejected(Exception):
    """The decision does not apply; the text says why and reaches its author."""


def take(
    decisions: tuple[UserDecision, ...], state: RolloutState, inputs: Inputs
) -> tuple[RolloutState, tuple[DecisionOutcome, ...]]:
    """Return the state after the decisions, oldest first but an Abort before all, and what became of each."""
    outcomes = []
    for decision in sorted(decisions, key=lambda d: (d.action is not Action.ABORT, d.at, d.uid)):
        try:
            after = _accept(decision, state, inputs)
            phase, message = DecisionPhase.TAKEN, accepted_message(decision, state, after, inputs)
            state = after
        except DecisionRejected as rejected:
            phase, message = DecisionPhase.REFUSED, str(rejected)
        outcomes.append(DecisionOutcome(decision=decision, phase=phase, message=message))
    return state, tuple(outcomes)


def _effect_of(decision: UserDecision) -> str:
    """Return what an accepted decision does."""
    revision = decision.revision
    return {
        Action.ABORT: f"the rollout of {revision} is aborted",
        Action.PROMOTE: f"{revision} is promoted without further steps",
        Action.SKIP: f"step {decision.step} of {revision} is skipped",
        Action.PAUSE: f"the rollout of {revision} is paused",
        Action.RESUME: f"the rollout of {revision} continues",
        Action.RETRY: f"{revision} is tried again",
        Action.ROLLBACK: f"{revision} is rolled back to {decision.to_revision}",
    }[decision.action]


def _accept(decision: UserDecision, state: RolloutState, inputs: Inputs) -> RolloutState:
    accepted = () if state.rollout is None else state.rollout.decisions
    if state.rollout is None and state.stable is None:
        raise DecisionRejected("no rollout exists yet")
    if decision.uid in accepted:
        return state
    if not decision.trusted:
        raise DecisionRejected(
            "decidedBy is not verified: the ValidatingAdmissionPolicyBinding seatrial-decisions is missing; "
            "install the chart's policy"
        )
    after = _EFFECTS[decision.action](decision, state, inputs)
    assert after.rollout is not None  # noqa: S101 - no effect takes the rollout away
    remembered = replace(after.rollout, decisions=(*accepted, decision.uid)[-MAX_REMEMBERED:])
    if decision.action in DECISIVE:
        remembered = replace(remembered, decided_by=decision.decided_by)
    return replace(after, rollout=remembered)


def _rollout_of(decision: UserDecision, state: RolloutState) -> Rollout:
    """Return the rollout in progress that the decision names; `DecisionRejected` when there is none."""
    current = state.rollout
    if current is None or at_rest(current):
        raise DecisionRejected(f"no rollout is in progress; {_alternative(state)}")
    if decision.revision != current.revision:
        raise DecisionRejected(f"revision {decision.revision} is not being rolled out; {current.revision} is")
    if decision.attempt is not None and decision.attempt != current.attempt:
        raise DecisionRejected(f"attempt {decision.attempt} is not in progress; attempt {current.attempt} is")
    if current.started_at is not None and decision.at < current.started_at:
        raise DecisionRejected("the decision is older than the rollout")
    if current.phase is Phase.ROLLING_BACK:
        raise DecisionRejected("the rollout is already rolling back")
    return current


def _alternative(state: RolloutState) -> str:
    if state.rollout is not None and state.rollout.phase is Phase.REJECTED and state.rejected:
        return f"{state.rejected[0].revision} was rejected; apply a changed spec, or create a Retry"
    return "create a Rollback to replace the revision that serves"


def _attributed(verb: str, decision: UserDecision) -> str:
    why = f" ({decision.reason})" if decision.reason else ""
    return f"{verb} by {decision.decided_by}{why}"


def _abort(decision: UserDecision, state: RolloutState, inputs: Inputs) -> RolloutState:
    _rollout_of(decision, state)
    return roll_back(state, inputs, Reason.ABORTED, _attributed("aborted", decision))


def _promote(decision: UserDecision, state: RolloutState, inputs: Inputs) -> RolloutState:
    """Drop the remaining steps; a canary that receives traffic is promoted now."""
    current = _rollout_of(decision, state)
    if inputs.target.hold_reason:
        raise DecisionRejected(inputs.target.hold_reason)
    without_steps = replace(current, steps=0)
    if current.phase is Phase.PAUSED:
        return pauses.resume(state, without_steps, inputs)
    if current.phase is Phase.SHIFTING:
        without_steps = stop_progress_clock(transition(without_steps, Phase.PROMOTING))
    return replace(state, rollout=without_steps)


def _skip(decision: UserDecision, state: RolloutState, inputs: Inputs) -> RolloutState:
    current = _rollout_of(decision, state)
    if current.phase is Phase.PAUSED:
        raise DecisionRejected("the rollout is paused; resume it first, then skip the step")
    if current.phase is not Phase.SHIFTING:
        raise DecisionRejected(f"no step is held; the rollout is in phase {current.phase}")
    if decision.step != current.step:
        raise DecisionRejected(f"step {decision.step} is not held; step {current.step} is")
    return rollout.next_step(state, current, inputs)


def _pause(decision: UserDecision, state: RolloutState, inputs: Inputs) -> RolloutState:
    current = _rollout_of(decision, state)
    paused = replace(current, paused_by=phases.PausedBy.DECISION, message=_attributed("paused", decision))
    if current.phase is Phase.PAUSED:
        return replace(state, rollout=paused)
    return pauses.pause(state, paused, inputs)


def _resume(decision: UserDecision, state: RolloutState, inputs: Inputs) -> RolloutState:
    current = _rollout_of(decision, state)
    if current.phase is not Phase.PAUSED:
        raise DecisionRejected(f"the rollout is not paused; it is in phase {current.phase}")
    if inputs.target.hold_reason:
        raise DecisionRejected(inputs.target.hold_reason)
    return pauses.resume(state, replace(current, decided_by=""), inputs)


def _retry(decision: UserDecision, state: RolloutState, inputs: Inputs) -> RolloutState:
    rejection = state.rejection_of(decision.revision)
    if rejection is None:
        raise DecisionRejected(_why_not_rejected(decision.revision, state))
    if decision.revision != inputs.target.revision:
        raise DecisionRejected(
            f"the spec asks for revision {inputs.target.revision}; apply the spec of {decision.revision} first"
        )
    if decision.attempt is not None and decision.attempt != rejection.attempt:
        raise DecisionRejected(
            f"attempt {decision.attempt} was not rejected; attempt {rejection.attempt} was"
        )
    _require_rest(state)
    if state.stable is not None and state.stable.revision == decision.revision:
        return state.without_rejection(decision.revision)  # it serves, since nothing could replace it
    retried = replace(state.without_rejection(decision.revision), build=None)
    return rollout.begin(retried, inputs, revision=decision.revision, attempt=rejection.attempt + 1)


def _why_not_rejected(revision: str, state: RolloutState) -> str:
    current = state.rollout
    if current is not None and current.revision == revision and current.phase is Phase.ROLLING_BACK:
        return f"revision {revision} is still rolling back; create the Retry again once it is rejected"
    return f"revision {revision} is not rejected; rejected: {rollback_target.listed(state.rejected)}"


def _require_rest(state: RolloutState) -> None:
    if state.rollout is not None and not at_rest(state.rollout):
        raise DecisionRejected(f"revision {state.rollout.revision} is being rolled out; abort it or wait")


def _rollback(decision: UserDecision, state: RolloutState, inputs: Inputs) -> RolloutState:
    if state.stable is None or decision.revision != state.stable.revision:
        served = "nothing serves" if state.stable is None else f"{state.stable.revision} does"
        raise DecisionRejected(f"revision {decision.revision} does not serve; {served}")
    target = _target_of(decision, state, inputs)
    _require_rest(state)
    identity = identity_fields(state.stable)
    rejection = Rejection(
        **identity,
        reason=Reason.ROLLED_BACK,
        message=_attributed(f"rolled back to {target}", decision),
        at=inputs.now,
        attempt=1,
        decided_by=decision.decided_by,
    )
    left = HistoryEntry(
        **identity,
        outcome=phases.Outcome.ROLLED_BACK,
        reason=rejection.reason,
        message=rejection.message,
        finished_at=inputs.now,
        decided_by=decision.decided_by,
    )
    recorded = state.with_rejection(rejection).with_history(left, limit=inputs.target.history_limit)
    return rollout.begin(recorded, inputs, revision=target)


def _target_of(decision: UserDecision, state: RolloutState, inputs: Inputs) -> str:
    """Return the revision to roll back to; `DecisionRejected` with what can be done instead when there is none."""
    kept = inputs.snapshot.images.keys()
    try:
        target = rollback_target.revision_meant(decision.to_revision, state, kept)
    except rollback_target.NoRollbackTarget as unknown:
        raise DecisionRejected(str(unknown)) from None
    if target == decision.revision:
        raise DecisionRejected(f"revision {target} serves already")
    targets = rollback_target.rollback_targets(state, kept)
    if target not in {entry.revision for entry in targets}:
        why = _why_no_rollback(target, state)
        raise DecisionRejected(f"{why}; possible targets: {rollback_target.listed(targets)}")
    return target


def _why_no_rollback(target: str, state: RolloutState) -> str:
    """Return why a Rollback cannot return to a revision that is known, and what can be done instead."""
    if (rejection := state.rejection_of(target)) is not None:
        remedy = "apply its spec and create a Retry"
        at = "" if rejection.at is None else f" at {format_time(rejection.at)}"
        cause = f"{rejection.reason}: {truncate(rejection.message, LONGEST_CAUSE)}"
        return f"revision {target} was itself rejected{at} ({cause}); {remedy}"
    if state.promoted_before(target):
        return f"the ControllerRevision of {target} is gone; apply its spec instead"
    return f"revision {target} was never promoted"


_EFFECTS: dict[Action, Callable[[UserDecision, RolloutState, Inputs], RolloutState]] = {
    Action.ABORT: _abort,
    Action.PROMOTE: _promote,
    Action.SKIP: _skip,
    Action.PAUSE: _pause,
    Action.RESUME: _resume,
    Action.RETRY: _retry,
    Action.ROLLBACK: _rollback,
}
