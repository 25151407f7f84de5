"""Who has a pod that answers, and what becomes of the users where one of the tracks has none."""

from __future__ import annotations

from dataclasses import replace

from seatrial.api import status as api
from seatrial.core import transitions
from seatrial.core.snapshot import Snapshot
from seatrial.core.state import RolloutState
from seatrial.core.transitions import Phase


def stable_is_gone(state: RolloutState, snapshot: Snapshot) -> bool:
    """Waiting protects nobody when only the canary answers: it has all users from now on."""
    stable = snapshot.stable(state)
    return stable is not None and stable.available == 0 and snapshot.canary(state).available > 0


def canary_is_gone(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> bool:
    """It has a share of the users and no pod that could answer one."""
    return rollout.weight > 0 and snapshot.canary(state).available == 0


def take_in(state: RolloutState, rollout: api.RolloutStatus) -> RolloutState:
    """Its users go to stable until it is back; then its step begins anew."""
    return replace(state, rollout=transitions.changed(rollout, weight=0))


def is_needed(state: RolloutState, snapshot: Snapshot) -> bool:
    """Nobody but the canary answers, and not because stable was to make room for it."""
    return not snapshot.wish.recreate and snapshot.counts.full > 0 and stable_is_gone(state, snapshot)


def needed_at_once(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> RolloutState:
    """The users go where somebody answers; the rest of its pods may come later."""
    taking_over = transitions.transition(
        rollout,
        Phase.PROMOTING,
        weight=100,
        users_since=rollout.users_since or snapshot.now,
        exits_before=snapshot.canary(state).exits_so_far or None,
        waiting_for=None,
    )
    return replace(state, rollout=taking_over)
