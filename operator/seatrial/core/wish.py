"""What the spec asks for, reduced to what the rollout decides with, and the situation it decides in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from seatrial.api import status as api
from seatrial.core.memory import Memory
from seatrial.core.tracks import Track


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a rollout: a share of the users in whole percent, and how long it is held."""

    weight: int
    hold: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What pods of a revision run; `build_id` is empty for an image that was given."""

    reference: str
    build_id: str = ""
    model_digest: str = ""
    format: str = ""

    def track(self, revision: str, *, since: datetime | None) -> api.TrackStatus:
        """Who the revision is that runs it."""
        return api.TrackStatus(
            revision=revision,
            image=self.reference,
            model_digest=self.model_digest,
            format=self.format,
            build_id=self.build_id,
            since=since,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The wanted revision and the rules of its rollout."""

    revision: str
    build_id: str = ""
    image: str = ""
    """Given by the user; empty when it is to be built."""
    steps: tuple[Step, ...] = ()
    recreate: bool = False
    hold_when_too_few: bool = False
    max_restarts: int = 0
    progress_deadline: timedelta = timedelta(minutes=10)
    scale_down_delay: timedelta = timedelta(seconds=30)
    history_limit: int = 5
    paused: bool = False
    refused: bool = False
    """The spec cannot be carried out: it names no revision, and a person has to mend it first."""

    @property
    def hold(self) -> str:
        """Why the spec holds a rollout, and what lets it go on; empty where it does not."""
        if self.refused:
            return "the spec is refused; mend it"
        return "spec.paused is true; set it to false" if self.paused else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Pods the canary needs at each step and to take over; from the router and the stable track."""

    at_step: tuple[int, ...]
    full: int
    too_few: tuple[bool, ...] = ()
    """Of each step: stable has too few pods for so small a share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSeen:
    """What is known of the image that a build is to make; produced by the build's own decision."""

    image: Image | None = None
    reason: str = ""
    message: str = ""
    terminal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything a rollout looks at in one pass, beside its memory."""

    wish: Wish
    counts: Counts
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
    build: BuildSeen = BuildSeen()

    def track(self, revision: str) -> Track:
        """What is seen of a revision; nothing, when there is none of it."""
        return self.tracks.get(revision, Track(revision=revision))

    def stable(self, memory: Memory) -> Track | None:
        """What is seen of stable; None while nothing has ever been stable."""
        return None if memory.stable is None else self.track(memory.stable.revision)

    def canary(self, memory: Memory) -> Track:
        """What is seen of the revision that is on its way or was last."""
        return self.track("" if memory.rollout is None else memory.rollout.revision)

    @property
    def not_yet(self) -> datetime | None:
        """The start of a time that begins with a write that is not seen yet: now, and none while writes fail.

        Those are tried for hours, and a start that moved each time would be a new status each time.
        """
        return None if self.blocked else self.now

    def has_its_share(self, rollout: api.RolloutStatus) -> bool:
        """The router is seen to give the canary the weight that was decided."""
        return self.shares.get(rollout.revision, 0) == rollout.weight

    def strangers(self, memory: Memory) -> int:
        """Pods of revisions that are neither stable nor on their way."""
        known = {memory.stable.revision} if memory.stable else set()
        known |= {memory.rollout.revision} if memory.rollout else set()
        return sum(track.pods for track in self.tracks.values() if track.revision not in known)


def first_step_at(steps: tuple[Step, ...], weight: int) -> int | None:
    """The 1-based number of the first step with at least `weight`; None when all are below."""
    return next((n for n, step in enumerate(steps, 1) if step.weight >= weight), None)


def step_of(wish: Wish, rollout: api.RolloutStatus) -> Step:
    """The step a rollout is at."""
    return wish.steps[rollout.step - 1]
