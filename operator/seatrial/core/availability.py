"""Who has a pod that answers, and what becomes of the users where one of the tracks has none."""

from __future__ import annotations

from dataclasses import replace

from seatrial.api import status as api
from seatrial.core import transitions
from seatrial.core.snapshot import Situation
from seatrial.core.state import Memory
from seatrial.core.transitions import Phase


def stable_is_gone(memory: Memory, at: Situation) -> bool:
    """Waiting protects nobody when only the canary answers: it has all users from now on."""
    stable = at.stable(memory)
    return stable is not None and stable.available == 0 and at.canary(memory).available > 0


def canary_is_gone(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> bool:
    """It has a share of the users and no pod that could answer one."""
    return rollout.weight > 0 and at.canary(memory).available == 0


def take_in(memory: Memory, rollout: api.RolloutStatus) -> Memory:
    """Its users go to stable until it is back; then its step begins anew."""
    return replace(memory, rollout=transitions.changed(rollout, weight=0))


def is_needed(memory: Memory, at: Situation) -> bool:
    """Nobody but the canary answers, and not because stable was to make room for it."""
    return not at.wish.recreate and at.counts.full > 0 and stable_is_gone(memory, at)


def needed_at_once(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory:
    """The users go where somebody answers; the rest of its pods may come later."""
    taking_over = transitions.moved(
        rollout,
        Phase.PROMOTING,
        weight=100,
        users_since=rollout.users_since or at.now,
        exits_before=at.canary(memory).exits_so_far or None,
        waiting_for=None,
    )
    return replace(memory, rollout=taking_over)
