"""The requests in flight: no more at once than a limit allows; urgent ones go first, and have a reserve above it."""

from __future__ import annotations

import asyncio
from collections import deque

from seatrial.kube.concurrency import ConcurrencyLimit


class InFlight:
    """Places for requests. `enter` waits for one in the order of arrival within each lane; `leave` returns it."""

    def __init__(self, limit: ConcurrencyLimit) -> None:
        self.limit = limit
        self.count = 0
        self._waiting: dict[bool, deque[asyncio.Future[None]]] = {True: deque(), False: deque()}
        """The requests that wait for a place, by whether they are urgent."""

    async def enter(self, *, urgent: bool) -> None:
        """Wait for a place and take it."""
        if self._is_room(urgent=urgent) and not self._waiting[urgent]:
            self.count += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting[urgent].append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()  # the place was given in the same moment
            raise

    def leave(self) -> None:
        """Return a place, and give out what is free now."""
        self.count -= 1
        for urgent, waiting in self._waiting.items():
            while waiting and self._is_room(urgent=urgent):
                place = waiting.popleft()
                if not place.done():
                    self.count += 1
                    place.set_result(None)

    def _is_room(self, *, urgent: bool) -> bool:
        return self.count < self.limit.value + (self.limit.reserve if urgent else 0)
