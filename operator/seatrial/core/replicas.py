"""How many pods each track should have now: derived from the memory, never decided here."""

from __future__ import annotations

from seatrial.api import scaling
from seatrial.core import rollback
from seatrial.core.snapshot import Snapshot, Track
from seatrial.core.state import RolloutState
from seatrial.core.transitions import AT_REST, Phase


def base_of(wanted: scaling.Scaling, stable: Track | None) -> int:
    """What stable has or should have: the fixed number, or what the autoscaler made of it."""
    if not wanted.autoscaled:
        return wanted.floor
    present = 0 if stable is None else stable.wanted
    return max(wanted.floor, min(present, wanted.max_replicas or present))


def stable_pods(state: RolloutState, snapshot: Snapshot, wanted: scaling.Scaling) -> int | None:
    """What stable's Deployment should ask for; None where the autoscaler decides it."""
    if making_room(state, snapshot):
        return 0
    if not wanted.autoscaled:
        return wanted.floor
    stable = snapshot.stable(state)
    asleep = stable is None or stable.wanted == 0
    return wanted.floor if asleep else None


def making_room(state: RolloutState, snapshot: Snapshot) -> bool:
    """Recreate: the old revision stops before the new one starts."""
    rollout = state.rollout
    if (
        not snapshot.wish.recreate
        or rollout is None
        or state.canary is None
        or rollout.users_since is not None
    ):
        return False  # what has users beside stable began as a canary, whatever the strategy is by now
    if rollout.phase is Phase.PAUSED:
        return snapshot.canary(state).wanted > 0
    return rollout.phase in {Phase.STARTING, Phase.PROMOTING}


def asked_for(state: RolloutState, snapshot: Snapshot, wanted: scaling.Scaling, *, revision: str) -> int:
    """The pods that a track will ask for once this pass is done: what status says, before the world follows."""
    pods: int | None = None
    if state.stable is not None and revision == state.stable.revision:
        pods = stable_pods(state, snapshot, wanted)
    elif state.canary is not None and revision == state.canary.revision:
        pods = canary_pods(state, snapshot)
    return snapshot.track(revision).wanted if pods is None else pods


def canary_pods(state: RolloutState, snapshot: Snapshot) -> int | None:
    """What the canary's Deployment should ask for; None leaves it as it is, absent or not."""
    rollout = state.rollout
    if rollout is None or rollout.phase in AT_REST or state.canary is None:
        return 0
    match rollout.phase:
        case Phase.STARTING:
            return _first(state, snapshot)
        case Phase.SHIFTING:
            return (
                snapshot.counts.at_step[min(rollout.step, len(snapshot.counts.at_step)) - 1]
                if snapshot.counts.at_step
                else None
            )
        case Phase.PROMOTING:
            return snapshot.counts.full
        case Phase.ROLLING_BACK:
            return None if rollout.weight or rollback.draining(state, snapshot) else 0
        case _:
            return None


def _first(state: RolloutState, snapshot: Snapshot) -> int | None:
    rollout, stable = state.rollout, snapshot.stable(state)
    if snapshot.strangers(state) or (making_room(state, snapshot) and stable is not None and stable.pods):
        return None
    straight = rollout is None or rollout.steps == 0 or not snapshot.counts.at_step
    return snapshot.counts.full if straight else snapshot.counts.at_step[0]
