"""`spec.rollout`: how a new revision replaces the old one."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Final

from pydantic import Field

from seatrial.api import base, durations, fields
from seatrial.api.checks import DEFAULT_CHECKS, Check


class Strategy(StrEnum):
    """How a new revision replaces the old one."""

    CANARY = "Canary"
    RECREATE = "Recreate"


class OnFailure(StrEnum):
    """What happens to a canary that fails."""

    ROLLBACK = "Rollback"


class Step(base.SpecModel):
    """A share of traffic, and how long it is held."""

    weight: Annotated[int, Field(strict=True, ge=1, le=100)]
    """The canary's share of traffic, in whole percent."""

    hold: durations.Duration = timedelta(minutes=1)
    """How long the share is held before the next step, for example `5m`, counted from when it is reached."""


DEFAULT_STEPS: Final = (
    Step(weight=10, hold=timedelta(minutes=1)),
    Step(weight=25, hold=timedelta(minutes=2)),
    Step(weight=50, hold=timedelta(minutes=2)),
)
"""Five minutes in all: a tenth of the traffic first, then enough to show a fault before all users are affected."""


class Rollout(base.SpecModel):
    """How a new revision replaces the old one. A change here does not start a rollout."""

    strategy: Strategy = Strategy.CANARY
    """Canary shifts traffic in steps. Recreate stops the old revision before the new one starts, for models of which
    two do not fit into the cluster: nothing serves in between, and steps are not used."""

    steps: Annotated[tuple[Step, ...], Field(max_length=20)] = DEFAULT_STEPS
    """The canary's shares of traffic in order, each greater than the one before; after the last step the canary is
    promoted. An empty list promotes the canary as soon as it is ready. Default: 10 % for 1m, 25 % for 2m, 50 % for
    2m."""

    on_failure: OnFailure = OnFailure.ROLLBACK
    """What happens when the canary fails: Rollback returns all traffic to stable and records the revision as
    rejected."""

    checks: Annotated[tuple[Check, ...], Field(max_length=10)] = DEFAULT_CHECKS
    """What the requests of users have to show while the canary receives traffic: a check that fails rolls back, and a
    step ends only when every check has passed. Default: one check `errors` that rolls back when fewer than 95 % of the
    canary's requests are answered, and that does not delay a canary with too few requests."""

    false_alarm_rate: Annotated[float, Field(ge=0.000001, le=0.5)] = 0.05
    """How likely a canary that keeps to every limit may be rolled back nevertheless; divided over steps and checks."""

    max_restarts: fields.Count = 0
    """How many abnormal exits of the canary's containers are tolerated while the canary receives traffic. An eviction
    counts only when the pod exceeded a limit of its own."""

    progress_deadline: durations.PositiveDuration = timedelta(minutes=10)
    """The longest time that may pass while the canary starts and loads before one more of its pods becomes available,
    for example `10m`."""

    scale_down_delay: durations.Duration = timedelta(seconds=30)
    """How long pods are kept after their revision stops receiving traffic, for example `30s`."""

    history_limit: Annotated[int, Field(strict=True, ge=1, le=20)] = 5
    """How many earlier revisions are kept for a rollback."""

    @base.rule(
        "each step's weight must be greater than the one before it",
        cel="!has(self.steps) || (self.steps.map(step, step.weight).isSorted()"
        " && self.steps.all(a, self.steps.exists_one(b, b.weight == a.weight)))",
        field="steps",
    )
    def has_rising_weights(self) -> bool:
        """Return whether every step raises the canary's share."""
        return all(before.weight < after.weight for before, after in pairwise(self.steps))

    @base.rule(
        "each check needs a name of its own",
        cel="!has(self.checks) || self.checks.all(a, self.checks.exists_one(b, b.name == a.name))",
        field="checks",
    )
    def has_distinct_checks(self) -> bool:
        """Return whether no two checks have the same name."""
        return len({check.name for check in self.checks}) == len(self.checks)
