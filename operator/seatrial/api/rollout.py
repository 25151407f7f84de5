"""`spec.rollout`: how a new revision takes over."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Final

from pydantic import Field

from seatrial.api import base, durations, fields


class Strategy(StrEnum):
    """How a new revision takes the place of the old one."""

    CANARY = "Canary"
    RECREATE = "Recreate"


class OnFailure(StrEnum):
    """What happens to a canary that fails."""

    ROLLBACK = "Rollback"


class Step(base.SpecModel):
    """One share of the traffic, and how long it is kept."""

    weight: Annotated[int, Field(strict=True, ge=1, le=100)]
    """The canary's share of the traffic, in whole percent."""

    hold: durations.Duration = timedelta(minutes=1)
    """How long the share is kept before the next step, as `5m`, counted from when it was reached."""


DEFAULT_STEPS: Final = (
    Step(weight=10, hold=timedelta(minutes=1)),
    Step(weight=25, hold=timedelta(minutes=2)),
    Step(weight=50, hold=timedelta(minutes=2)),
)
"""Five minutes in all: a first look at a tenth, then enough traffic to hurt before it hurts everybody."""


class Rollout(base.SpecModel):
    """How a new revision takes over. A change here starts no rollout."""

    strategy: Strategy = Strategy.CANARY
    """Canary moves the traffic in steps. Recreate stops the old revision before the new one starts, for
    models of which two do not fit side by side: nobody is served in between, and the steps are not used."""

    steps: Annotated[tuple[Step, ...], Field(max_length=20)] = DEFAULT_STEPS
    """The canary's shares in order, each more than the one before; after the last one it is promoted.
    An empty list promotes as soon as it is ready. Default: 10 % for 1m, 25 % for 2m, 50 % for 2m."""

    on_failure: OnFailure = OnFailure.ROLLBACK
    """What happens to a canary that fails: Rollback gives all traffic back to stable and remembers the
    revision as rejected."""

    max_restarts: fields.Count = 0
    """Abnormal exits of the canary's containers that are borne while it has users; of evictions only those for a
    limit of the pod's own count."""

    progress_deadline: durations.PositiveDuration = timedelta(minutes=10)
    """How long the canary may start and load without one more pod becoming available, as `10m`."""

    scale_down_delay: durations.Duration = timedelta(seconds=30)
    """How long a track without traffic keeps its pods, as `30s`."""

    history_limit: Annotated[int, Field(strict=True, ge=1, le=20)] = 5
    """How many earlier revisions can be rolled back to."""

    @base.rule(
        "each step's weight must be more than the one before it",
        cel="!has(self.steps) || (self.steps.map(step, step.weight).isSorted()"
        " && self.steps.all(a, self.steps.exists_one(b, b.weight == a.weight)))",
        field="steps",
    )
    def rising(self) -> bool:
        """The traffic only ever moves forward."""
        return all(before.weight < after.weight for before, after in pairwise(self.steps))
