"""Limits requests to one API server: their rate, and how many are in flight; no request passes for a while after a 429.

The pause applies to every request: the API server's priority and fairness limits a user, not a kind of request.
Requests that take traffic from a canary are urgent: they go first, and have a share that others cannot use up.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Final

from seatrial.kube import failures
from seatrial.kube.concurrency import Answer, ConcurrencyLimit, Sample
from seatrial.kube.in_flight import InFlight

RESOLUTION: Final = 1e-6
"""Seconds: a shorter remainder of a pause is a rounding error, and a clock may never advance by it."""
LONGEST_PAUSE: Final = 32.0
"""Seconds: the longest pause that the API server's priority and fairness asks for. A proxy may ask for hours."""
URGENT_SHARE: Final = 0.25
"""Of rate and burst: urgent requests up to this share do not wait behind those that came before them."""

_urgent: ContextVar[bool] = ContextVar("urgent", default=False)


@contextmanager
def priority(*, urgent: bool) -> Iterator[None]:
    """Let the requests of the block, and of the tasks that it starts, be urgent or not."""
    token = _urgent.set(urgent)
    try:
        yield
    finally:
        _urgent.reset(token)


class _Bucket:
    """Tokens: `burst` at once and `rate` per second on average, given on credit."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._refilled_at: float | None = None

    def take(self, now: float) -> float:
        """Take a token; return the seconds to wait for it."""
        elapsed = 0.0 if self._refilled_at is None else now - self._refilled_at
        self._tokens = min(self._burst, self._tokens + elapsed * self._rate) - 1
        self._refilled_at = now
        return max(0.0, -self._tokens / self._rate)


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
        concurrency: ConcurrencyLimit | None = None,
    ) -> None:
        self.clock = clock
        self._bucket = _Bucket(rate, float(burst))
        self._urgent_bucket = _Bucket(rate * URGENT_SHARE, max(1.0, burst * URGENT_SHARE))
        self._in_flight = InFlight(concurrency or ConcurrencyLimit())
        self._longest_pause = longest_pause
        self._paused_until = -math.inf

    @asynccontextmanager
    async def in_flight(self, operation: str, *, longest_wait: float = math.inf) -> AsyncIterator[None]:
        """Wait until a request may be sent; the block sends it, and how long it takes judges the server.

        Raise `Paused` as `acquire` does.
        """
        await self._in_flight.enter(urgent=_urgent.get())
        try:
            await self.acquire(longest_wait=longest_wait)
            sent_at, count = self.clock(), self._in_flight.count
            answer = Answer.SAYS_NOTHING
            try:
                yield
                answer = Answer.SERVED
            except failures.ApiError as error:
                answer = _answer_of(error)
                raise
            finally:
                sample = Sample(operation=operation, sent_at=sent_at, answer=answer, in_flight=count)
                self._in_flight.limit.record(sample, self.clock())
        finally:
            self._in_flight.leave()

    async def acquire(self, *, longest_wait: float = math.inf) -> None:
        """Wait until a request may be sent; raise `Paused` if a pause lasts longer than `longest_wait` seconds."""
        self._check(longest_wait)
        delay = max(self._take_token(), self._pause_left())
        while delay > RESOLUTION:
            await asyncio.sleep(delay)
            self._check(longest_wait)
            delay = self._pause_left()

    def pause(self, seconds: float) -> None:
        """Let no request through for `seconds`, because the server asked for it."""
        self._paused_until = max(self._paused_until, self.clock() + min(seconds, self._longest_pause))

    def _check(self, longest_wait: float) -> None:
        if (left := self._pause_left()) > longest_wait:
            raise failures.Paused(left)

    def _pause_left(self) -> float:
        return self._paused_until - self.clock()

    def _take_token(self) -> float:
        """Take a token, on credit if there is none; return the seconds to wait for it.

        An urgent request takes one as well, so that the rate is kept, but waits only for the urgent share.
        """
        now = self.clock()
        delay = self._bucket.take(now)
        return min(delay, self._urgent_bucket.take(now)) if delay and _urgent.get() else delay


def _answer_of(error: failures.ApiError) -> Answer:
    """Return what an error says about the server; a refusal such as a 404 is an answer like any other."""
    if isinstance(error, failures.TooManyRequests) or error.status in {503, 504} or error.reason == "Timeout":
        return Answer.OVERLOADED
    return Answer.SAYS_NOTHING if error.status == 0 else Answer.SERVED
