"""Tasks that are older than kopf run jobs for passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from seatrial.kube.task_pool import TaskPool

pytestmark = pytest.mark.looptime


@pytest.fixture
async def pool() -> AsyncIterator[TaskPool[int]]:
    """Return a pool of one task."""
    pool: TaskPool[int] = TaskPool()
    task = asyncio.create_task(pool.work())
    await asyncio.sleep(0)
    yield pool
    task.cancel()


async def number(seconds: float = 1.0) -> int:
    """Return a number after some time."""
    await asyncio.sleep(seconds)
    return 7


async def fail() -> int:
    """Fail after some time."""
    await asyncio.sleep(1)
    raise LookupError("why")


async def test_a_pool_without_tasks_takes_no_job() -> None:
    assert TaskPool[int]().submit(number) is None


async def test_an_idle_task_runs_a_job_and_a_busy_one_takes_no_other(pool: TaskPool[int]) -> None:
    result = pool.submit(number)
    assert pool.submit(number) is None
    assert result is not None
    assert await result == 7
    assert pool.submit(number) is not None


async def test_the_failure_of_a_job_is_its_result_and_the_task_goes_on(pool: TaskPool[int]) -> None:
    result = pool.submit(fail)
    assert result is not None
    with pytest.raises(LookupError):
        await result
    again = pool.submit(number)
    assert again is not None
    assert await again == 7


async def test_a_job_that_nobody_waits_for_any_more_is_completed(pool: TaskPool[int]) -> None:
    result = pool.submit(fail)
    assert result is not None
    result.cancel()
    await asyncio.sleep(2)
    assert pool.submit(number) is not None


async def test_a_cancelled_task_cancels_its_job_and_takes_no_other() -> None:
    pool: TaskPool[int] = TaskPool()
    busy, idle = (asyncio.create_task(pool.work()) for _ in range(2))
    await asyncio.sleep(0)
    result = pool.submit(number)
    idle.cancel()
    await asyncio.sleep(0)
    assert pool.submit(number) is None
    busy.cancel()
    await asyncio.sleep(0.1)
    assert result is not None
    assert result.cancelled()
