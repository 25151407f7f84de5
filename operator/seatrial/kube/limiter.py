"""How fast the operator may ask: one token bucket for all requests, emptied by a server that says 429."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Limiter:
    """Lets `burst` requests through at once and `rate` per second in the long run, in the order of asking.

    `clock` is monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float], *, rate: float = 300.0, burst: int = 600) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._filled_at: float | None = None
        self._closed_until = 0.0

    async def acquire(self) -> None:
        """One request may be sent now."""
        delay = self._reserve()
        while delay > 0:
            await asyncio.sleep(delay)
            delay = self._closed_until - self._clock()

    def hold_off(self, seconds: float) -> None:
        """No request passes for `seconds` from now: the server asked for it."""
        self._closed_until = max(self._closed_until, self._clock() + seconds)

    def _reserve(self) -> float:
        """Takes a token, on credit if need be, and says how long to wait for it."""
        now = self._clock()
        passed = 0.0 if self._filled_at is None else now - self._filled_at
        self._tokens = min(self._burst, self._tokens + passed * self._rate)
        self._filled_at = now
        self._tokens -= 1
        return max(-self._tokens / self._rate, self._closed_until - now)
