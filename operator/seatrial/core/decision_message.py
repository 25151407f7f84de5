"""What an accepted decision did, for its author: which revision, with how much traffic, and what happens now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seatrial.api.rollout_decision import Action
from seatrial.core.inputs import Inputs
from seatrial.core.rollback import stable_can_take_over
from seatrial.core.snapshot import UserDecision
from seatrial.core.state import Rollout, RolloutState
from seatrial.core.transitions import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a decision did: it turned the state `before` into `after`."""

    decision: UserDecision
    before: RolloutState
    after: RolloutState
    rollout: Rollout
    """That of `after`."""
    inputs: Inputs


def accepted_message(
    decision: UserDecision, before: RolloutState, after: RolloutState, inputs: Inputs
) -> str:
    """Return what a decision did that turned the state `before` into `after`."""
    if before == after or after.rollout is None:
        return f"{decision.action} of {decision.revision} took effect before; status says what followed"
    effect = Effect(decision=decision, before=before, after=after, rollout=after.rollout, inputs=inputs)
    return _MESSAGES[decision.action](effect)


def _canary(effect: Effect) -> str:
    return f"canary {effect.rollout.revision}"


def _share(effect: Effect) -> str:
    weight = effect.rollout.weight
    return f" at {weight} % of traffic" if weight else " before it received traffic"


def _aborted(effect: Effect) -> str:
    return f"{_canary(effect)} aborted{_share(effect)}; {_traffic_after_abort(effect.after, effect.inputs)}"


def _traffic_after_abort(state: RolloutState, inputs: Inputs) -> str:
    stable, track = state.stable, inputs.stable(state)
    if stable is None or track is None:
        return "nothing serves yet"
    if state.rollout is not None and state.rollout.weight and not stable_can_take_over(state, inputs):
        return f"it receives all traffic until a pod of stable {stable.revision} is ready"
    not_ready = "" if track.available else ", but no pod of it is ready"
    return f"stable {stable.revision} receives all traffic{not_ready}"


def _promoted(effect: Effect) -> str:
    skipped = f"{_canary(effect)}: remaining steps skipped{_share(effect)}"
    return f"{skipped}; it is promoted once all its pods are ready"


def _skipped(effect: Effect) -> str:
    rollout, before = effect.rollout, effect.before.rollout
    step = 0 if before is None else before.step
    following = effect.inputs.target.steps[rollout.step - 1 :] if rollout.phase is Phase.SHIFTING else ()
    then = f"step {rollout.step}, {following[0].weight} %, is next" if following else "promotion is next"
    return f"{_canary(effect)}: step {step} skipped{_share(effect)}; {then}"


def _paused(effect: Effect) -> str:
    return f"{_canary(effect)} paused{_share(effect)}; create a Resume to continue"


def _resumed(effect: Effect) -> str:
    return f"{_canary(effect)} resumed{_share(effect)}"


def _retried(effect: Effect) -> str:
    revision, rollout = effect.decision.revision, effect.rollout
    if rollout.revision != revision or rollout.phase is not Phase.BUILDING:
        return f"{revision} serves, and is no longer rejected"
    return f"attempt {rollout.attempt} of {revision} started"


def _rolled_back(effect: Effect) -> str:
    revision, target = effect.decision.revision, effect.rollout.revision
    until = (
        f"stops before {target} starts"
        if effect.inputs.target.recreate
        else f"serves until {target} is ready"
    )
    return f"rollback to {target} started; {revision} is rejected, and {until}"


_MESSAGES: dict[Action, Callable[[Effect], str]] = {
    Action.ABORT: _aborted,
    Action.PROMOTE: _promoted,
    Action.SKIP: _skipped,
    Action.PAUSE: _paused,
    Action.RESUME: _resumed,
    Action.RETRY: _retried,
    Action.ROLLBACK: _rolled_back,
}
