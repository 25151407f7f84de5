"""The guards of each phase: named rules, asked in order before the phase's own step.

A rule returns the state that follows when it applies, and None otherwise. A new check, gate or approval is one more
rule in the lists of the phases that it guards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from seatrial.api import phases
from seatrial.api.reasons import Reason
from seatrial.core import availability, canary_health, judgement, pauses
from seatrial.core.inputs import Inputs
from seatrial.core.rollback import roll_back, roll_back_failed
from seatrial.core.state import Rollout, RolloutState
from seatrial.core.transitions import Phase, transition, wait_for

Rule = Callable[[RolloutState, Rollout, Inputs], RolloutState | None]


def target_changed(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState | None:
    """Roll back without rejecting the revision when the spec asks for another revision than the one that is rolled out.

    After a Rollback the spec still asks for the revision that a person has just rejected: that changes nothing.
    """
    wanted = inputs.target.revision
    if rollout.revision == wanted:
        return None
    if rollout.fast_track and state.rejection_of(wanted) is not None:
        return None
    return roll_back(state, inputs, Reason.SUPERSEDED, f"the spec asks for revision {wanted}")


def canary_crashed(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState | None:
    """Roll back when containers of a canary that received traffic end, or its pods cannot become ready."""
    if rollout.users_since is None:
        return None
    track = inputs.canary(state)
    diagnosis = canary_health.too_many_exits(rollout, track, inputs)
    diagnosis = diagnosis or canary_health.terminal_diagnosis(rollout, track, inputs)
    return None if diagnosis is None else roll_back_failed(state, inputs, diagnosis)


def check_failed(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState | None:
    """Roll back when the requests of users prove that the canary does not keep to a limit."""
    result = judgement.failed_check(rollout)
    if result is None or not judgement.is_judged(rollout):
        return None
    return roll_back(state, inputs, Reason.CHECK_FAILED, f"check {result.name}: {result.message}")


def paused(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState | None:
    """Pause when the spec or a person asks for it."""
    return pauses.pause(state, rollout, inputs) if pauses.paused_by(rollout, inputs) else None


def other_revisions_have_pods(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState | None:
    """Wait until only stable and the canary have pods: the replica router selects all of them."""
    if not inputs.snapshot.other_revision_pods(state):
        return None
    return replace(state, rollout=wait_for(rollout, phases.WaitingFor.CAPACITY))


def stable_unavailable(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState | None:
    """Promote when there is nothing to compare with: stable has no available pod, or no replicas are asked for."""
    if inputs.replica_plan.full and not availability.only_canary_is_available(state, inputs):
        return None
    promoting = replace(transition(rollout, Phase.PROMOTING), weight=100, waiting_for=None)
    return replace(state, rollout=promoting)


def canary_unavailable(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState | None:
    """Take the traffic of a canary without available pods; its step begins anew once it is back."""
    if rollout.weight == 0 or inputs.canary(state).available > 0:
        return None
    return replace(state, rollout=replace(rollout, weight=0))


def only_canary_serves(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState | None:
    """Give all traffic to a canary that is being promoted when stable has no available pod."""
    if rollout.users_since is None or rollout.weight == 100:
        return None
    if not availability.canary_replaces_stable(state, inputs):
        return None
    return replace(state, rollout=replace(rollout, weight=100))


GUARDS: dict[Phase, tuple[Rule, ...]] = {
    Phase.BUILDING: (target_changed, paused),
    Phase.STARTING: (target_changed, paused, other_revisions_have_pods),
    Phase.SHIFTING: (
        target_changed,
        canary_crashed,
        check_failed,
        paused,
        stable_unavailable,
        canary_unavailable,
    ),
    Phase.PAUSED: (target_changed, canary_crashed, check_failed, canary_unavailable),
    Phase.PROMOTING: (
        target_changed,
        canary_crashed,
        check_failed,
        paused,
        canary_unavailable,
        only_canary_serves,
    ),
    Phase.ROLLING_BACK: (),
}


def first_applicable(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState | None:
    """Return what the first guard that applies in this phase makes of the state; None when none applies."""
    outcomes = (rule(state, rollout, inputs) for rule in GUARDS[rollout.phase])
    return next((after for after in outcomes if after is not None), None)
