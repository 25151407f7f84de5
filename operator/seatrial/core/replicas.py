"""How many replicas each track has: derived from the state, never decided here."""

from __future__ import annotations

from datetime import datetime
from typing import Final, assert_never

from seatrial.core.inputs import Inputs, ReplicaPlan
from seatrial.core.rollback import is_draining
from seatrial.core.snapshot import Snapshot, Track
from seatrial.core.state import RolloutState
from seatrial.core.target import Target
from seatrial.core.traffic import Ready, Router, Split
from seatrial.core.transitions import TABLE, CanarySize, Phase

FAR: Final = 10
"""Percentage points by which a real share may exceed its weight without a warning."""


def replica_plan(target: Target, stable: Track | None, *, autoscaled: bool) -> ReplicaPlan:
    """Return the replicas that the canary needs at each step and in full; `autoscaled`: see `is_autoscaled`."""
    full, router = _size_of_stable(target, stable, autoscaled=autoscaled), target.router
    return ReplicaPlan(
        at_step=tuple(router.canary_replicas(step.weight, stable=full) for step in target.steps),
        full=full,
        waits=tuple(router.waits_for_replicas(step.weight, stable=full) for step in target.steps),
        shares=tuple(_share_at(router, step.weight, stable=full) for step in target.steps),
    )


def _share_at(router: Router, weight: int, *, stable: int) -> int:
    """Return the canary's real share at a weight, with all its pods ready beside `stable` pods."""
    ready = Ready(stable=stable, canary=router.canary_replicas(weight, stable=stable))
    return router.actual_weight(Split(stable="stable", canary="canary", weight=weight), ready)


def far_exceeds(share: int, weight: int) -> bool:
    """Return whether a share is so much more than its weight that a person should know before it is given."""
    return share >= 2 * weight and share - weight >= FAR


def enough_replicas(router: Router, weight: int) -> int | None:
    """Return the fewest replicas of stable whose share of all pods leaves the canary at most `weight` percent."""

    def suffices(stable: int) -> bool:
        canary = router.canary_replicas(weight, stable=stable)
        return 100 * canary <= weight * (canary + stable)

    return next(filter(suffices, range(1, 100)), None)


def is_autoscaled(state: RolloutState, target: Target, snapshot: Snapshot) -> bool:
    """Return whether an autoscaler sets stable's replicas: ours, or one of somebody else, which is not fought."""
    scaling = target.scaling
    return scaling.autoscaled or (scaling.floor > 0 and bool(snapshot.foreign_autoscaler(state)))


def _size_of_stable(target: Target, stable: Track | None, *, autoscaled: bool) -> int:
    """Return what stable has or should have: the fixed number, or what the autoscaler made of it."""
    scaling = target.scaling
    if not autoscaled:
        return scaling.floor
    present = 0 if stable is None else stable.wanted
    return max(scaling.floor, min(present, scaling.max_replicas or present))


def stable_replicas(state: RolloutState, inputs: Inputs) -> int | None:
    """Return what stable's Deployment should ask for; None where the autoscaler decides."""
    scaling = inputs.target.scaling
    if stable_makes_room(state, inputs):
        return 0
    if not is_autoscaled(state, inputs.target, inputs.snapshot):
        return scaling.floor
    if not scaling.autoscaled:
        return None
    stable = inputs.stable(state)
    asleep = stable is None or stable.wanted == 0
    return scaling.floor if asleep else None


def stable_makes_room(state: RolloutState, inputs: Inputs) -> bool:
    """Return whether stable is stopped before the new revision starts (strategy Recreate)."""
    rollout = state.rollout
    if not inputs.target.recreate or rollout is None or state.canary is None:
        return False
    if rollout.users_since is not None:  # it began as a canary, whatever the strategy is by now
        return False
    if rollout.phase is Phase.PAUSED:
        return inputs.canary(state).wanted > 0
    return rollout.phase in {Phase.STARTING, Phase.PROMOTING}


def canary_replicas(state: RolloutState, inputs: Inputs) -> int | None:
    """Return what the canary's Deployment should ask for; None leaves it as it is, existing or not."""
    rollout, plan = state.rollout, inputs.replica_plan
    if rollout is None or state.canary is None:
        return 0
    replicas: int | None
    match TABLE[rollout.phase].canary_size:
        case CanarySize.NONE:
            replicas = 0
        case CanarySize.UNCHANGED:
            replicas = None
        case CanarySize.FIRST_STEP:
            replicas = _replicas_at_start(state, inputs)
        case CanarySize.PRESENT_STEP:
            replicas = plan.at_step[min(rollout.step, len(plan.at_step)) - 1] if plan.at_step else None
        case CanarySize.FULL:
            replicas = plan.full
        case CanarySize.DRAINING:
            replicas = None if rollout.weight or is_draining(state, inputs) else 0
        case size:
            assert_never(size)
    return replicas


def _replicas_at_start(state: RolloutState, inputs: Inputs) -> int | None:
    rollout, stable, plan = state.rollout, inputs.stable(state), inputs.replica_plan
    if inputs.snapshot.other_revision_pods(state):
        return None
    if stable_makes_room(state, inputs) and stable is not None and stable.pods:
        return None
    without_steps = rollout is None or rollout.steps == 0 or not plan.at_step
    return plan.full if without_steps else plan.at_step[0]


def wanted_replicas(state: RolloutState, inputs: Inputs, revision: str) -> int:
    """Return the replicas that a track asks for once this pass is done: what status says."""
    replicas: int | None = None
    if state.stable is not None and revision == state.stable.revision:
        replicas = stable_replicas(state, inputs)
    elif state.canary is not None and revision == state.canary.revision:
        replicas = canary_replicas(state, inputs)
    return inputs.snapshot.track(revision).wanted if replicas is None else replicas


def idle_pods_leave_at(state: RolloutState, target: Target) -> datetime | None:
    """Return when revisions that lost their traffic lose their pods; None while none ever did."""
    since = None if state.stable is None else state.stable.since
    ended = [entry.finished_at for entry in state.history[:1]]
    last_change = max((at for at in (*ended, since) if at is not None), default=None)
    return None if last_change is None else last_change + target.scale_down_delay
