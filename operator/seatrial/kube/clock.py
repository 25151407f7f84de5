"""The time of day of the process: that of the API server, which stamps every object and is the same for all replicas.

Between responses it follows the monotonic clock of the machine, so nobody who sets the machine's clock moves it. When
the API server's own clock is set it follows, says so, and `seatrial.core.clocks` moves the clocks of rollouts along.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from seatrial.core.clocks import Reading
from seatrial.kube.transport import Request, Response, Transport

log = logging.getLogger(__name__)

STEP: Final = timedelta(seconds=5)
"""A clock that is off by this much was set; by less it drifts, and is followed slowly."""
SLEW: Final = 0.01
"""Seconds by which the clock is corrected in a second: between two looks no duration changes noticeably."""
TICK: Final = 2.0
"""Seconds between two looks at the machine's clock."""
LONGEST_TICK: Final = 10.0
"""Seconds after which a process that did not tick was stopped: nothing was watched meanwhile."""
RESOLUTION: Final = timedelta(seconds=1)
"""Of the Date header."""

PROXY: Final = "/proxy/"
"""In the path of a request that something behind the API server answers, with a date of its own."""

OnStep = Callable[[str, timedelta], None]
"""Receives whose clock was set, `api_server` or `machine`, and by how much."""


@dataclass(frozen=True, slots=True)
class _Sample:
    """What one response says: the time of the API server when it was received, between these two."""

    earliest: datetime
    latest: datetime


def _log_only(_clock: str, _step: timedelta) -> None:
    """The default of `on_step`."""


class Clock:
    """Tells the time of day, how much time has passed, and for how much of it the process was watching.

    `wall` returns the machine's time of day and `monotonic` its monotonic seconds. Until the API server has responded,
    and where its responses have no date, the machine's clock is believed.
    """

    def __init__(self, wall: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self.on_step: OnStep = _log_only
        self.is_watching: Callable[[], bool] = lambda: True
        """Returns whether the process hears of the changes that rollouts wait for."""
        self._began = self._ticked_at = self._corrected_at = monotonic()
        self._origin = self._machine_origin = wall()
        """The time of day at `_began`: as this clock has it, and as the machine's does."""
        self._watched = 0.0
        self._synchronised = False
        self._suspected: timedelta | None = None
        """By how much the last response differed: one alone may come from a proxy, or have been delayed."""

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        self.tick()
        return self._origin + self._elapsed()

    def read(self) -> Reading:
        """Return what the clocks show."""
        now = self.now()
        return Reading(now=now, elapsed=self._elapsed(), watched=timedelta(seconds=self._watched))

    def seconds_until(self, time: datetime, reading: Reading) -> float:
        """Return the seconds from now until `time`, which was decided at `reading`: a clock set since changes none."""
        return (time - reading.now - (self._elapsed() - reading.elapsed)).total_seconds()

    async def run(self) -> None:
        """Tick until cancelled: a process that is stopped notices when it continues."""
        while True:
            await asyncio.sleep(TICK)
            self.tick()

    def tick(self) -> None:
        """Count the time since the last tick as watched if it was, and notice when the machine's clock was set."""
        monotonic = self._monotonic()
        if self.is_watching():
            self._watched += min(monotonic - self._ticked_at, LONGEST_TICK)
        self._ticked_at = monotonic
        step = self._wall() - self._machine_origin - self._elapsed()
        if abs(step) >= STEP:
            self._machine_origin += step
            self._say("machine", step, followed=not self._synchronised)
            self._origin += timedelta(0) if self._synchronised else step

    def observe(self, date: datetime, *, sent: float, received: float) -> None:
        """Take the date of a response into account; `sent` and `received` are monotonic seconds."""
        sample = _Sample(date, date + RESOLUTION + timedelta(seconds=received - sent))
        told = self._origin + timedelta(seconds=received - self._began)
        deviation = max(sample.earliest - told, timedelta(0)) + min(sample.latest - told, timedelta(0))
        if not self._synchronised:
            self._synchronise(deviation)
        elif abs(deviation) < STEP:
            self._correct(deviation, received)
        elif self._suspected is None or abs(self._suspected - deviation) >= STEP:
            self._suspected = deviation
        else:
            self._suspected = None
            self._origin += deviation
            self._say("api_server", deviation, followed=True)

    def _elapsed(self) -> timedelta:
        return timedelta(seconds=self._monotonic() - self._began)

    def _synchronise(self, deviation: timedelta) -> None:
        """Begin to follow the API server's clock, however wrong the machine's own is."""
        self._synchronised = True
        self._origin += deviation
        if abs(deviation) >= STEP:
            log.warning(
                "the machine's clock differs from the API server's, whose time is used",
                extra={"seconds": round(-deviation.total_seconds(), 1)},
            )

    def _correct(self, deviation: timedelta, at: float) -> None:
        limit = timedelta(seconds=SLEW * (at - self._corrected_at))
        self._origin += max(-limit, min(deviation, limit))
        self._corrected_at, self._suspected = at, None

    def _say(self, clock: str, step: timedelta, *, followed: bool) -> None:
        consequence = (
            "running holds, delays and deadlines move along" if followed else "the API server's time is used"
        )
        log.warning(
            "a clock was set",
            extra={"clock": clock, "seconds": round(step.total_seconds(), 1), "consequence": consequence},
        )
        self.on_step(clock, step)


class DatedTransport:
    """A transport that tells a clock the date of every response."""

    def __init__(self, transport: Transport, clock: Clock, monotonic: Callable[[], float]) -> None:
        self._transport = transport
        self._clock = clock
        self._monotonic = monotonic

    async def request(self, request: Request) -> Response:
        """Return the response of the transport."""
        sent = self._monotonic()
        response = await self._transport.request(request)
        date = None if PROXY in request.path else _date_of(response)
        if date is not None:
            self._clock.observe(date, sent=sent, received=self._monotonic())
        return response

    def stream(self, request: Request) -> AsyncGenerator[bytes]:
        """Return the stream of the transport."""
        return self._transport.stream(request)


def _date_of(response: Response) -> datetime | None:
    """Return the date of a response that the API server itself made; what is in front of it answers 5xx."""
    try:
        return (
            parsedate_to_datetime(response.headers["date"]).astimezone(UTC) if response.status < 500 else None
        )
    except (KeyError, ValueError, OverflowError):
        return None
