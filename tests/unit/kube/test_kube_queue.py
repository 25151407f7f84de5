"""A key waits at most once, is worked on by one worker at a time, and is added again when it is due."""

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
    """Get the next key and mark it as done."""
    key = await queue.get()
    queue.done(key)
    return key


class TestAdd:
    async def test_keys_are_given_out_in_the_order_of_their_first_add(self, queue: KeyedQueue[str]) -> None:
        for key in "abc":
            queue.add(key)
        assert [await take(queue) for _ in range(3)] == ["a", "b", "c"]

    async def test_a_waiting_key_is_not_added_twice(self, queue: KeyedQueue[str]) -> None:
        queue.add("a")
        queue.add("a")
        assert queue.depth == 1

    async def test_an_added_key_wakes_a_worker(self, queue: KeyedQueue[str]) -> None:
        worker = asyncio.create_task(take(queue))
        await asyncio.sleep(1)
        queue.add("a")
        assert await worker == "a"

    async def test_several_keys_wake_as_many_workers(self, queue: KeyedQueue[str]) -> None:
        workers = [asyncio.create_task(take(queue)) for _ in range(3)]
        await asyncio.sleep(1)
        for key in "abc":
            queue.add(key)
        assert sorted(await asyncio.gather(*workers)) == ["a", "b", "c"]

    async def test_a_key_added_during_its_own_work_is_given_out_once_more(
        self, queue: KeyedQueue[str]
    ) -> None:
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

    async def test_two_workers_never_have_the_same_key(self, queue: KeyedQueue[str]) -> None:
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


class TestLanes:
    @pytest.fixture
    async def urgent(self) -> set[str]:
        return set("uvwxyz")

    @pytest.fixture
    async def queue(self, urgent: set[str]) -> KeyedQueue[str]:
        return KeyedQueue(is_urgent=lambda key: key in urgent)

    async def test_urgent_keys_are_given_out_first(self, queue: KeyedQueue[str]) -> None:
        for key in "abuv":
            queue.add(key)
        assert [await take(queue) for _ in range(4)] == ["u", "v", "a", "b"]

    async def test_after_four_urgent_keys_an_ordinary_one_has_its_turn(self, queue: KeyedQueue[str]) -> None:
        for key in "abuvwxyz":
            queue.add(key)
        assert "".join([await take(queue) for _ in range(8)]) == "uvwxayzb"

    async def test_a_waiting_key_that_becomes_urgent_goes_first(
        self, queue: KeyedQueue[str], urgent: set[str]
    ) -> None:
        for key in "abc":
            queue.add(key)
        urgent.add("c")
        queue.add("c")
        assert [await take(queue) for _ in range(3)] == ["c", "a", "b"]
        assert queue.idle

    async def test_a_key_that_becomes_urgent_during_its_work_is_urgent_afterwards(
        self, queue: KeyedQueue[str], urgent: set[str]
    ) -> None:
        queue.add("a")
        await queue.get()
        queue.add("b")
        queue.add("a")
        urgent.add("a")
        queue.done("a")
        assert await take(queue) == "a"

    async def test_a_worker_for_urgent_keys_gets_no_other(self, queue: KeyedQueue[str]) -> None:
        reserved = asyncio.create_task(queue.get(urgent_only=True))
        queue.add("a")
        await asyncio.sleep(1)
        assert not reserved.done()
        assert await take(queue) == "a"
        queue.add("u")
        assert await reserved == "u"


class TestSchedule:
    async def test_a_scheduled_key_is_added_after_its_delay(self, queue: KeyedQueue[str]) -> None:
        queue.add_after("a", 5)
        assert (await queue.get(), now()) == ("a", 5)

    async def test_the_earliest_of_several_schedules_counts(self, queue: KeyedQueue[str]) -> None:
        for delay in (9, 3, 6):
            queue.add_after("a", delay)
        assert (await take(queue), now()) == ("a", 3)
        await asyncio.sleep(20)
        assert queue.depth == 0

    async def test_a_time_in_the_past_adds_the_key_now(self, queue: KeyedQueue[str]) -> None:
        await asyncio.sleep(5)
        queue.add_at("a", 2)
        assert queue.depth == 1

    async def test_a_timer_that_fires_during_the_work_adds_the_key_again(
        self, queue: KeyedQueue[str]
    ) -> None:
        queue.add("a")
        await queue.get()
        queue.add_after("a", 1)
        await asyncio.sleep(2)
        queue.done("a")
        assert await take(queue) == "a"

    async def test_a_cancelled_schedule_adds_nothing(self, queue: KeyedQueue[str]) -> None:
        queue.add_after("a", 1)
        queue.cancel("a")
        await asyncio.sleep(2)
        assert (queue.depth, queue.scheduled) == (0, 0)

    async def test_the_oldest_age_is_that_of_the_key_waiting_longest(self, queue: KeyedQueue[str]) -> None:
        queue.add("a")
        await asyncio.sleep(3)
        queue.add("b")
        await asyncio.sleep(4)
        assert queue.oldest_age() == 7
        await take(queue)
        assert queue.oldest_age() == 4
        await take(queue)
        assert queue.oldest_age() == 0

    async def test_reset_ages_counts_from_now_and_keeps_the_order(self, queue: KeyedQueue[str]) -> None:
        for key in "ab":
            queue.add(key)
            await asyncio.sleep(500)
        queue.reset_ages()
        await asyncio.sleep(3)
        assert queue.oldest_age() == 3
        assert [await take(queue), await take(queue)] == ["a", "b"], "the order is that of the first add"


class TestClose:
    async def test_a_closed_queue_gives_out_no_key(self, queue: KeyedQueue[str]) -> None:
        await queue.close()
        queue.add("a")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(queue.get(), 60)
        assert queue.depth == 1

    async def test_a_worker_that_waits_gets_no_key_after_close(self, queue: KeyedQueue[str]) -> None:
        worker = asyncio.create_task(take(queue))
        await asyncio.sleep(1)
        await queue.close()
        queue.add("a")
        await asyncio.sleep(60)
        assert not worker.done()
        worker.cancel()

    async def test_close_waits_until_all_work_is_done(self, queue: KeyedQueue[str]) -> None:
        for key in "ab":
            queue.add(key)
            await queue.get()
        loop = asyncio.get_running_loop()
        loop.call_later(2, queue.done, "a")
        loop.call_later(3, queue.done, "b")
        await queue.close()
        assert now() == 3

    async def test_close_does_not_wait_for_keys_added_again(self, queue: KeyedQueue[str]) -> None:
        queue.add("a")
        await queue.get()
        queue.add("a")
        asyncio.get_running_loop().call_later(2, queue.done, "a")
        await queue.close()
        assert (now(), queue.depth) == (2, 1)


class TestRetry:
    async def test_the_back_off_doubles_up_to_its_limit(self, queue: KeyedQueue[str]) -> None:
        assert [queue.retry("a") for _ in range(6)] == [1, 2, 4, 8, 8, 8]

    async def test_forget_resets_the_back_off(self, queue: KeyedQueue[str]) -> None:
        queue.retry("a")
        queue.retry("a")
        queue.forget("a")
        assert queue.retries("a") == 0
        assert queue.retry("a") == 1

    async def test_a_requested_delay_of_a_day_is_limited_to_a_minute(self, queue: KeyedQueue[str]) -> None:
        assert [queue.retry(key, after=after) for key, after in (("a", 86400.0), ("b", float("inf")))] == [
            60,
            60,
        ]

    async def test_a_requested_delay_is_honoured(self, queue: KeyedQueue[str]) -> None:
        queue.retry("a", after=30)
        assert (await queue.get(), now()) == ("a", 30)

    async def test_a_short_requested_delay_does_not_shorten_the_back_off(
        self, queue: KeyedQueue[str]
    ) -> None:
        assert [queue.retry("a", after=3) for _ in range(5)] == [3, 3, 4, 8, 8]

    async def test_equal_requested_delays_are_spread_by_jitter(self) -> None:
        numbers = iter((0.0, 0.5, 1.0))
        queue: KeyedQueue[str] = KeyedQueue(jitter=lambda: next(numbers))
        assert [queue.retry(key, after=20) for key in "abc"] == [20, 21, 22]

    async def test_each_key_has_its_own_back_off(self, queue: KeyedQueue[str]) -> None:
        queue.retry("a")
        assert queue.retry("b") == 1

    async def test_the_back_off_is_spread_by_jitter(self) -> None:
        queue: KeyedQueue[str] = KeyedQueue(first_retry=10, jitter=lambda: 1.0)
        assert queue.retry("a") == pytest.approx(11)

    async def test_thousands_of_retries_do_not_overflow(self, queue: KeyedQueue[str]) -> None:
        for _ in range(3000):
            delay = queue.retry("a")
        assert delay == 8
