"""What a person may decide, when it applies, and what it does; every refusal says why.

A taken order's uid enters the rollout's memory in the same write as its effect, so that it is taken once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from seatrial.api import phases, reasons, rollout_decision
from seatrial.api import status as api
from seatrial.core import pauses, rollback, rollout, transitions
from seatrial.core.snapshot import Snapshot
from seatrial.core.state import RolloutState
from seatrial.core.transitions import Phase

Action = rollout_decision.Action
REMEMBERED = 20
DECISIVE = frozenset({Action.ABORT, Action.PROMOTE, Action.RETRY, Action.ROLLBACK, Action.PAUSE})
"""What makes somebody the author of what becomes of a rollout; skipping or resuming alone does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDecision:
    """One RolloutDecision that waits for its answer."""

    uid: str
    name: str
    action: Action
    revision: str
    at: datetime
    decided_by: str
    reason: str = ""
    step: int | None = None
    attempt: int | None = None
    to_revision: str = ""
    trusted: bool = True
    """Somebody vouches that `decided_by` wrote it: the admission policy is in force, or settings waive it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOutcome:
    """What became of an order; the memory has changed only with TAKEN."""

    order: UserDecision
    phase: rollout_decision.DecisionPhase
    message: str


class DecisionRejected(Exception):
    """The order does not apply; the text says why and reaches its author."""


def take(
    orders: tuple[UserDecision, ...], state: RolloutState, snapshot: Snapshot
) -> tuple[RolloutState, tuple[DecisionOutcome, ...]]:
    """The memory after the orders, oldest first but an Abort before all, and an answer to each."""
    answers = []
    for order in sorted(orders, key=lambda o: (o.action is not Action.ABORT, o.at, o.uid)):
        try:
            state, message = _taken(order, state, snapshot)
            answers.append(
                DecisionOutcome(order=order, phase=rollout_decision.DecisionPhase.TAKEN, message=message)
            )
        except DecisionRejected as refusal:
            answers.append(
                DecisionOutcome(
                    order=order, phase=rollout_decision.DecisionPhase.REFUSED, message=str(refusal)
                )
            )
    return state, tuple(answers)


def _taken(order: UserDecision, state: RolloutState, snapshot: Snapshot) -> tuple[RolloutState, str]:
    known = () if state.rollout is None else state.rollout.decisions
    if state.rollout is None and state.stable is None:
        raise DecisionRejected("there is no rollout yet")
    if order.uid in known:
        return state, "taken"
    if not order.trusted:
        raise DecisionRejected(
            "nobody vouches for decidedBy: the ValidatingAdmissionPolicyBinding "
            "seatrial-decisions is not in the cluster; install the chart's policy"
        )
    after = _EFFECTS[order.action](order, state, snapshot)
    assert after.rollout is not None  # noqa: S101 - no effect takes the rollout away
    changed = transitions.changed(after.rollout, decisions=(*known, order.uid)[-REMEMBERED:])
    if order.action in DECISIVE:
        changed = transitions.changed(changed, decided_by=order.decided_by)
    return replace(after, rollout=changed), "taken"


def _on_its_way(order: UserDecision, state: RolloutState) -> api.RolloutStatus:
    """The rollout the order speaks of, if it is on its way; a refusal if not."""
    current = state.rollout
    if current is None or current.phase in transitions.AT_REST:
        raise DecisionRejected(f"no rollout is on its way; {_instead(state)}")
    if order.revision != current.revision:
        raise DecisionRejected(f"it speaks of revision {order.revision}; on its way is {current.revision}")
    if order.attempt is not None and order.attempt != current.attempt:
        raise DecisionRejected(
            f"it speaks of attempt {order.attempt}; on its way is attempt {current.attempt}"
        )
    if current.started_at is not None and order.at < current.started_at:
        raise DecisionRejected("it is older than the rollout")
    if current.phase is Phase.ROLLING_BACK:
        raise DecisionRejected("the rollout is rolling back already")
    return current


def _instead(state: RolloutState) -> str:
    if state.rollout is not None and state.rollout.phase is Phase.REJECTED and state.rejected:
        return f"{state.rejected[0].revision} was rejected: apply a changed spec, or create one with action Retry"
    return "to leave what is served create one with action Rollback"


def _sentence(order: UserDecision, verb: str) -> str:
    why = f": {order.reason}" if order.reason else ""
    return f"{verb} by {order.decided_by}{why}"


def _abort(order: UserDecision, state: RolloutState, snapshot: Snapshot) -> RolloutState:
    _on_its_way(order, state)
    return rollback.fail(state, snapshot, reasons.Reason.ABORTED, _sentence(order, "aborted"))


def _promote(order: UserDecision, state: RolloutState, snapshot: Snapshot) -> RolloutState:
    """The steps that are left are taken away; a canary that has users takes over now."""
    current = _on_its_way(order, state)
    if snapshot.wish.hold:
        raise DecisionRejected(snapshot.wish.hold)
    straight = transitions.changed(current, steps=0)
    if current.phase is Phase.PAUSED:
        return pauses.resume(state, straight, snapshot)
    if current.phase is Phase.SHIFTING:
        straight = transitions.stop_progress_clock(transitions.transition(straight, Phase.PROMOTING))
    return replace(state, rollout=straight)


def _skip(order: UserDecision, state: RolloutState, snapshot: Snapshot) -> RolloutState:
    current = _on_its_way(order, state)
    if current.phase is Phase.PAUSED:
        raise DecisionRejected("the rollout is paused: let it go on first, then skip the step")
    if current.phase is not Phase.SHIFTING:
        raise DecisionRejected(f"no step is held; the rollout is {current.phase}")
    if order.step != current.step:
        raise DecisionRejected(f"it speaks of step {order.step}; the rollout is at step {current.step}")
    return rollout.next_step(state, current, snapshot)


def _pause(order: UserDecision, state: RolloutState, snapshot: Snapshot) -> RolloutState:
    current = _on_its_way(order, state)
    held = transitions.changed(
        current, paused_by=phases.PausedBy.DECISION, message=_sentence(order, "paused")
    )
    if current.phase is Phase.PAUSED:
        return replace(state, rollout=held)
    return pauses.pause(state, held, snapshot)


def _resume(order: UserDecision, state: RolloutState, snapshot: Snapshot) -> RolloutState:
    current = _on_its_way(order, state)
    if current.phase is not Phase.PAUSED:
        raise DecisionRejected(f"nothing is paused; the rollout is {current.phase}")
    if snapshot.wish.hold:
        raise DecisionRejected(snapshot.wish.hold)
    return pauses.resume(state, transitions.changed(current, decided_by=""), snapshot)


def _retry(order: UserDecision, state: RolloutState, snapshot: Snapshot) -> RolloutState:
    rejection = state.rejection_of(order.revision)
    if rejection is None:
        raise DecisionRejected(_not_rejected(order.revision, state.rollout))
    if order.revision != snapshot.wish.revision:
        raise DecisionRejected(
            f"the spec asks for revision {snapshot.wish.revision}; apply the spec of {order.revision} first"
        )
    if order.attempt is not None and order.attempt != rejection.attempt:
        raise DecisionRejected(
            f"it speaks of attempt {order.attempt}; rejected was attempt {rejection.attempt}"
        )
    _at_rest(state)
    if state.stable is not None and state.stable.revision == order.revision:
        return state.forgiving(order.revision)  # nobody could leave it: it serves, and may go on
    forgiven = replace(state.forgiving(order.revision), build=None)
    return rollout.begin(forgiven, snapshot, revision=order.revision, attempt=rejection.attempt + 1)


def _not_rejected(revision: str, current: api.RolloutStatus | None) -> str:
    going = current is not None and current.revision == revision and current.phase is Phase.ROLLING_BACK
    if going:
        return f"revision {revision} is still going back; create a Retry again once the phase is Degraded"
    return f"revision {revision} is not rejected"


def _at_rest(state: RolloutState) -> None:
    if state.rollout is not None and state.rollout.phase not in transitions.AT_REST:
        raise DecisionRejected(f"revision {state.rollout.revision} is on its way; abort it or wait")


def _rollback(order: UserDecision, state: RolloutState, snapshot: Snapshot) -> RolloutState:
    target = order.to_revision
    if state.stable is None or order.revision != state.stable.revision:
        served = "nothing" if state.stable is None else state.stable.revision
        raise DecisionRejected(f"it speaks of revision {order.revision}; served is {served}")
    if target == order.revision:
        raise DecisionRejected(f"revision {target} is served already")
    if (why := _why_no_way_back(target, state, snapshot)) is not None:
        raise DecisionRejected(why)
    _at_rest(state)
    rejected = api.Rejected(
        revision=order.revision,
        reason=reasons.Reason.ROLLED_BACK,
        message=_sentence(order, f"taken back to {target}"),
        at=snapshot.now,
        attempt=1,
        decided_by=order.decided_by,
    )
    left = api.HistoryEntry(
        revision=order.revision,
        image=state.stable.image,
        outcome=phases.Outcome.ROLLED_BACK,
        reason=rejected.reason,
        message=rejected.message,
        finished_at=snapshot.now,
        decided_by=order.decided_by,
    )
    recorded = state.rejecting(rejected).recording(left, limit=snapshot.wish.history_limit)
    return rollout.begin(recorded, snapshot, revision=target)


def _why_no_way_back(target: str, state: RolloutState, snapshot: Snapshot) -> str | None:
    """Why a Rollback cannot have this target, and what can be done instead; None when it can."""
    if (rejection := state.rejection_of(target)) is not None:
        remedy = "apply its spec and create a RolloutDecision with action Retry"
        return f"revision {target} was rejected itself ({rejection.reason}: {rejection.message}); {remedy}"
    served = {h.revision for h in state.history if h.outcome is phases.Outcome.PROMOTED}
    if target in served and target not in snapshot.images:
        return f"the template of revision {target} is gone; apply its spec instead"
    if target in served:
        return None
    present = "" if state.stable is None else state.stable.revision
    targets = [r for r in sorted(served & snapshot.images.keys() - {present}) if state.promoted_before(r)]
    return (
        f"revision {target} is not in history as promoted; one can go back to: {', '.join(targets) or 'none'}"
    )


_EFFECTS: dict[Action, Callable[[UserDecision, RolloutState, Snapshot], RolloutState]] = {
    Action.ABORT: _abort,
    Action.PROMOTE: _promote,
    Action.SKIP: _skip,
    Action.PAUSE: _pause,
    Action.RESUME: _resume,
    Action.RETRY: _retry,
    Action.ROLLBACK: _rollback,
}
