"""Each key waits once, is worked on once at a time, and comes back when it asked to."""

from __future__ import annotations

import asyncio

import pytest

from seatrial.kube.queue import KeyedQueue

pytestmark = pytest.mark.looptime


@pytest.fixture
async def queue() -> KeyedQueue[str]:
    return KeyedQueue(first_retry=1.0, last_retry=8.0, jitter=lambda: 0.0)


def now() -> float:
    return asyncio.get_running_loop().time()


async def take(queue: KeyedQueue[str]) -> str:
    """The next key, worked on and done."""
    key = await queue.get()
    queue.done(key)
    return key


class TestAdding:
    async def test_keeps_the_order(self, queue: KeyedQueue[str]) -> None:
        for key in "abc":
            queue.add(key)
        assert [await take(queue) for _ in range(3)] == ["a", "b", "c"]

    async def test_twice_is_once(self, queue: KeyedQueue[str]) -> None:
        queue.add("a")
        queue.add("a")
        assert queue.depth == 1

    async def test_wakes_a_worker(self, queue: KeyedQueue[str]) -> None:
        worker = asyncio.create_task(take(queue))
        await asyncio.sleep(1)
        queue.add("a")
        assert await worker == "a"

    async def test_wakes_as_many_workers_as_there_are_keys(self, queue: KeyedQueue[str]) -> None:
        workers = [asyncio.create_task(take(queue)) for _ in range(3)]
        await asyncio.sleep(1)
        for key in "abc":
            queue.add(key)
        assert sorted(await asyncio.gather(*workers)) == ["a", "b", "c"]

    async def test_while_worked_on_brings_it_back_once_after(self, queue: KeyedQueue[str]) -> None:
        queue.add("a")
        assert await queue.get() == "a"
        queue.add("a")
        queue.add("a")
        queue.add("b")
        assert await queue.get() == "b"
        queue.done("a")
        assert await queue.get() == "a"
        queue.done("a")
        assert queue.depth == 0

    async def test_never_gives_one_key_to_two_workers(self, queue: KeyedQueue[str]) -> None:
        working: set[str] = set()

        async def work() -> None:
            while True:
                key = await queue.get()
                assert key not in working
                working.add(key)
                await asyncio.sleep(0.5)
                working.remove(key)
                queue.done(key)

        workers = [asyncio.create_task(work()) for _ in range(4)]
        for step in range(40):
            queue.add("ab"[step % 2])
            await asyncio.sleep(0.1)
        await asyncio.sleep(2)
        assert not any(worker.done() for worker in workers)
        assert queue.idle
        for worker in workers:
            worker.cancel()


class TestTime:
    async def test_later_is_later(self, queue: KeyedQueue[str]) -> None:
        queue.add_after("a", 5)
        assert (await queue.get(), now()) == ("a", 5)

    async def test_the_earliest_wish_counts(self, queue: KeyedQueue[str]) -> None:
        for delay in (9, 3, 6):
            queue.add_after("a", delay)
        assert (await take(queue), now()) == ("a", 3)
        await asyncio.sleep(20)
        assert queue.depth == 0

    async def test_a_time_in_the_past_is_now(self, queue: KeyedQueue[str]) -> None:
        await asyncio.sleep(5)
        queue.add_at("a", 2)
        assert queue.depth == 1

    async def test_an_alarm_while_worked_on_brings_it_back(self, queue: KeyedQueue[str]) -> None:
        queue.add("a")
        await queue.get()
        queue.add_after("a", 1)
        await asyncio.sleep(2)
        queue.done("a")
        assert await take(queue) == "a"

    async def test_a_cancelled_wish_is_none(self, queue: KeyedQueue[str]) -> None:
        queue.add_after("a", 1)
        queue.cancel("a")
        await asyncio.sleep(2)
        assert (queue.depth, queue.scheduled) == (0, 0)

    async def test_the_oldest_age_is_of_who_waits(self, queue: KeyedQueue[str]) -> None:
        queue.add("a")
        await asyncio.sleep(3)
        queue.add("b")
        await asyncio.sleep(4)
        assert queue.oldest_age() == 7
        await take(queue)
        assert queue.oldest_age() == 4
        await take(queue)
        assert queue.oldest_age() == 0

    async def test_who_waited_while_nobody_could_work_has_not_waited(self, queue: KeyedQueue[str]) -> None:
        for key in "ab":
            queue.add(key)
            await asyncio.sleep(500)
        queue.reset_ages()
        await asyncio.sleep(3)
        assert queue.oldest_age() == 3
        assert [await take(queue), await take(queue)] == ["a", "b"], "in the order in which they came"


class TestEnding:
    async def test_gives_out_nothing_more(self, queue: KeyedQueue[str]) -> None:
        await queue.close()
        queue.add("a")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(queue.get(), 60)
        assert queue.depth == 1

    async def test_takes_the_key_from_under_nobody_who_waits(self, queue: KeyedQueue[str]) -> None:
        worker = asyncio.create_task(take(queue))
        await asyncio.sleep(1)
        await queue.close()
        queue.add("a")
        await asyncio.sleep(60)
        assert not worker.done()
        worker.cancel()

    async def test_waits_for_everything_that_has_begun(self, queue: KeyedQueue[str]) -> None:
        for key in "ab":
            queue.add(key)
            await queue.get()
        loop = asyncio.get_running_loop()
        loop.call_later(2, queue.done, "a")
        loop.call_later(3, queue.done, "b")
        await queue.close()
        assert now() == 3

    async def test_does_not_wait_for_what_comes_back(self, queue: KeyedQueue[str]) -> None:
        queue.add("a")
        await queue.get()
        queue.add("a")
        asyncio.get_running_loop().call_later(2, queue.done, "a")
        await queue.close()
        assert (now(), queue.depth) == (2, 1)


class TestRetrying:
    async def test_backs_off_to_the_cap(self, queue: KeyedQueue[str]) -> None:
        assert [queue.retry("a") for _ in range(6)] == [1, 2, 4, 8, 8, 8]

    async def test_starts_again_when_forgotten(self, queue: KeyedQueue[str]) -> None:
        queue.retry("a")
        queue.retry("a")
        queue.forget("a")
        assert queue.retries("a") == 0
        assert queue.retry("a") == 1

    async def test_waits_no_day_although_a_proxy_asks_for_it(self, queue: KeyedQueue[str]) -> None:
        assert [queue.retry(key, after=after) for key, after in (("a", 86400.0), ("b", float("inf")))] == [
            60,
            60,
        ]

    async def test_obeys_a_wish(self, queue: KeyedQueue[str]) -> None:
        queue.retry("a", after=30)
        assert (await queue.get(), now()) == ("a", 30)

    async def test_does_not_come_more_often_than_it_backs_off_because_of_a_wish(
        self, queue: KeyedQueue[str]
    ) -> None:
        assert [queue.retry("a", after=3) for _ in range(5)] == [3, 3, 4, 8, 8]

    async def test_a_wish_of_many_is_spread(self) -> None:
        numbers = iter((0.0, 0.5, 1.0))
        queue: KeyedQueue[str] = KeyedQueue(jitter=lambda: next(numbers))
        assert [queue.retry(key, after=20) for key in "abc"] == [20, 21, 22]

    async def test_backs_off_for_each_key_by_itself(self, queue: KeyedQueue[str]) -> None:
        queue.retry("a")
        assert queue.retry("b") == 1

    async def test_is_spread(self) -> None:
        queue: KeyedQueue[str] = KeyedQueue(first_retry=10, jitter=lambda: 1.0)
        assert queue.retry("a") == pytest.approx(11)

    async def test_survives_thousands_of_failures(self, queue: KeyedQueue[str]) -> None:
        for _ in range(3000):
            delay = queue.retry("a")
        assert delay == 8
