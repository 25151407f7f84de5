"""Which track has an available pod, and where traffic goes when one of them has none."""

from __future__ import annotations

from dataclasses import replace

from seatrial.core.inputs import Inputs
from seatrial.core.state import Rollout, RolloutState
from seatrial.core.transitions import Phase, transition


def only_canary_is_available(state: RolloutState, inputs: Inputs) -> bool:
    """Return whether the canary has an available pod and stable has none: waiting protects no one."""
    stable = inputs.stable(state)
    return stable is not None and stable.available == 0 and inputs.canary(state).available > 0


def canary_replaces_stable(state: RolloutState, inputs: Inputs) -> bool:
    """Return whether only the canary is available, and not because stable was stopped to make room for it."""
    wanted = not inputs.target.recreate and inputs.replica_plan.full > 0
    return wanted and only_canary_is_available(state, inputs)


def promote_at_once(state: RolloutState, rollout: Rollout, inputs: Inputs) -> RolloutState:
    """Return the state in which the canary receives all traffic now; the rest of its pods may come later."""
    promoting = replace(
        transition(rollout, Phase.PROMOTING),
        weight=100,
        users_since=rollout.users_since or inputs.now,
        exits_before=inputs.canary(state).exits_by_pod,
        waiting_for=None,
    )
    return replace(state, rollout=promoting)
