"""A confidence sequence for the rate of bad requests: of the canary alone, or against stable's.

The claim is `p_canary ≤ factor · p_stable + margin`: factor 0 is an absolute limit, 1 "not worse than stable by
margin". Each block of new requests multiplies, for every q of a grid, a factor that is an e-value while the claim
holds (1 + x ≤ eˣ), whatever the rates do in the meantime; by Ville's inequality (1939) the mixture over q exceeds 1/α
at any time with probability at most α. With margin 0 it is the Poisson test of Lindon & Malek (NeurIPS 2022).

Blocks matter: counters since the beginning of a step mix times in which the tracks had other shares of the traffic,
and then an outage of both tracks looks like a fault of one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from seatrial.core.evidence.counts import NO_COUNTS, PairCounts

GRID: Final = (1.05, 1.1, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)
"""How many times the rate may exceed the claim; each has the same weight in the mixture."""
BLOCK: Final = 50
"""Requests of each track in a complete block."""
BISECTIONS: Final = 60


@dataclass(frozen=True, slots=True)
class Sums:
    """What the blocks have added up for one q; the e-value against the claim is exp(a − b·margin)."""

    a: float = 0.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    """c and d are the same of the opposite claim: exp(c + d·margin)."""


NO_SUMS: Final = (Sums(),) * len(GRID)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The margins that the requests do not rule out; −1 and 1 where they say nothing."""

    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSequence:
    """What is remembered of the requests so far: 40 sums, and the block that is not complete yet."""

    factor: float = 0.0
    sums: tuple[Sums, ...] = NO_SUMS
    block: PairCounts = NO_COUNTS
    total: PairCounts = NO_COUNTS

    def add(self, counts: PairCounts) -> RateSequence:
        """Return the sequence after more requests."""
        longer = replace(self, block=self.block + counts, total=self.total + counts)
        return longer.commit() if _is_complete(longer.block, self.factor) else longer

    def commit(self) -> RateSequence:
        """Return the sequence with its open block added, complete or not; one that cannot be compared stays open."""
        if not _is_comparable(self.block, self.factor):
            return self
        return replace(self, sums=_added(self.sums, self.block, self.factor), block=NO_COUNTS)

    def bounds(self, alpha: float) -> Bounds:
        """Return the margins that are not ruled out at false alarm rate `alpha`, with the open block included."""
        return bounds_of(self.commit().sums, alpha, lowest=0.0 if self.factor == 0 else -1.0)

    def rules_out_above(self, margin: float, alpha: float) -> bool:
        """Return whether a rate beyond the claim by `margin` or more is ruled out at false alarm rate `alpha`."""
        return log_mean_exp(s.c + s.d * margin for s in self.commit().sums) > -math.log(alpha)


def bounds_of(sums: tuple[Sums, ...], alpha: float, *, lowest: float) -> Bounds:
    """Return the bounds of the margin that follow from `sums`, within `lowest` and 1."""
    threshold = -math.log(alpha)

    def below_lower(margin: float) -> bool:
        return log_mean_exp(s.a - s.b * margin for s in sums) > threshold

    def below_upper(margin: float) -> bool:
        return log_mean_exp(s.c + s.d * margin for s in sums) <= threshold

    return Bounds(lower=_last(below_lower, lowest), upper=_last(below_upper, lowest))


def log_mean_exp(exponents: Iterable[float]) -> float:
    """Return log(mean(exp(x))) without overflow."""
    values = tuple(exponents)
    highest = max(values)
    return highest + math.log(math.fsum(math.exp(value - highest) for value in values) / len(values))


def _is_complete(block: PairCounts, factor: float) -> bool:
    enough = block.canary.total >= BLOCK and (factor == 0 or block.stable.total >= BLOCK)
    return enough and _is_comparable(block, factor)


def _is_comparable(block: PairCounts, factor: float) -> bool:
    return block.canary.total > 0 and (factor == 0 or block.stable.total > 0)


def _added(sums: tuple[Sums, ...], block: PairCounts, factor: float) -> tuple[Sums, ...]:
    """Return the sums after one more block."""
    v = 0.0 if factor == 0 else factor * block.canary.total / block.stable.total
    return tuple(_added_to(s, q, v, block) for s, q in zip(sums, GRID, strict=True))


def _added_to(sums: Sums, q: float, v: float, block: PairCounts) -> Sums:
    canary_bad, stable_bad, requests = block.canary.bad, block.stable.bad, block.canary.total
    worse, better = 1 + q * v, q + v
    return Sums(
        a=sums.a + canary_bad * math.log(q * (1 + v) / worse) + stable_bad * math.log((1 + v) / worse),
        b=sums.b + requests * (q - 1) / worse,
        c=sums.c + canary_bad * math.log((1 + v) / better) + stable_bad * math.log(q * (1 + v) / better),
        d=sums.d + requests * (q - 1) / better,
    )


def _last(holds: Callable[[float], bool], lowest: float) -> float:
    """Return the largest margin up to 1 for which `holds`, which is true below some margin and false above it."""
    if not holds(lowest):
        return lowest
    low, high = lowest, 1.0
    if holds(high):
        return high
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return (low + high) / 2
