"""How many pods each track should have now: derived from the memory, never decided here."""

from __future__ import annotations

from seatrial.api import scaling
from seatrial.core import rollback
from seatrial.core.snapshot import Situation, Track
from seatrial.core.state import Memory
from seatrial.core.transitions import AT_REST, Phase


def base_of(wanted: scaling.Scaling, stable: Track | None) -> int:
    """What stable has or should have: the fixed number, or what the autoscaler made of it."""
    if not wanted.autoscaled:
        return wanted.floor
    present = 0 if stable is None else stable.wanted
    return max(wanted.floor, min(present, wanted.max_replicas or present))


def stable_pods(memory: Memory, at: Situation, wanted: scaling.Scaling) -> int | None:
    """What stable's Deployment should ask for; None where the autoscaler decides it."""
    if making_room(memory, at):
        return 0
    if not wanted.autoscaled:
        return wanted.floor
    stable = at.stable(memory)
    asleep = stable is None or stable.wanted == 0
    return wanted.floor if asleep else None


def making_room(memory: Memory, at: Situation) -> bool:
    """Recreate: the old revision stops before the new one starts."""
    rollout = memory.rollout
    if not at.wish.recreate or rollout is None or memory.canary is None or rollout.users_since is not None:
        return False  # what has users beside stable began as a canary, whatever the strategy is by now
    if rollout.phase is Phase.PAUSED:
        return at.canary(memory).wanted > 0
    return rollout.phase in {Phase.STARTING, Phase.PROMOTING}


def asked_for(memory: Memory, at: Situation, wanted: scaling.Scaling, *, revision: str) -> int:
    """The pods that a track will ask for once this pass is done: what status says, before the world follows."""
    pods: int | None = None
    if memory.stable is not None and revision == memory.stable.revision:
        pods = stable_pods(memory, at, wanted)
    elif memory.canary is not None and revision == memory.canary.revision:
        pods = canary_pods(memory, at)
    return at.track(revision).wanted if pods is None else pods


def canary_pods(memory: Memory, at: Situation) -> int | None:
    """What the canary's Deployment should ask for; None leaves it as it is, absent or not."""
    rollout = memory.rollout
    if rollout is None or rollout.phase in AT_REST or memory.canary is None:
        return 0
    match rollout.phase:
        case Phase.STARTING:
            return _first(memory, at)
        case Phase.SHIFTING:
            return (
                at.counts.at_step[min(rollout.step, len(at.counts.at_step)) - 1]
                if at.counts.at_step
                else None
            )
        case Phase.PROMOTING:
            return at.counts.full
        case Phase.ROLLING_BACK:
            return None if rollout.weight or rollback.draining(memory, at) else 0
        case _:
            return None


def _first(memory: Memory, at: Situation) -> int | None:
    rollout, stable = memory.rollout, at.stable(memory)
    if at.strangers(memory) or (making_room(memory, at) and stable is not None and stable.pods):
        return None
    straight = rollout is None or rollout.steps == 0 or not at.counts.at_step
    return at.counts.full if straight else at.counts.at_step[0]
