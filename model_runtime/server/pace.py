"""Which work is quick enough to be done on the loop, learned from how long its like took."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

QUICK: Final = 0.005
"""Seconds that all other requests and probes may be made to wait: less than a thread's hand-over costs them."""
STRIKES: Final = 3
_WEIGHT: Final = 0.2


@dataclass(slots=True)
class _Seen:
    seconds: float
    strikes: int = 0


@dataclass(slots=True)
class Pace:
    """Remembers, for each size of work in powers of two, its mean seconds.

    Work of an unknown size goes to a thread first. A size that was slow on the loop three times running stays in
    threads for good: there it looks quicker than it is, because frameworks spread it over threads of their own.
    """

    _seen: dict[int, _Seen] = field(default_factory=dict)

    def is_quick(self, size: int) -> bool:
        """Work of this size may be done on the loop."""
        seen = self._seen.get(size.bit_length())
        return seen is not None and seen.seconds <= QUICK and seen.strikes < STRIKES

    def saw(self, size: int, seconds: float, *, on_loop: bool) -> None:
        """One piece of work of this size took so long."""
        bucket = size.bit_length()
        seen = self._seen.get(bucket)
        if seen is None:
            self._seen[bucket] = _Seen(seconds)
            return
        seen.seconds += (seconds - seen.seconds) * _WEIGHT
        if on_loop and seen.strikes < STRIKES:
            seen.strikes = seen.strikes + 1 if seconds > QUICK else 0
