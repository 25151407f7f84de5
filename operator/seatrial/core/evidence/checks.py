"""What a check claims about the canary's requests, and which of a pod's requests are bad for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from model_runtime.contract.metrics import LATENCY_BOUNDS, Outcome
from seatrial.api import checks as api
from seatrial.core.evidence.counts import Counts
from seatrial.core.evidence.samples import PodSample

TOLERANCE_FACTOR: Final = 5
SMALLEST_TOLERANCE: Final = 0.01
"""The smallest default: a smaller one would ask for thousands of requests where the limit is near zero."""
_FAILED: Final = frozenset({Outcome.REJECTED, Outcome.MODEL_ERROR, Outcome.SERVER_ERROR, Outcome.TIMEOUT})


class Measure(StrEnum):
    """What is counted of a request."""

    SUCCESS = "successRate"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: the canary's rate of bad requests is at most `limit`, above stable's if `against_stable`."""

    name: str
    measure: Measure
    limit: float
    against_stable: bool = False
    latency: float = 0.0
    """Seconds; a request that takes longer is bad. Only of `Measure.LATENCY`."""
    tolerance: float
    """The rate that must be ruled out before the check passes."""
    min_samples: int = 100
    dry_run: bool = False
    on_no_data: api.OnNoData = api.OnNoData.HOLD
    no_data_deadline: timedelta = timedelta(minutes=30)

    @property
    def factor(self) -> float:
        """Return how much of stable's rate is granted to the canary."""
        return 1.0 if self.against_stable else 0.0

    def counts(self, sample: PodSample) -> Counts:
        """Return the requests that a pod has counted since it started, and how many are bad for this check."""
        if self.measure is Measure.LATENCY:
            within = sample.within[LATENCY_BOUNDS.index(self.latency)]
            return Counts(sample.answered - within, sample.answered)
        outcomes = sample.outcomes
        failed = sum(outcomes.get(outcome, 0) for outcome in _FAILED)
        invalid, good = outcomes.get(Outcome.CLIENT_ERROR, 0), outcomes.get(Outcome.OK, 0)
        if self.against_stable:  # callers send the same to both tracks, so invalid requests must not be more
            return Counts(failed + invalid, good + failed + invalid)
        return Counts(failed, good + failed)


def check_of(spec: api.Check) -> Check:
    """Return the check that a user has written."""
    measure, limit, against_stable, latency = _claim(spec)
    default = max(TOLERANCE_FACTOR * limit, SMALLEST_TOLERANCE)
    return Check(
        name=spec.name,
        measure=measure,
        limit=limit,
        against_stable=against_stable,
        latency=latency,
        tolerance=min(default, 1.0) if spec.tolerance is None else spec.tolerance,
        min_samples=spec.min_samples,
        dry_run=spec.dry_run,
        on_no_data=spec.on_no_data,
        no_data_deadline=spec.no_data_deadline,
    )


def _claim(spec: api.Check) -> tuple[Measure, float, bool, float]:
    """Return measure, limit, whether it is above stable's rate, and the latency that is judged."""
    if spec.latency is not None:
        margin = spec.latency.not_worse_than_stable_by
        limit = 1 - spec.latency.quantile if margin is None else margin
        return Measure.LATENCY, _rounded(limit), margin is not None, spec.latency.max.total_seconds()
    rate = spec.success_rate or api.SuccessRate.model_construct(min=0.0)
    margin = rate.not_worse_than_stable_by
    limit = 1 - (rate.min or 0.0) if margin is None else margin
    return Measure.SUCCESS, _rounded(limit), margin is not None, 0.0


def _rounded(limit: float) -> float:
    """Return the limit without the noise of binary fractions: 1 − 0.99 is 0.01."""
    return round(limit, 9)
