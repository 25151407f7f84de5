"""Runs predictions: so many at once, each for so long, quick ones on the loop, slow ones in threads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from model_runtime.server.errors import TooMany, TooSlow

T = TypeVar("T")
READERS: Final = 16
"""Times as many bodies may be on their way as predictions may run: who sends slowly takes no place from who asks."""
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


class Slot:
    """The right to run one prediction; it ends when the work has really ended, not when its sender gave up."""

    __slots__ = ("_engine", "kept")

    def __init__(self, engine: Engine[Any]) -> None:
        self._engine = engine
        self.kept = False

    def __enter__(self) -> Slot:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.kept:
            self.release()

    def release(self) -> None:
        """One more prediction may run."""
        self._engine.running -= 1


class Reading:
    """The right to send one body."""

    __slots__ = ("_engine",)

    def __init__(self, engine: Engine[Any]) -> None:
        self._engine = engine

    def __enter__(self) -> None:
        self._engine.reading += 1

    def __exit__(self, *_: object) -> None:
        self._engine.reading -= 1


class Engine(Generic[T]):
    """The one place where the model is asked."""

    def __init__(self, *, concurrency: int, timeout: float, threads: int) -> None:
        self.concurrency = concurrency
        self.timeout = timeout
        self.running = 0
        self.reading = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="predict")
        self._pace = Pace()

    def place(self) -> Reading:
        """The right to send the body of a prediction; `TooMany` when it could not run, or too many are sent already."""
        self._require_free()
        if self.reading >= self.concurrency * READERS:
            raise TooMany(
                f"{self.reading} requests are being sent already, and so many are allowed; try again"
            )
        return Reading(self)

    def _require_free(self) -> None:
        if self.running >= self.concurrency:
            raise TooMany(f"{self.running} predictions run already, and so many are allowed; try again")

    def slot(self) -> Slot:
        """The right to run one prediction; `TooMany` when all are taken."""
        self._require_free()
        self.running += 1
        return Slot(self)

    def deadline(self) -> float:
        """When a request that begins now must be answered, by the loop's clock."""
        return asyncio.get_running_loop().time() + self.timeout

    async def run(self, work: Callable[[], T], slot: Slot, *, size: int, deadline: float) -> T:
        """What `work` returns; `TooSlow` when it is not done by the deadline. `size` is the body's."""
        if not self._pace.is_quick(size):
            return await self._in_thread(work, slot, size, deadline)
        started = time.perf_counter()
        try:
            return work()
        finally:
            self._pace.saw(size, time.perf_counter() - started, on_loop=True)

    async def _in_thread(self, work: Callable[[], T], slot: Slot, size: int, deadline: float) -> T:
        loop = asyncio.get_running_loop()
        running = self._pool.submit(self._timed, work, size)
        slot.kept = True
        running.add_done_callback(lambda _: loop.call_soon_threadsafe(slot.release))
        return await self._awaited(running, deadline)

    async def _awaited(self, running: Future[T], deadline: float) -> T:
        answer = asyncio.wrap_future(running)
        left = deadline - asyncio.get_running_loop().time()
        try:
            return await asyncio.wait_for(asyncio.shield(answer), max(left, 0.0))
        except TimeoutError:
            if running.done() and not running.cancelled():
                return running.result()
            running.cancel()
            answer.add_done_callback(_ignore)
            raise TooSlow(f"the model did not answer within {self.timeout:g} s") from None

    def _timed(self, work: Callable[[], T], size: int) -> T:
        started = time.thread_time()
        try:
            return work()
        finally:
            self._pace.saw(size, time.thread_time() - started, on_loop=False)


def _ignore(answer: asyncio.Future[T]) -> None:
    """Nobody waits for this any more; asking for its error keeps the loop from reporting it as lost."""
    if not answer.cancelled():
        answer.exception()
