"""What the spec asks for, reduced to what the rollout decides with, and the situation it decides in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from seatrial.api import status as api


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
class Target:
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


def first_step_at(steps: tuple[Step, ...], weight: int) -> int | None:
    """The 1-based number of the first step with at least `weight`; None when all are below."""
    return next((n for n, step in enumerate(steps, 1) if step.weight >= weight), None)


def step_of(wish: Target, rollout: api.RolloutStatus) -> Step:
    """The step a rollout is at."""
    return wish.steps[rollout.step - 1]
