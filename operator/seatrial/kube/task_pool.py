"""Tasks that are started once and run other code for short times.

When kopf ends it waits for every task that is younger than itself, and treats a failure of such a task as its own.
A pass therefore starts no tasks: what it does at the same time runs in tasks that are older than kopf.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Job(Generic[Result]):
    run: Callable[[], Awaitable[Result]]
    result: asyncio.Future[Result]


class TaskPool(Generic[Result]):
    """Runs jobs in those tasks that call `work`. Without any it takes no job."""

    def __init__(self) -> None:
        self._idle: deque[asyncio.Future[_Job[Result]]] = deque()

    async def work(self) -> None:
        """Run one job after the other until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            mine: asyncio.Future[_Job[Result]] = loop.create_future()
            self._idle.append(mine)
            await _run(await mine)

    def submit(self, run: Callable[[], Awaitable[Result]]) -> asyncio.Future[Result] | None:
        """Return the future result of `run`; None if no task is idle, and then nothing is run."""
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():  # a task that was cancelled while it waited left its future behind
                result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
                result.add_done_callback(_retrieve)
                idle.set_result(_Job(run, result))
                return result
        return None


async def _run(job: _Job[Result]) -> None:
    try:
        result = await job.run()
    except asyncio.CancelledError:
        job.result.cancel()
        raise
    except Exception as error:
        if not job.result.done():
            job.result.set_exception(error)
    except BaseException as error:
        if not job.result.done():
            job.result.set_exception(error)
        raise
    else:
        if not job.result.done():
            job.result.set_result(result)


def _retrieve(result: asyncio.Future[Result]) -> None:
    """Keep asyncio from logging the failure of a job whose submitter was cancelled."""
    if not result.cancelled():
        result.exception()
