"""A queue of keys: each is in it at most once, is worked on by one worker at a time, and can be scheduled for later.

It has two lanes: urgent keys are given out before ordinary ones, which still get their turn.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

FIRST_RETRY: Final = 0.2
LAST_RETRY: Final = 45.0
"""Seconds: no watch reports a recovery outside of Kubernetes, and a user should see one within a minute."""
LONGEST_RETRY_AFTER: Final = 60.0
"""Seconds of a requested delay that are honoured: a proxy may ask for hours."""
JITTER: Final = 0.1
URGENT_IN_A_ROW: Final = 4
"""So many urgent keys are given out before an ordinary one that waits."""


class KeyedQueue(Generic[K]):
    """Keys in the order in which they were first added, by lane. Times are those of the running loop, in seconds.

    A key that is added while a worker has it is given out once more after `done`. `is_urgent` returns the lane of a
    key, and is asked at every `add`. `jitter` returns numbers from 0 to 1.
    """

    def __init__(
        self,
        *,
        first_retry: float = FIRST_RETRY,
        last_retry: float = LAST_RETRY,
        is_urgent: Callable[[K], bool] = lambda _: False,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._first_retry = first_retry
        self._last_retry = last_retry
        self._jitter = jitter
        self._is_urgent = is_urgent
        self._urgent: OrderedDict[K, None] = OrderedDict()
        self._ordinary: OrderedDict[K, None] = OrderedDict()
        self._urgent_in_a_row = 0
        self._added_at: dict[K, float] = {}
        """When each waiting key was added; includes keys that wait for their own worker to be done."""
        self._working: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._retries: dict[K, int] = {}
        self._progressed_at = -math.inf
        """When a worker last began or ended work on a key."""
        self._available = asyncio.Event()
        self._no_work = asyncio.Event()
        """Set while no worker has a key."""
        self._no_work.set()
        self._closed = False

    @property
    def depth(self) -> int:
        """The number of keys that wait for a worker."""
        return len(self._added_at)

    @property
    def scheduled(self) -> int:
        """The number of keys that a timer will add."""
        return len(self._timers)

    @property
    def idle(self) -> bool:
        """No key waits and no worker has one."""
        return not self._added_at and not self._working

    def oldest_age(self) -> float:
        """Return the seconds since the key that has waited longest was added; 0 if none waits."""
        now = asyncio.get_running_loop().time()
        return max((now - added_at for added_at in self._added_at.values()), default=0.0)

    def stalled_for(self) -> float:
        """Return the seconds for which keys have waited while no work on any key began or ended; 0 if none waits."""
        return min(self.oldest_age(), asyncio.get_running_loop().time() - self._progressed_at)

    def add(self, key: K) -> None:
        """Add `key` unless it waits already; one that waits and has become urgent changes its lane."""
        if key in self._added_at:
            if key in self._ordinary and self._is_urgent(key):
                del self._ordinary[key]
                self._make_available(key)
            return
        self._added_at[key] = asyncio.get_running_loop().time()
        if key not in self._working:
            self._make_available(key)

    def add_after(self, key: K, delay: float) -> None:
        """Add `key` in `delay` seconds, or earlier if it is scheduled for an earlier time already."""
        self.add_at(key, asyncio.get_running_loop().time() + delay)

    def add_at(self, key: K, when: float) -> None:
        """Add `key` at the loop's time `when`, or earlier if it is scheduled for an earlier time already."""
        loop = asyncio.get_running_loop()
        if when <= loop.time():
            self.add(key)
            return
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= when:
            return
        if timer is not None:
            timer.cancel()
        self._timers[key] = loop.call_at(when, self._on_timer, key)

    def cancel(self, key: K) -> None:
        """Cancel the timer of `key`."""
        if timer := self._timers.pop(key, None):
            timer.cancel()

    def retry(self, key: K, *, after: float | None = None) -> float:
        """Schedule `key` with exponential back-off, not before `after` seconds; return the delay.

        The back-off grows with every retry until `forget`. Of `after` at most `LONGEST_RETRY_AFTER` is honoured.
        """
        count = self._retries.get(key, 0)
        self._retries[key] = count + 1
        backoff: float = min(self._last_retry, self._first_retry * 2 ** min(count, 30))
        delay = max(min(after or 0.0, LONGEST_RETRY_AFTER), backoff) * (1 + JITTER * self._jitter())
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """Reset the back-off of `key`."""
        self._retries.pop(key, None)

    def retries(self, key: K) -> int:
        """Return how often `key` was retried since `forget`."""
        return self._retries.get(key, 0)

    async def get(self, *, urgent_only: bool = False) -> K:
        """Wait for the next key and return it; the caller must call `done`."""
        while (lane := self._next_lane(urgent_only=urgent_only)) is None:
            self._available.clear()
            await self._available.wait()
        key, _ = lane.popitem(last=False)
        self._urgent_in_a_row = self._urgent_in_a_row + 1 if lane is self._urgent else 0
        del self._added_at[key]
        self._working.add(key)
        self._progressed_at = asyncio.get_running_loop().time()
        self._no_work.clear()
        return key

    def done(self, key: K) -> None:
        """End the work on `key`; it becomes available again if it was added meanwhile."""
        self._working.discard(key)
        self._progressed_at = asyncio.get_running_loop().time()
        if not self._working:
            self._no_work.set()
        if key in self._added_at:
            self._make_available(key)

    def reset_ages(self) -> None:
        """Count the age of waiting keys from now on: before, no worker was running."""
        now = asyncio.get_running_loop().time()
        self._added_at = dict.fromkeys(self._added_at, now)

    async def close(self) -> None:
        """Give out no more keys, and wait until no worker has one."""
        self._closed = True
        await self._no_work.wait()

    def _on_timer(self, key: K) -> None:
        del self._timers[key]
        self.add(key)

    def _make_available(self, key: K) -> None:
        lane = self._urgent if self._is_urgent(key) else self._ordinary
        lane[key] = None
        self._available.set()

    def _next_lane(self, *, urgent_only: bool) -> OrderedDict[K, None] | None:
        """Return the lane whose first key is next; None if no key may be given out."""
        if self._closed:
            return None
        is_turn_of_ordinary = self._urgent_in_a_row >= URGENT_IN_A_ROW and bool(self._ordinary)
        if self._urgent and (urgent_only or not is_turn_of_ordinary):
            return self._urgent
        return self._ordinary if self._ordinary and not urgent_only else None
