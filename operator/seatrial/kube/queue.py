"""A queue of keys: each is in it at most once, is worked on by one worker at a time, and can be scheduled for later."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

FIRST_RETRY: Final = 0.2
LAST_RETRY: Final = 45.0
"""Seconds: no watch reports a recovery outside of Kubernetes, and a user should see one within a minute."""
LONGEST_RETRY_AFTER: Final = 60.0
"""Seconds of a requested delay that are honoured: a proxy may ask for hours."""
JITTER: Final = 0.1


class KeyedQueue(Generic[K]):
    """Keys in the order in which they were first added. Times are those of the running loop, in seconds.

    A key that is added while a worker has it is given out once more after `done`. `jitter` returns numbers from
    0 to 1.
    """

    def __init__(
        self,
        *,
        first_retry: float = FIRST_RETRY,
        last_retry: float = LAST_RETRY,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._first_retry = first_retry
        self._last_retry = last_retry
        self._jitter = jitter
        self._ready: deque[K] = deque()
        self._added_at: dict[K, float] = {}
        """When each waiting key was added; includes keys that wait for their own worker to be done."""
        self._working: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._retries: dict[K, int] = {}
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

    def add(self, key: K) -> None:
        """Add `key` unless it waits already."""
        if key in self._added_at:
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

    async def get(self) -> K:
        """Wait for the next key and return it; the caller must call `done`."""
        while self._closed or not self._ready:
            self._available.clear()
            await self._available.wait()
        key = self._ready.popleft()
        del self._added_at[key]
        self._working.add(key)
        self._no_work.clear()
        return key

    def done(self, key: K) -> None:
        """End the work on `key`; it becomes available again if it was added meanwhile."""
        self._working.discard(key)
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
        self._ready.append(key)
        self._available.set()
