"""The rollout: the step of each phase, a function from state and inputs to the state that follows.

`advance` repeats them until nothing changes, so that a pass goes as far as the snapshot allows. Nothing here acts:
what pods and router should be in a phase is derived from the state by `seatrial.children`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from seatrial.api import phases
from seatrial.api.reasons import Reason
from seatrial.core import availability, judgement, known_models, pauses, rules
from seatrial.core.canary_health import wait_for_replicas
from seatrial.core.inputs import Inputs
from seatrial.core.promotion import promoted
from seatrial.core.rollback import continue_rollback, roll_back
from seatrial.core.state import Rollout, RolloutState
from seatrial.core.target import Step, first_step_at, step_of
from seatrial.core.transitions import (
    TABLE,
    IllegalTransition,
    Phase,
    at_rest,
    hold_ends_at,
    restart_step_clock,
    settled,
    stop_progress_clock,
    transition,
    wait_for,
)

MAX_TRANSITIONS = 16
"""More decisions in one pass than any path of the table has; beyond it they would go in a circle."""


def advance(state: RolloutState, inputs: Inputs) -> RolloutState:
    """Return the state after every decision that the inputs allow; the same object when there is none."""
    state = judgement.with_evidence(_with_canary(_with_observed_promotion(state, inputs), inputs), inputs)
    began_at = _step_start(state)
    for _ in range(MAX_TRANSITIONS):
        after = _next_state(state, inputs)
        if after == state:
            begun = _step_start(state) != began_at
            return judgement.with_evidence(state, inputs) if begun else state
        state = after
    raise IllegalTransition("the decisions of one pass go in a circle")


def _step_start(state: RolloutState) -> datetime | None:
    return None if state.rollout is None else state.rollout.step_started_at


def _with_observed_promotion(state: RolloutState, inputs: Inputs) -> RolloutState:
    """Count stable's time from when the router sends it traffic: an operator that died may do that late."""
    split = inputs.snapshot.split
    if state.stable is None or split is None or split.stable in ("", state.stable.revision):
        return state
    return replace(state, stable=replace(state.stable, since=inputs.now))


def _with_canary(state: RolloutState, inputs: Inputs) -> RolloutState:
    """Return the state with the canary that its phase has: a status that was edited by hand may have none.

    Where its image is not known any more the rollout begins anew.
    """
    rollout, canary = state.rollout, state.canary
    if rollout is None:
        return state
    paused_under_traffic = rollout.phase is Phase.PAUSED and rollout.users_since is not None
    if not (TABLE[rollout.phase].may_create_canary or paused_under_traffic):
        return state
    if canary is not None and canary.revision == rollout.revision:
        return state
    image = known_models.image_of(rollout.revision, inputs)
    if image is None:
        anew = settled(replace(rollout, phase=Phase.STABLE), rollout.revision)
        return begin(replace(state, rollout=anew), inputs, revision=rollout.revision, attempt=rollout.attempt)
    return replace(state, canary=image.of_revision(rollout.revision, since=inputs.now))


def _next_state(state: RolloutState, inputs: Inputs) -> RolloutState:
    rollout = state.rollout
    if rollout is None or at_rest(rollout):
        return _at_rest(state, inputs)
    guarded = rules.first_applicable(state, rollout, inputs)
    return STEPS[rollout.phase](state, rollout, inputs) if guarded is None else guarded


def _at_rest(state: RolloutState, inputs: Inputs) -> RolloutState:
    rollout, wanted = state.rollout, inputs.target.revision
    if not wanted:
        return state
    if (
        state.rejection_of(wanted) is not None
    ):  # also of what serves: a person wanted to leave it and could not
        return _rejected(state, rollout, wanted)
    if state.stable is not None and state.stable.revision == wanted:
        return _settled(state, rollout, inputs)
    return begin(state, inputs, revision=wanted)


def _settled(state: RolloutState, rollout: Rollout | None, inputs: Inputs) -> RolloutState:
    """Return the state in which what was tried has left nothing but its place in history."""
    wanted = inputs.target.revision
    build = state.build_of(inputs.target.build_id)
    if rollout is None or (rollout.phase is Phase.STABLE and rollout.revision == wanted):
        return replace(state, build=build)
    return replace(state, canary=None, build=build, rollout=settled(rollout, wanted))


def _rejected(state: RolloutState, rollout: Rollout | None, revision: str) -> RolloutState:
    known = state.rejection_of(revision)
    if rollout is None and known is not None:  # the status was lost, but not that it was rejected
        rejected = Rollout(
            revision=revision,
            phase=Phase.REJECTED,
            attempt=known.attempt,
            reason=known.reason,
            message=known.message,
        )
        return replace(state, rollout=rejected)
    if rollout is None or rollout.phase is Phase.REJECTED:
        return state
    return replace(state, rollout=transition(rollout, Phase.REJECTED))


def begin(state: RolloutState, inputs: Inputs, *, revision: str, attempt: int = 1) -> RolloutState:
    """Return the state in which a rollout of `revision` has begun.

    It takes no steps where nothing serves yet, where the revision is known to be good, or without replicas.
    """
    before = state.rollout
    known_good = attempt == 1 and state.known_good(revision)  # what failed since then takes its steps
    without_steps = (
        state.stable is None or inputs.target.recreate or inputs.replica_plan.full == 0 or known_good
    )
    rollout = Rollout(
        revision=revision,
        phase=Phase.STABLE if before is None else before.phase,
        steps=0 if without_steps else len(inputs.target.steps),
        fast_track=state.stable is not None and known_good,
        started_at=inputs.now,
        attempt=attempt,
        decisions=() if before is None else before.decisions,
    )
    return replace(state, canary=None, rollout=transition(rollout, Phase.BUILDING))


def _building(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState:
    image = known_models.image_of(rollout.revision, inputs)
    if image is not None:
        canary = image.of_revision(rollout.revision, since=inputs.now)
        starting = replace(transition(rollout, Phase.STARTING), waiting_for=None)
        return replace(state, canary=canary, rollout=starting)
    if inputs.build.terminal:
        return roll_back(state, inputs, Reason(inputs.build.reason), inputs.build.message)
    return replace(state, rollout=replace(rollout, waiting_for=phases.WaitingFor.BUILD))


def _starting(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState:
    if rollout.steps == 0 or not inputs.target.steps or inputs.replica_plan.full == 0:
        return _starting_without_steps(state, rollout, inputs)
    waiting = wait_for_replicas(state, rollout, inputs, needed=inputs.replica_plan.at_step[0])
    if waiting is not None:
        return waiting
    if inputs.replica_plan.waits[0]:
        return replace(state, rollout=wait_for(rollout, phases.WaitingFor.CAPACITY))
    if not inputs.is_recorded(rollout):
        return _wait_for_record(state, rollout)
    return _first_traffic(state, rollout, inputs, inputs.target.steps[0])


def _first_traffic(state: RolloutState, rollout: Rollout, inputs: Inputs, first: Step) -> RolloutState:
    shifting = replace(
        stop_progress_clock(transition(rollout, Phase.SHIFTING)),
        step=1,
        steps=len(inputs.target.steps),
        weight=first.weight,
        users_since=inputs.now,
        exits_before=inputs.canary(state).exits_by_pod,
        step_started_at=inputs.now,
    )
    return replace(state, rollout=shifting)


def _starting_without_steps(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState:
    """Promote when all pods are available, or at once where only the canary is."""
    waiting = wait_for_replicas(state, rollout, inputs, needed=inputs.replica_plan.full)
    if waiting is None and inputs.replica_plan.full and not inputs.is_recorded(rollout):
        return _wait_for_record(state, rollout)
    if waiting is None:
        return replace(state, rollout=stop_progress_clock(transition(rollout, Phase.PROMOTING)))
    failed = waiting.rollout is not None and waiting.rollout.phase is Phase.ROLLING_BACK
    if failed or not availability.canary_replaces_stable(state, inputs):
        return waiting
    return availability.promote_at_once(state, rollout, inputs)


def _wait_for_record(state: RolloutState, rollout: Rollout) -> RolloutState:
    """Send no traffic to a revision that could not be started again: its Deployment may have been written first."""
    return replace(state, rollout=wait_for(rollout, phases.WaitingFor.READINESS))


def _shifting(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState:
    rollout = _on_current_steps(rollout, inputs)
    if rollout.step > len(inputs.target.steps):
        promoting = replace(transition(rollout, Phase.PROMOTING), step=len(inputs.target.steps))
        return replace(state, rollout=promoting)
    if rollout.weight < step_of(inputs.target, rollout).weight:
        return _raise_weight(state, rollout, inputs)
    return _hold(state, rollout, inputs)


def _on_current_steps(rollout: Rollout, inputs: Inputs) -> Rollout:
    """Keep the weight when steps were edited: the first step that has at least it continues."""
    steps = inputs.target.steps
    if 1 <= rollout.step <= len(steps) and rollout.weight <= steps[rollout.step - 1].weight:
        return replace(rollout, steps=len(steps))
    step = first_step_at(steps, rollout.weight) or len(steps) + 1
    return replace(rollout, steps=len(steps), step=step)


def _raise_weight(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState:
    """Scale, wait until available, and only then set the step's weight."""
    needed = inputs.replica_plan.at_step[rollout.step - 1]
    if (waiting := wait_for_replicas(state, rollout, inputs, needed=needed)) is not None:
        return waiting
    raised = replace(stop_progress_clock(rollout), weight=step_of(inputs.target, rollout).weight)
    return replace(state, rollout=restart_step_clock(raised, inputs.now))


def _hold(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState:
    if rollout.waiting_for is phases.WaitingFor.EVIDENCE:
        rollout = replace(rollout, waiting_for=None)  # the end of the hold says whether it still waits
    if not inputs.weight_is_applied(rollout):  # a hold without its traffic would show nothing
        return replace(state, rollout=restart_step_clock(rollout, inputs.clock_start))
    ends = hold_ends_at(rollout, step_of(inputs.target, rollout).hold)
    if ends is None:
        return replace(state, rollout=restart_step_clock(rollout, inputs.now))
    return replace(state, rollout=rollout) if inputs.now < ends else _end_of_hold(state, rollout, inputs)


def _end_of_hold(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState:
    """Go on when every check of the step is decided, or its policy does not wait for it."""
    if (overdue := judgement.overdue_check(rollout, inputs.target, inputs.now)) is not None:
        message = f"check {overdue.name}: {overdue.message}"
        return roll_back(state, inputs, Reason.NO_DATA_DEADLINE, message)
    if judgement.waits_for_evidence(rollout, inputs.target, inputs.now):
        return replace(state, rollout=wait_for(rollout, phases.WaitingFor.EVIDENCE))
    needed = inputs.replica_plan.at_step[rollout.step - 1]
    if (waiting := wait_for_replicas(state, rollout, inputs, needed=needed)) is not None:
        return waiting
    return next_step(state, rollout, inputs)


def next_step(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState:
    """Return the state after a step: the next one is prepared at the present weight, or the canary is promoted."""
    if rollout.step >= len(inputs.target.steps):
        return replace(state, rollout=stop_progress_clock(transition(rollout, Phase.PROMOTING)))
    return replace(state, rollout=replace(stop_progress_clock(rollout), step=rollout.step + 1))


def _promoting(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState:
    waiting = wait_for_replicas(state, rollout, inputs, needed=inputs.replica_plan.full)
    return promoted(state, rollout, inputs) if waiting is None else waiting


def _paused(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState:
    paused_by = pauses.paused_by(rollout, inputs)
    if paused_by is None:
        return pauses.resume(state, rollout, inputs)
    return replace(state, rollout=replace(rollout, paused_by=paused_by))


STEPS: dict[Phase, Callable[[RolloutState, Rollout, Inputs], RolloutState]] = {
    Phase.BUILDING: _building,
    Phase.STARTING: _starting,
    Phase.SHIFTING: _shifting,
    Phase.PAUSED: _paused,
    Phase.PROMOTING: _promoting,
    Phase.ROLLING_BACK: continue_rollback,
}
