"""Evidence for faults that begin later than the step: the same e-values averaged over times of onset.

Half of the weight is on the begin of the step, the other half is spread over the rest of its hold. A mixture of
e-values is an e-value, so the false alarm rate stays what it is. A fault that begins after hours of good answers is
found in about a minute, where evidence since the begin has to outweigh all the good answers first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from seatrial.core.evidence.counts import PairCounts
from seatrial.core.evidence.rates import NO_SUMS, RateSequence, Sums, log_mean_exp


@dataclass(frozen=True, slots=True, kw_only=True)
class LateFaultTest:
    """A rate sequence with the sums that it had at each onset so far; `onsets` is how many there will be in all."""

    onsets: int
    sequence: RateSequence
    sums_at_onset: tuple[tuple[Sums, ...], ...] = ()

    def add(self, counts: PairCounts) -> LateFaultTest:
        """Return the test after more requests."""
        return replace(self, sequence=self.sequence.add(counts))

    def begin_onset(self) -> LateFaultTest:
        """Return the test with one more time at which a fault may begin, unless it has all of them."""
        if len(self.sums_at_onset) >= self.onsets:
            return self
        sequence = self.sequence.commit()
        onset = tuple(
            Sums(a=s.a, b=s.b) for s in sequence.sums
        )  # the bounds of a late fault are not asked for
        return replace(self, sequence=sequence, sums_at_onset=(*self.sums_at_onset, onset))

    def log_e_value(self, margin: float) -> float:
        """Return the logarithm of the evidence that a fault beyond `margin` began at some time of the step."""
        sums = self.sequence.commit().sums
        late = [_log_e(sums, before, margin) for before in self.sums_at_onset]
        late += [0.0] * (self.onsets - len(late))
        from_begin = _log_e(sums, NO_SUMS, margin)
        if not late:
            return from_begin
        return log_mean_exp((from_begin, log_mean_exp(late)))


def _log_e(sums: tuple[Sums, ...], before: tuple[Sums, ...], margin: float) -> float:
    since = ((now.a - then.a, now.b - then.b) for now, then in zip(sums, before, strict=True))
    return log_mean_exp(a - b * margin for a, b in since)


def is_fault(log_e_value: float, alpha: float) -> bool:
    """Return whether the evidence is strong enough at false alarm rate `alpha` (Ville's inequality)."""
    return log_e_value > -math.log(alpha)
