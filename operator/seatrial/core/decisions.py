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
from seatrial.core.snapshot import Situation
from seatrial.core.state import Memory
from seatrial.core.transitions import Phase

Action = rollout_decision.Action
REMEMBERED = 20
DECISIVE = frozenset({Action.ABORT, Action.PROMOTE, Action.RETRY, Action.ROLLBACK, Action.PAUSE})
"""What makes somebody the author of what becomes of a rollout; skipping or resuming alone does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
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
class Answer:
    """What became of an order; the memory has changed only with TAKEN."""

    order: Order
    phase: rollout_decision.DecisionPhase
    message: str


class Refusal(Exception):
    """The order does not apply; the text says why and reaches its author."""


def answered(orders: tuple[Order, ...], memory: Memory, at: Situation) -> tuple[Memory, tuple[Answer, ...]]:
    """The memory after the orders, oldest first but an Abort before all, and an answer to each."""
    answers = []
    for order in sorted(orders, key=lambda o: (o.action is not Action.ABORT, o.at, o.uid)):
        try:
            memory, message = _taken(order, memory, at)
            answers.append(Answer(order=order, phase=rollout_decision.DecisionPhase.TAKEN, message=message))
        except Refusal as refusal:
            answers.append(
                Answer(order=order, phase=rollout_decision.DecisionPhase.REFUSED, message=str(refusal))
            )
    return memory, tuple(answers)


def _taken(order: Order, memory: Memory, at: Situation) -> tuple[Memory, str]:
    known = () if memory.rollout is None else memory.rollout.decisions
    if memory.rollout is None and memory.stable is None:
        raise Refusal("there is no rollout yet")
    if order.uid in known:
        return memory, "taken"
    if not order.trusted:
        raise Refusal(
            "nobody vouches for decidedBy: the ValidatingAdmissionPolicyBinding "
            "seatrial-decisions is not in the cluster; install the chart's policy"
        )
    after = _EFFECTS[order.action](order, memory, at)
    assert after.rollout is not None  # noqa: S101 - no effect takes the rollout away
    changed = transitions.changed(after.rollout, decisions=(*known, order.uid)[-REMEMBERED:])
    if order.action in DECISIVE:
        changed = transitions.changed(changed, decided_by=order.decided_by)
    return replace(after, rollout=changed), "taken"


def _on_its_way(order: Order, memory: Memory) -> api.RolloutStatus:
    """The rollout the order speaks of, if it is on its way; a refusal if not."""
    current = memory.rollout
    if current is None or current.phase in transitions.AT_REST:
        raise Refusal(f"no rollout is on its way; {_instead(memory)}")
    if order.revision != current.revision:
        raise Refusal(f"it speaks of revision {order.revision}; on its way is {current.revision}")
    if order.attempt is not None and order.attempt != current.attempt:
        raise Refusal(f"it speaks of attempt {order.attempt}; on its way is attempt {current.attempt}")
    if current.started_at is not None and order.at < current.started_at:
        raise Refusal("it is older than the rollout")
    if current.phase is Phase.ROLLING_BACK:
        raise Refusal("the rollout is rolling back already")
    return current


def _instead(memory: Memory) -> str:
    if memory.rollout is not None and memory.rollout.phase is Phase.REJECTED and memory.rejected:
        return f"{memory.rejected[0].revision} was rejected: apply a changed spec, or create one with action Retry"
    return "to leave what is served create one with action Rollback"


def _sentence(order: Order, verb: str) -> str:
    why = f": {order.reason}" if order.reason else ""
    return f"{verb} by {order.decided_by}{why}"


def _abort(order: Order, memory: Memory, at: Situation) -> Memory:
    _on_its_way(order, memory)
    return rollback.fail(memory, at, reasons.Reason.ABORTED, _sentence(order, "aborted"))


def _promote(order: Order, memory: Memory, at: Situation) -> Memory:
    """The steps that are left are taken away; a canary that has users takes over now."""
    current = _on_its_way(order, memory)
    if at.wish.hold:
        raise Refusal(at.wish.hold)
    straight = transitions.changed(current, steps=0)
    if current.phase is Phase.PAUSED:
        return pauses.resume(memory, straight, at)
    if current.phase is Phase.SHIFTING:
        straight = transitions.arrived(transitions.moved(straight, Phase.PROMOTING))
    return replace(memory, rollout=straight)


def _skip(order: Order, memory: Memory, at: Situation) -> Memory:
    current = _on_its_way(order, memory)
    if current.phase is Phase.PAUSED:
        raise Refusal("the rollout is paused: let it go on first, then skip the step")
    if current.phase is not Phase.SHIFTING:
        raise Refusal(f"no step is held; the rollout is {current.phase}")
    if order.step != current.step:
        raise Refusal(f"it speaks of step {order.step}; the rollout is at step {current.step}")
    return rollout.next_step(memory, current, at)


def _pause(order: Order, memory: Memory, at: Situation) -> Memory:
    current = _on_its_way(order, memory)
    held = transitions.changed(
        current, paused_by=phases.PausedBy.DECISION, message=_sentence(order, "paused")
    )
    if current.phase is Phase.PAUSED:
        return replace(memory, rollout=held)
    return pauses.pause(memory, held, at)


def _resume(order: Order, memory: Memory, at: Situation) -> Memory:
    current = _on_its_way(order, memory)
    if current.phase is not Phase.PAUSED:
        raise Refusal(f"nothing is paused; the rollout is {current.phase}")
    if at.wish.hold:
        raise Refusal(at.wish.hold)
    return pauses.resume(memory, transitions.changed(current, decided_by=""), at)


def _retry(order: Order, memory: Memory, at: Situation) -> Memory:
    rejection = memory.rejection_of(order.revision)
    if rejection is None:
        raise Refusal(_not_rejected(order.revision, memory.rollout))
    if order.revision != at.wish.revision:
        raise Refusal(
            f"the spec asks for revision {at.wish.revision}; apply the spec of {order.revision} first"
        )
    if order.attempt is not None and order.attempt != rejection.attempt:
        raise Refusal(f"it speaks of attempt {order.attempt}; rejected was attempt {rejection.attempt}")
    _at_rest(memory)
    if memory.stable is not None and memory.stable.revision == order.revision:
        return memory.forgiving(order.revision)  # nobody could leave it: it serves, and may go on
    forgiven = replace(memory.forgiving(order.revision), build=None)
    return rollout.begin(forgiven, at, revision=order.revision, attempt=rejection.attempt + 1)


def _not_rejected(revision: str, current: api.RolloutStatus | None) -> str:
    going = current is not None and current.revision == revision and current.phase is Phase.ROLLING_BACK
    if going:
        return f"revision {revision} is still going back; create a Retry again once the phase is Degraded"
    return f"revision {revision} is not rejected"


def _at_rest(memory: Memory) -> None:
    if memory.rollout is not None and memory.rollout.phase not in transitions.AT_REST:
        raise Refusal(f"revision {memory.rollout.revision} is on its way; abort it or wait")


def _rollback(order: Order, memory: Memory, at: Situation) -> Memory:
    target = order.to_revision
    if memory.stable is None or order.revision != memory.stable.revision:
        served = "nothing" if memory.stable is None else memory.stable.revision
        raise Refusal(f"it speaks of revision {order.revision}; served is {served}")
    if target == order.revision:
        raise Refusal(f"revision {target} is served already")
    if (why := _why_no_way_back(target, memory, at)) is not None:
        raise Refusal(why)
    _at_rest(memory)
    rejected = api.Rejected(
        revision=order.revision,
        reason=reasons.Reason.ROLLED_BACK,
        message=_sentence(order, f"taken back to {target}"),
        at=at.now,
        attempt=1,
        decided_by=order.decided_by,
    )
    left = api.HistoryEntry(
        revision=order.revision,
        image=memory.stable.image,
        outcome=phases.Outcome.ROLLED_BACK,
        reason=rejected.reason,
        message=rejected.message,
        finished_at=at.now,
        decided_by=order.decided_by,
    )
    recorded = memory.rejecting(rejected).recording(left, limit=at.wish.history_limit)
    return rollout.begin(recorded, at, revision=target)


def _why_no_way_back(target: str, memory: Memory, at: Situation) -> str | None:
    """Why a Rollback cannot have this target, and what can be done instead; None when it can."""
    if (rejection := memory.rejection_of(target)) is not None:
        remedy = "apply its spec and create a RolloutDecision with action Retry"
        return f"revision {target} was rejected itself ({rejection.reason}: {rejection.message}); {remedy}"
    served = {h.revision for h in memory.history if h.outcome is phases.Outcome.PROMOTED}
    if target in served and target not in at.images:
        return f"the template of revision {target} is gone; apply its spec instead"
    if target in served:
        return None
    present = "" if memory.stable is None else memory.stable.revision
    targets = [r for r in sorted(served & at.images.keys() - {present}) if memory.promoted_before(r)]
    return (
        f"revision {target} is not in history as promoted; one can go back to: {', '.join(targets) or 'none'}"
    )


_EFFECTS: dict[Action, Callable[[Order, Memory, Situation], Memory]] = {
    Action.ABORT: _abort,
    Action.PROMOTE: _promote,
    Action.SKIP: _skip,
    Action.PAUSE: _pause,
    Action.RESUME: _resume,
    Action.RETRY: _retry,
    Action.ROLLBACK: _rollback,
}
