"""Run predictions with limits of concurrency and time: short ones on the event loop, the others in threads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from model_runtime.server.errors import LimitReached, PredictionTimeout

T = TypeVar("T")
BODIES_PER_PREDICTION: Final = 16
"""How many bodies may be in transfer for each allowed prediction: slow senders must not block fast ones."""

SHORT: Final = 0.005
"""Seconds that a prediction may block all other requests and probes: a thread would cost them more."""
STRIKES: Final = 3
_WEIGHT: Final = 0.2


@dataclass(slots=True)
class _Duration:
    seconds: float
    strikes: int = 0


@dataclass(slots=True)
class Durations:
    """The mean duration of predictions, for each body size in powers of two.

    A size without a duration runs in a thread first. A size that took long on the event loop three times in a row
    stays in threads: there it appears faster than it is, because frameworks use threads of their own.
    """

    _by_size: dict[int, _Duration] = field(default_factory=dict)

    def is_short(self, size: int) -> bool:
        """Return whether a prediction of this size may run on the event loop."""
        duration = self._by_size.get(size.bit_length())
        return duration is not None and duration.seconds <= SHORT and duration.strikes < STRIKES

    def record(self, size: int, seconds: float, *, on_loop: bool) -> None:
        """Include the duration of one prediction in the mean of its size."""
        duration = self._by_size.get(size.bit_length())
        if duration is None:
            self._by_size[size.bit_length()] = _Duration(seconds)
            return
        duration.seconds += (seconds - duration.seconds) * _WEIGHT
        if on_loop and duration.strikes < STRIKES:
            duration.strikes = duration.strikes + 1 if seconds > SHORT else 0


class PredictionSlot:
    """The right to run one prediction; it lasts until the work ends, even when its client has given up."""

    __slots__ = ("_executor", "detached")

    def __init__(self, executor: Executor[Any]) -> None:
        self._executor = executor
        self.detached = False
        """A thread releases the slot, not the request."""

    def __enter__(self) -> PredictionSlot:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.detached:
            self.release()

    def release(self) -> None:
        """Allow one more prediction."""
        self._executor.running -= 1


class BodySlot:
    """The right to send one body."""

    __slots__ = ("_executor",)

    def __init__(self, executor: Executor[Any]) -> None:
        self._executor = executor

    def __enter__(self) -> None:
        self._executor.receiving += 1

    def __exit__(self, *_: object) -> None:
        self._executor.receiving -= 1


class Executor(Generic[T]):
    """Runs all predictions of the process."""

    def __init__(self, *, concurrency: int, timeout: float, threads: int) -> None:
        self.concurrency = concurrency
        self.timeout = timeout
        self.running = 0
        self.receiving = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="predict")
        self._durations = Durations()

    def body_slot(self) -> BodySlot:
        """Return the right to send a body; `LimitReached` when its prediction could not run, or too many are sent."""
        self._require_free()
        limit = self.concurrency * BODIES_PER_PREDICTION
        if self.receiving >= limit:
            raise LimitReached(f"limit reached: the bodies of {limit} requests are in transfer; retry later")
        return BodySlot(self)

    def _require_free(self) -> None:
        if self.running >= self.concurrency:
            raise LimitReached(f"limit reached: {self.concurrency} predictions are running; retry later")

    def prediction_slot(self) -> PredictionSlot:
        """Return the right to run one prediction; `LimitReached` when all slots are taken."""
        self._require_free()
        self.running += 1
        return PredictionSlot(self)

    def deadline(self) -> float:
        """Return when a request that starts now must have its response, by the clock of the event loop."""
        return asyncio.get_running_loop().time() + self.timeout

    async def run(self, work: Callable[[], T], slot: PredictionSlot, *, size: int, deadline: float) -> T:
        """Return what `work` returns; `PredictionTimeout` when it is not done by the deadline. `size` is the body's."""
        if not self._durations.is_short(size):
            return await self._in_thread(work, slot, size, deadline)
        started = time.perf_counter()
        try:
            return work()
        finally:
            self._durations.record(size, time.perf_counter() - started, on_loop=True)

    async def _in_thread(self, work: Callable[[], T], slot: PredictionSlot, size: int, deadline: float) -> T:
        loop = asyncio.get_running_loop()
        running = self._pool.submit(self._timed, work, size)
        slot.detached = True
        running.add_done_callback(lambda _: loop.call_soon_threadsafe(slot.release))
        return await self._result(running, deadline)

    async def _result(self, running: Future[T], deadline: float) -> T:
        result = asyncio.wrap_future(running)
        remaining = deadline - asyncio.get_running_loop().time()
        try:
            return await asyncio.wait_for(asyncio.shield(result), max(remaining, 0.0))
        except TimeoutError:
            if running.done() and not running.cancelled():
                return running.result()
            running.cancel()
            result.add_done_callback(_ignore)
            raise PredictionTimeout(f"the model did not respond within {self.timeout:g} s") from None

    def _timed(self, work: Callable[[], T], size: int) -> T:
        started = time.thread_time()
        try:
            return work()
        finally:
            self._durations.record(size, time.thread_time() - started, on_loop=False)


def _ignore(result: asyncio.Future[T]) -> None:
    """Retrieve the error of an abandoned result, so that the event loop does not report it."""
    if not result.cancelled():
        result.exception()
