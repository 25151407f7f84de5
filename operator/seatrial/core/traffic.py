"""Who receives traffic: the split that a rollout asks for, and what a router has to offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from seatrial.api.owner import Owner
from seatrial.core.state import RolloutState
from seatrial.core.transitions import TABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Which revisions receive traffic: `canary` receives `weight` percent, `stable` the rest."""

    stable: str
    canary: str = ""
    weight: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 100 or (self.weight and not self.canary):
            raise ValueError(f"{self.weight} % for {self.canary or 'no canary'} is not a valid split")

    def share_of(self, revision: str) -> int:
        """Return the share of traffic that a revision receives, in percent."""
        if revision == self.canary:
            return self.weight
        return 100 - self.weight if revision == self.stable else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Ready pods of both tracks."""

    stable: int
    canary: int


class Router(Protocol):
    """Shifts traffic by rendering a split into objects; `read(render(owner, split)) == split` for every split.

    A router brings the kinds that it writes and reads: watches, caches, pruning, the simulation and the chart's
    RBAC follow from `kinds`. Its configuration is the value it is made from, see `seatrial.routers.base`.
    """

    kinds: ClassVar[tuple[Kind, ...]]

    def render(self, owner: Owner, split: Split) -> tuple[Body, ...]:
        """Return the objects that make the split true."""
        ...

    def read(self, children: tuple[Body, ...]) -> Split | None:
        """Return the split that objects of the cluster express; None when there is none or a person edited them."""
        ...

    def canary_replicas(self, weight: int, *, stable: int) -> int:
        """Return the replicas the canary needs for `weight` percent beside `stable` replicas."""
        ...

    def waits_for_replicas(self, weight: int, *, stable: int) -> bool:
        """Return whether `stable` replicas are too few for so small a weight, and the user asked to wait then."""
        ...

    def actual_weight(self, split: Split, ready: Ready) -> int:
        """Return the canary's real share of new connections, in percent."""
        ...


def receives_traffic(state: RolloutState) -> bool:
    """Return whether the canary is to receive traffic now."""
    rollout = state.rollout
    return (
        rollout is not None
        and TABLE[rollout.phase].may_receive_traffic
        and rollout.users_since is not None
        and rollout.weight > 0
    )


def split_of(state: RolloutState) -> Split | None:
    """Return the split that the state asks for; None while no revision can receive traffic."""
    stable, canary, rollout = state.stable, state.canary, state.rollout
    if stable is None:
        return None if canary is None else Split(stable=canary.revision)
    if not receives_traffic(state) or canary is None or rollout is None:
        return Split(stable=stable.revision)
    return Split(stable=stable.revision, canary=canary.revision, weight=rollout.weight)
