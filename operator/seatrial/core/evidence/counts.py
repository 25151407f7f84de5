"""Counts of requests of the two tracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of one track, and how many of them were bad."""

    bad: int = 0
    total: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.bad <= self.total:
            raise ValueError(f"{self.bad} bad of {self.total} requests is not a valid count")

    def __add__(self, other: Counts) -> Counts:
        """Return the sum of both."""
        return Counts(self.bad + other.bad, self.total + other.total)

    @property
    def rate(self) -> float:
        """Return the share of bad requests, 0 without requests."""
        return self.bad / self.total if self.total else 0.0


NONE: Final = Counts()


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCounts:
    """Requests that both tracks answered in the same time."""

    canary: Counts = NONE
    stable: Counts = NONE

    def __add__(self, other: PairCounts) -> PairCounts:
        """Return the sum of both."""
        return PairCounts(canary=self.canary + other.canary, stable=self.stable + other.stable)


NO_COUNTS: Final = PairCounts()
