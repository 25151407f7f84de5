"""Limits the rate of requests: one token bucket for all of them, closed for a while after a 429.

The pause applies to every request: the API server's priority and fairness limits a user, not a kind of request.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Final

from seatrial.kube import failures

RESOLUTION: Final = 1e-6
"""Seconds: a shorter remainder of a pause is a rounding error, and a clock may never advance by it."""
LONGEST_PAUSE: Final = 32.0
"""Seconds: the longest pause that the API server's priority and fairness asks for. A proxy may ask for hours."""


class Limiter:
    """Lets `burst` requests through at once and `rate` per second on average, first come, first served.

    `clock` returns monotonic seconds. No pause is longer than `longest_pause` seconds, whatever the server asks for.
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
        self._refilled_at: float | None = None
        self._paused_until = -math.inf

    async def acquire(self, *, longest_wait: float = math.inf) -> None:
        """Wait until a request may be sent; raise `Paused` if a pause lasts longer than `longest_wait` seconds."""
        self._check(longest_wait)
        delay = self._take_token()
        while delay > RESOLUTION:
            await asyncio.sleep(delay)
            self._check(longest_wait)
            delay = self._pause_left()

    def pause(self, seconds: float) -> None:
        """Let no request through for `seconds`, because the server asked for it."""
        self._paused_until = max(self._paused_until, self._clock() + min(seconds, self._longest_pause))

    def _check(self, longest_wait: float) -> None:
        if (left := self._pause_left()) > longest_wait:
            raise failures.Paused(left)

    def _pause_left(self) -> float:
        return self._paused_until - self._clock()

    def _take_token(self) -> float:
        """Take a token, on credit if there is none; return the seconds to wait for it."""
        now = self._clock()
        elapsed = 0.0 if self._refilled_at is None else now - self._refilled_at
        self._tokens = min(self._burst, self._tokens + elapsed * self._rate)
        self._refilled_at = now
        self._tokens -= 1
        return max(-self._tokens / self._rate, self._pause_left())
