"""How fast the operator may ask: one token bucket for all requests, emptied by a server that says 429.

The pause is for the whole client: the server's priority and fairness refuses a user, not a kind of request.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Final

from seatrial.kube import failures

GRAIN: Final = 1e-6
"""Seconds: what is left of a pause after so many additions is no pause, and no clock would show its end."""
LONGEST_PAUSE: Final = 32.0
"""Seconds: the longest that the API server's own priority and fairness asks for. A proxy may ask for hours."""


class Limiter:
    """Lets `burst` requests through at once and `rate` per second in the long run, in the order of asking.

    `clock` is monotonic seconds. No pause is longer than `longest_pause` seconds, whatever the server asks for.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        rate: float = 300.0,
        burst: int = 600,
        longest_pause: float = LONGEST_PAUSE,
    ) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._longest_pause = longest_pause
        self._tokens = float(burst)
        self._filled_at: float | None = None
        self._closed_until = -math.inf

    async def acquire(self, *, patience: float = math.inf) -> None:
        """One request may be sent now; `Paused` where a pause lasts longer than `patience` seconds."""
        self._check(patience)
        delay = self._reserve()
        while delay > GRAIN:
            await asyncio.sleep(delay)
            self._check(patience)
            delay = self._paused_for()

    def hold_off(self, seconds: float) -> None:
        """No request passes for `seconds` from now: the server asked for it."""
        self._closed_until = max(self._closed_until, self._clock() + min(seconds, self._longest_pause))

    def _check(self, patience: float) -> None:
        if (left := self._paused_for()) > patience:
            raise failures.Paused(left)

    def _paused_for(self) -> float:
        return self._closed_until - self._clock()

    def _reserve(self) -> float:
        """Takes a token, on credit if need be, and says how long to wait for it."""
        now = self._clock()
        passed = 0.0 if self._filled_at is None else now - self._filled_at
        self._tokens = min(self._burst, self._tokens + passed * self._rate)
        self._filled_at = now
        self._tokens -= 1
        return max(-self._tokens / self._rate, self._paused_for())
