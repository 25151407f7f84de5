"""What is seen of one revision's pods: counts, abnormal exits, and the worst trouble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from seatrial.api import reasons
from seatrial.api import status as api
from seatrial.core.state import RolloutState
from seatrial.core.target import Image, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Why pods of a track are not ready, in a word of the API and a sentence."""

    reason: reasons.Reason
    message: str
    pod: str = ""
    exit_code: int | None = None
    restarts: int = 0

    @property
    def terminal(self) -> bool:
        """Waiting does not help: the revision itself is at fault."""
        return reasons.class_of(self.reason) is reasons.ReasonClass.TERMINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class AbnormalExit:
    """One container that ended although nobody asked it to."""

    at: datetime
    pod: str
    code: int
    restarts: int
    out_of_memory: bool = False
    eviction: str = ""
    """The kubelet's sentence where the pod used more local storage than its own limit, and which limit to raise;
    empty for all other ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One revision's workload as the caches show it; counts of pods."""

    revision: str
    exists: bool = False
    wanted: int = 0
    """The replicas its Deployment asks for."""
    pods: int = 0
    """Pods that are there, those that are ending included."""
    ready: int = 0
    available: int = 0
    exits: tuple[AbnormalExit, ...] = ()
    trouble: Diagnosis | None = None

    @property
    def exits_so_far(self) -> int:
        """How often its containers have ended although nobody asked them to."""
        return sum(e.restarts for e in self.exits)

    def exits_since(self, start: datetime) -> tuple[AbnormalExit, ...]:
        """The abnormal exits at or after `start`."""
        return tuple(e for e in self.exits if e.at >= start)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaPlan:
    """Pods the canary needs at each step and to take over; from the router and the stable track."""

    at_step: tuple[int, ...]
    full: int
    too_few: tuple[bool, ...] = ()
    """Of each step: stable has too few pods for so small a share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """What is known of the image that a build is to make; produced by the build's own decision."""

    image: Image | None = None
    reason: str = ""
    message: str = ""
    terminal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything a rollout looks at in one pass, beside its memory."""

    wish: Target
    counts: ReplicaPlan
    now: datetime
    tracks: Mapping[str, Track] = field(default_factory=dict)
    """Revision → what is seen of it."""
    narrow: bool = True
    """The router is seen to send nothing to the canary."""
    shares: Mapping[str, int] = field(default_factory=dict)
    """Revision → the weight beside stable that the router is seen to give it, in whole percent."""
    routed: str = ""
    """The revision that the router is seen to take for stable; empty while that cannot be read."""
    blocked: bool = False
    """Not all children could be written: what is waited for may never have been asked for."""
    images: Mapping[str, Image] = field(default_factory=dict)
    """Of every revision whose template is kept."""
    build: BuildResult = BuildResult()

    def track(self, revision: str) -> Track:
        """What is seen of a revision; nothing, when there is none of it."""
        return self.tracks.get(revision, Track(revision=revision))

    def stable(self, state: RolloutState) -> Track | None:
        """What is seen of stable; None while nothing has ever been stable."""
        return None if state.stable is None else self.track(state.stable.revision)

    def canary(self, state: RolloutState) -> Track:
        """What is seen of the revision that is on its way or was last."""
        return self.track("" if state.rollout is None else state.rollout.revision)

    @property
    def not_yet(self) -> datetime | None:
        """The start of a time that begins with a write that is not seen yet: now, and none while writes fail.

        Those are tried for hours, and a start that moved each time would be a new status each time.
        """
        return None if self.blocked else self.now

    def has_its_share(self, rollout: api.RolloutStatus) -> bool:
        """The router is seen to give the canary the weight that was decided."""
        return self.shares.get(rollout.revision, 0) == rollout.weight

    def strangers(self, state: RolloutState) -> int:
        """Pods of revisions that are neither stable nor on their way."""
        known = {state.stable.revision} if state.stable else set()
        known |= {state.rollout.revision} if state.rollout else set()
        return sum(track.pods for track in self.tracks.values() if track.revision not in known)
