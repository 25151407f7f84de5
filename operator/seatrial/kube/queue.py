"""The work to do, by key: each waits once, is worked on once at a time, and comes back when it asked to."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

FIRST_RETRY: Final = 0.2
LAST_RETRY: Final = 45.0
"""Seconds: what heals outside of Kubernetes tells nobody, and within a minute a person should see it."""
LONGEST_WISH: Final = 60.0
"""Seconds."""
JITTER: Final = 0.1


class KeyedQueue(Generic[K]):
    """Keys in the order of their first `add`. Times are those of the running loop, in seconds.

    A key added while it is worked on waits until `done`, then comes again, once. `jitter` gives numbers from
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
        self._since: dict[K, float] = {}
        """When each key that waits was added: the dirty set."""
        self._working: set[K] = set()
        self._alarms: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._some = asyncio.Event()
        self._rest = asyncio.Event()
        """Set while no key is worked on."""
        self._rest.set()
        self._closed = False

    @property
    def depth(self) -> int:
        """How many keys wait to be worked on now."""
        return len(self._since)

    @property
    def scheduled(self) -> int:
        """How many keys will be added by themselves later."""
        return len(self._alarms)

    @property
    def idle(self) -> bool:
        """No key waits and none is worked on."""
        return not self._since and not self._working

    def oldest_age(self) -> float:
        """Seconds since the key that has waited longest was added; 0 when none waits."""
        now = asyncio.get_running_loop().time()
        return max((now - since for since in self._since.values()), default=0.0)

    def add(self, key: K) -> None:
        """`key` will be worked on once more, however often it is added before that."""
        if key in self._since:
            return
        self._since[key] = asyncio.get_running_loop().time()
        if key not in self._working:
            self._offer(key)

    def add_after(self, key: K, delay: float) -> None:
        """`key` is added in `delay` seconds; of several such wishes the earliest counts."""
        self.add_at(key, asyncio.get_running_loop().time() + delay)

    def add_at(self, key: K, when: float) -> None:
        """`key` is added at the loop's time `when`; of several such wishes the earliest counts."""
        loop = asyncio.get_running_loop()
        if when <= loop.time():
            self.add(key)
            return
        alarm = self._alarms.get(key)
        if alarm is not None and alarm.when() <= when:
            return
        if alarm is not None:
            alarm.cancel()
        self._alarms[key] = loop.call_at(when, self._ring, key)

    def cancel(self, key: K) -> None:
        """`key` will not be added by itself."""
        if alarm := self._alarms.pop(key, None):
            alarm.cancel()

    def retry(self, key: K, *, after: float | None = None) -> float:
        """`key` comes again: later with every retry since `forget`, and not before `after` seconds. Says when.

        A wish for more than `LONGEST_WISH` is cut: a proxy may ask for hours.
        """
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        backed_off: float = min(self._last_retry, self._first_retry * 2 ** min(count, 30))
        delay = max(min(after or 0.0, LONGEST_WISH), backed_off) * (1 + JITTER * self._jitter())
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """The next retry of `key` is its first."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """How often `key` was retried since `forget`."""
        return self._failures.get(key, 0)

    async def get(self) -> K:
        """The next key; it is worked on until `done`."""
        while self._closed or not self._ready:
            self._some.clear()
            await self._some.wait()
        key = self._ready.popleft()
        del self._since[key]
        self._working.add(key)
        self._rest.clear()
        return key

    def done(self, key: K) -> None:
        """`key` is not worked on any more; it waits again when it was added meanwhile."""
        self._working.discard(key)
        if not self._working:
            self._rest.set()
        if key in self._since:
            self._offer(key)

    def count_from_now(self) -> None:
        """Those that wait have waited since now: nobody was there to work before."""
        now = asyncio.get_running_loop().time()
        self._since = dict.fromkeys(self._since, now)

    async def close(self) -> None:
        """No key is given out any more, and none is worked on."""
        self._closed = True
        await self._rest.wait()

    def _ring(self, key: K) -> None:
        del self._alarms[key]
        self.add(key)

    def _offer(self, key: K) -> None:
        self._ready.append(key)
        self._some.set()
