"""`spec.rollout.checks`: what the requests of users have to show before a canary goes on."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from model_runtime.contract.metrics import LATENCY_BOUNDS
from seatrial.api import base, cel, durations, fields

_BOUNDS: Final = tuple(durations.format_duration(timedelta(seconds=bound)) for bound in LATENCY_BOUNDS)

Ratio = Annotated[float, Field(ge=0, le=1)]
"""A share between 0 and 1."""


class OnNoData(StrEnum):
    """What happens when the requests cannot decide a check in time."""

    HOLD = "Hold"
    PASS = "Pass"  # noqa: S105  a verdict, not a password
    FAIL = "Fail"


class SuccessRate(base.SpecModel):
    """The share of requests that are answered. Set exactly one of the fields."""

    min: Ratio | None = None
    """The lowest share of the canary's requests that are answered without a server error, a model error, a time-out or
    429; requests that are invalid (4xx) do not count. Between 0 and 1, for example `0.99`."""

    not_worse_than_stable_by: Ratio | None = None
    """How much lower than stable's the canary's share of answered requests may be, between 0 and 1, for example
    `0.005`. Here requests that are rejected as invalid count as not answered: callers send the same to both."""

    @base.rule(
        "set exactly one of min and notWorseThanStableBy",
        cel="has(self.min) != has(self.notWorseThanStableBy)",
    )
    def has_one_limit(self) -> bool:
        """Return whether the rate has one limit."""
        return (self.min is None) != (self.not_worse_than_stable_by is None)

    @base.rule("min must be less than 1: one request can always fail", cel="!has(self.min) || self.min < 1.0")
    def tolerates_an_error(self) -> bool:
        """Return whether a limit can be judged at all."""
        return self.min is None or self.min < 1


class Latency(base.SpecModel):
    """How long answers take, from the arrival of a request's body to the response."""

    quantile: Annotated[float, Field(ge=0.01, le=0.9999)] = 0.99
    """The share of requests that must be answered within max, for example `0.99`."""

    max: durations.PositiveDuration
    """The longest latency of these requests: one of the bounds that the server counts by, for example `250ms`."""

    not_worse_than_stable_by: Ratio | None = None
    """Compare with stable instead of with quantile: how much larger than stable's the canary's share of requests that
    take longer than max may be, between 0 and 1, for example `0.01`."""

    @base.rule(
        f"max must be one of {', '.join(_BOUNDS)}",
        cel=f"!self.max.matches({cel.literal(durations.PATTERN)})"
        f" || duration(self.max) in [{', '.join(f'duration({cel.literal(bound)})' for bound in _BOUNDS)}]",
        field="max",
    )
    def has_a_countable_limit(self) -> bool:
        """Return whether the server counts requests by this latency."""
        return durations.format_duration(self.max) in _BOUNDS


class Check(base.SpecModel):
    """One thing that the requests of users have to show. Set exactly one of successRate and latency."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=40)]
    """The name of the check in status and metrics, a DNS label."""

    success_rate: SuccessRate | None = None
    """The share of requests that are answered."""

    latency: Latency | None = None
    """How long answers take."""

    interval: durations.PositiveDuration = timedelta(seconds=10)
    """How often the pods' metrics are read, for example `10s`, at most once a second; the shortest interval of all
    checks counts."""

    min_samples: fields.Count = 100
    """How many requests the canary must have answered before the check can pass. It does not delay a failure."""

    tolerance: Ratio | None = None
    """The rate of bad requests that must be ruled out before the check passes, between 0 and 1. Default: five times
    the limit, at least 0.01."""

    dry_run: Annotated[bool, Field(strict=True)] = False
    """Report the verdict without acting on it."""

    on_no_data: OnNoData = OnNoData.HOLD
    """What happens when the requests cannot decide the check until noDataDeadline: Hold waits for more requests or a
    person, Pass goes on, Fail rolls back."""

    no_data_deadline: durations.Duration = timedelta(minutes=30)
    """How much longer than its hold a step may wait for the check to be decided, for example `30m`."""

    @base.rule(
        "tolerance must be greater than 0: no number of requests rules out every error",
        cel="!has(self.tolerance) || self.tolerance > 0.0",
        field="tolerance",
    )
    def has_a_reachable_tolerance(self) -> bool:
        """Return whether enough good requests let the check pass."""
        return self.tolerance is None or self.tolerance > 0

    @base.rule(
        "set exactly one of successRate and latency in each check",
        cel="has(self.successRate) != has(self.latency)",
    )
    def has_one_kind(self) -> bool:
        """Return whether the check has one kind."""
        return (self.success_rate is None) != (self.latency is None)


DEFAULT_CHECKS: Final = (
    Check(
        name="errors",
        success_rate=SuccessRate(min=0.95),
        on_no_data=OnNoData.PASS,
        no_data_deadline=timedelta(0),
    ),
)
"""Stops a canary that fails for users, and never delays one that has no requests."""
