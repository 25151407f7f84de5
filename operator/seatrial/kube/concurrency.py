"""How many requests may be in flight: more while the server answers fast, fewer once it slows down. Pure arithmetic.

Additive increase, multiplicative decrease, as TCP does it (RFC 5681). Like TCP Vegas it judges by latency, relative to
the fastest answer of late, and so backs off before an overloaded server has to refuse anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

FIRST: Final = 24
FEWEST: Final = 8
"""So few requests at once harm no API server, and a server that is slow for another reason still gets work done."""
MOST: Final = 64
SLOW_FACTOR: Final = 4.0
"""An answer is slow that takes so many times as long as the fastest one of its operation."""
NEVER_SLOW: Final = 1.0
"""Seconds: Kubernetes' own objective for a write to one object. Whatever takes less is not slow."""
MEMORY: Final = 30.0
"""Seconds for which the fastest answer counts: a latency that lasts longer is no load of ours, but the network's."""
SLOW_BACK_OFF: Final = 0.7
OVERLOAD_BACK_OFF: Final = 0.5


class Answer(Enum):
    """What one request says about the server."""

    SERVED = auto()
    """The server answered; whether it was slow is a matter of how long it took."""
    OVERLOADED = auto()
    """The server refused for want of capacity, or did not answer in time."""
    SAYS_NOTHING = auto()
    """The network failed, or the request was cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One request: its operation, when it was sent, what came of it, and how many were in flight with it."""

    operation: str
    sent_at: float
    answer: Answer
    in_flight: int


class MovingMinimum:
    """The smallest value of the last `memory` to twice `memory` seconds."""

    def __init__(self, memory: float) -> None:
        self._memory = memory
        self._former = self._latest = math.inf
        self._began = -math.inf

    def add(self, value: float, now: float) -> float:
        """Add a value and return the smallest one."""
        if now - self._began >= self._memory:
            is_recent = now - self._began < 2 * self._memory
            self._former = self._latest if is_recent else math.inf
            self._latest, self._began = math.inf, now
        self._latest = min(self._latest, value)
        return min(self._former, self._latest)


class ConcurrencyLimit:
    """The number of requests that may be in flight, from `fewest` to `most`; times are monotonic seconds."""

    def __init__(self, *, first: int = FIRST, fewest: int = FEWEST, most: int = MOST) -> None:
        self._exact = float(first)
        self._fewest = fewest
        self._most = most
        self._lowered_at = -math.inf
        self._fastest: dict[str, MovingMinimum] = {}
        """By operation: creating a Service takes longer than reading a Lease."""

    @property
    def value(self) -> int:
        """Return the limit."""
        return int(self._exact)

    @property
    def reserve(self) -> int:
        """Return how many urgent requests may be in flight above the limit."""
        return max(2, self.value // 4)

    def record(self, sample: Sample, now: float) -> None:
        """Adjust the limit to what a request that ended at `now` says about the server."""
        match sample.answer:
            case Answer.OVERLOADED:
                self._lower(OVERLOAD_BACK_OFF, sample, now)
            case Answer.SERVED if self._is_slow(sample, now):
                self._lower(SLOW_BACK_OFF, sample, now)
            case Answer.SERVED:
                self._raise(sample)

    def _is_slow(self, sample: Sample, now: float) -> bool:
        latency = now - sample.sent_at
        fastest = self._fastest.setdefault(sample.operation, MovingMinimum(MEMORY)).add(latency, now)
        return latency > max(NEVER_SLOW, SLOW_FACTOR * fastest)

    def _lower(self, factor: float, sample: Sample, now: float) -> None:
        """Lower the limit, once for all requests that were in flight then: they were sent under the former one."""
        if sample.sent_at >= self._lowered_at:
            self._exact = max(self._fewest, self._exact * factor)
            self._lowered_at = now

    def _raise(self, sample: Sample) -> None:
        """Raise the limit by one for as many answers as it allows requests, if so many are wanted at all."""
        if sample.in_flight > self._exact / 2:
            self._exact = min(self._most, self._exact + 1 / self._exact)
