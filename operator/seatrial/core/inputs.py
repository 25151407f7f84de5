"""What the decisions of one pass look at besides the state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from seatrial.core.snapshot import Snapshot, Track
from seatrial.core.state import Rollout, RolloutState
from seatrial.core.target import Image, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaPlan:
    """The replicas that the canary needs at each step and in full; from the router and stable's size."""

    at_step: tuple[int, ...]
    full: int
    waits: tuple[bool, ...] = ()
    """Of each step: stable has too few replicas for so small a weight, and the user asked to wait then."""
    shares: tuple[int, ...] = ()
    """The percentage of traffic that the canary really receives at each step, once all pods are ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """What a build has come to, as far as the rollout needs to know."""

    image: Image | None = None
    reason: str = ""
    message: str = ""
    terminal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The target, the snapshot and the time of one pass."""

    target: Target
    snapshot: Snapshot
    now: datetime
    replica_plan: ReplicaPlan
    build: BuildResult = BuildResult()

    def stable(self, state: RolloutState) -> Track | None:
        """Return stable's track; None while nothing has ever been stable."""
        return self.snapshot.stable(state)

    def canary(self, state: RolloutState) -> Track:
        """Return the track of the revision that is rolled out, or was last."""
        return self.snapshot.canary(state)

    @property
    def blocked(self) -> bool:
        """Return whether children could not be written: what is waited for may never have been asked for."""
        return bool(self.snapshot.apply_errors)

    def is_recorded(self, rollout: Rollout) -> bool:
        """Return whether the ControllerRevision of what is rolled out exists."""
        return rollout.revision in self.snapshot.images

    @property
    def canary_receives_nothing(self) -> bool:
        """Return whether the router is seen to send no traffic to the canary."""
        split = self.snapshot.split
        return split is not None and split.weight == 0

    @property
    def clock_start(self) -> datetime | None:
        """Return the start of a clock that begins with a write that is not observed yet: None while writes fail.

        Those are retried for hours, and a start that moved each time would be a new status each time.
        """
        return None if self.blocked else self.now

    def weight_is_applied(self, rollout: Rollout) -> bool:
        """Return whether the router is seen to give the canary the weight that was decided."""
        split = self.snapshot.split
        applied = split.weight if split is not None and split.canary == rollout.revision else 0
        return applied == rollout.weight
