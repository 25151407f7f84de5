"""One token bucket for all requests, and pauses after a 429."""

from __future__ import annotations

import asyncio

import pytest

from seatrial.kube import failures
from seatrial.kube.concurrency import ConcurrencyLimit
from seatrial.kube.limiter import LONGEST_PAUSE, Limiter, priority

pytestmark = pytest.mark.looptime


def limiter(rate: float = 10, burst: int = 5) -> Limiter:
    return Limiter(asyncio.get_running_loop().time, rate=rate, burst=burst)


def now() -> float:
    return asyncio.get_running_loop().time()


class TestLimiter:
    async def test_a_burst_passes_at_once(self) -> None:
        bucket = limiter()
        for _ in range(5):
            await bucket.acquire()
        assert now() == 0

    async def test_after_the_burst_requests_pass_at_the_rate(self) -> None:
        bucket = limiter()
        for _ in range(25):
            await bucket.acquire()
        assert now() == pytest.approx(2.0, abs=0.01)

    async def test_unused_tokens_accumulate_up_to_the_burst(self) -> None:
        bucket = limiter()
        for _ in range(5):
            await bucket.acquire()
        await asyncio.sleep(100)
        began = now()
        for _ in range(6):
            await bucket.acquire()
        assert now() - began == pytest.approx(0.1, abs=0.01)

    async def test_requests_pass_in_the_order_of_arrival(self) -> None:
        bucket = limiter(rate=1, burst=1)
        served: list[int] = []

        async def request(number: int) -> None:
            await bucket.acquire()
            served.append(number)

        await asyncio.gather(*(request(number) for number in range(5)))
        assert served == [0, 1, 2, 3, 4]
        assert now() == pytest.approx(4, abs=0.01)

    async def test_a_pause_delays_every_request(self) -> None:
        bucket = limiter()
        bucket.pause(7)
        await bucket.acquire()
        assert now() == pytest.approx(7, abs=0.01)

    async def test_a_pause_delays_requests_that_wait_already(self) -> None:
        bucket = limiter(rate=1, burst=1)
        await bucket.acquire()
        waiting = asyncio.create_task(bucket.acquire())
        await asyncio.sleep(0.5)
        bucket.pause(10)
        await waiting
        assert now() == pytest.approx(10.5, abs=0.01)

    async def test_a_shorter_pause_does_not_end_a_longer_one(self) -> None:
        bucket = limiter()
        bucket.pause(7)
        bucket.pause(1)
        await bucket.acquire()
        assert now() == pytest.approx(7, abs=0.01)


class TestPauses:
    async def test_a_requested_pause_of_a_day_is_limited(self) -> None:
        bucket = limiter()
        bucket.pause(86_400)
        await bucket.acquire()
        assert now() == pytest.approx(LONGEST_PAUSE, abs=0.01)

    async def test_the_longest_pause_is_configurable(self) -> None:
        bucket = Limiter(asyncio.get_running_loop().time, longest_pause=2)
        bucket.pause(30)
        await bucket.acquire()
        assert now() == pytest.approx(2, abs=0.01)

    async def test_a_pause_longer_than_the_longest_wait_fails_at_once_with_the_time_left(self) -> None:
        bucket = limiter()
        bucket.pause(12)
        await asyncio.sleep(2)
        with pytest.raises(failures.Paused) as raised:
            await bucket.acquire(longest_wait=5)
        assert (now(), raised.value.retry_after) == (2, 10)

    async def test_a_pause_within_the_longest_wait_is_waited_for(self) -> None:
        bucket = limiter()
        bucket.pause(5)
        await bucket.acquire(longest_wait=5)
        assert now() == pytest.approx(5, abs=0.01)

    async def test_a_long_pause_that_begins_during_the_wait_fails_the_request(self) -> None:
        bucket = limiter(rate=1, burst=1)
        await bucket.acquire()
        waiting = asyncio.create_task(bucket.acquire(longest_wait=5))
        await asyncio.sleep(0.5)
        bucket.pause(20)
        with pytest.raises(failures.Paused):
            await waiting
        assert now() == pytest.approx(1, abs=0.01)

    async def test_a_pause_that_is_extended_during_the_wait_fails_the_request(self) -> None:
        bucket = limiter()
        bucket.pause(4)
        waiting = asyncio.create_task(bucket.acquire(longest_wait=5))
        await asyncio.sleep(3)
        bucket.pause(30)
        with pytest.raises(failures.Paused):
            await waiting
        assert now() == pytest.approx(4, abs=0.01)

    async def test_requests_that_fail_use_no_token(self) -> None:
        bucket = limiter(rate=1, burst=1)
        bucket.pause(10)
        for _ in range(50):
            with pytest.raises(failures.Paused):
                await bucket.acquire(longest_wait=1)
        await bucket.acquire()
        assert now() == pytest.approx(10, abs=0.01)

    async def test_waiting_for_a_token_is_not_limited_by_the_longest_wait(self) -> None:
        bucket = limiter(rate=0.1, burst=1)
        await bucket.acquire()
        await bucket.acquire(longest_wait=1)
        assert now() == pytest.approx(10, abs=0.01)


class TestPriority:
    async def test_an_urgent_request_does_not_wait_behind_those_that_came_before(self) -> None:
        bucket = limiter(rate=1, burst=4)
        waiting = [asyncio.create_task(bucket.acquire()) for _ in range(20)]
        await asyncio.sleep(0.1)
        with priority(urgent=True):
            await bucket.acquire()
        assert now() == pytest.approx(0.1, abs=0.01)
        await asyncio.gather(*waiting)

    async def test_urgent_requests_beyond_their_share_keep_the_rate(self) -> None:
        bucket = limiter(rate=4, burst=4)
        with priority(urgent=True):
            for _ in range(13):
                await bucket.acquire()
        assert now() >= 2.0

    async def test_an_urgent_request_waits_for_the_end_of_a_pause(self) -> None:
        bucket = limiter()
        bucket.pause(3)
        with priority(urgent=True):
            await bucket.acquire()
        assert now() == pytest.approx(3, abs=0.01)

    async def test_urgency_ends_with_its_block_and_reaches_the_tasks_that_it_starts(self) -> None:
        bucket = limiter(rate=1, burst=1)
        await bucket.acquire()
        with priority(urgent=True):
            inside = asyncio.create_task(bucket.acquire())
        outside = asyncio.create_task(bucket.acquire())
        await inside
        assert now() == 0
        await outside
        assert now() == pytest.approx(2, abs=0.01)


class TestInFlight:
    async def test_answers_of_an_overloaded_server_lower_the_number_of_requests_in_flight(self) -> None:
        limit = ConcurrencyLimit(first=20)
        bucket = Limiter(asyncio.get_running_loop().time, concurrency=limit)
        for error, expected in (
            (failures.NotFound(404, "NotFound"), 20),
            (failures.Unavailable(0, "NetworkError"), 20),
            (failures.Unavailable(500, "InternalError"), 20),
            (failures.TooManyRequests(429, "TooManyRequests"), 10),
            (failures.Unavailable(504, "Timeout"), 8),
        ):
            await asyncio.sleep(1)
            with pytest.raises(type(error)):
                await self._failing(bucket, error)
            assert limit.value == expected

    @staticmethod
    async def _failing(bucket: Limiter, error: failures.ApiError) -> None:
        async with bucket.in_flight("create Service"):
            await asyncio.sleep(0.1)
            raise error

    async def test_a_request_that_is_refused_by_a_pause_leaves_its_place(self) -> None:
        bucket = Limiter(asyncio.get_running_loop().time, concurrency=ConcurrencyLimit(first=1, fewest=1))
        bucket.pause(10)
        for _ in range(3):
            with pytest.raises(failures.Paused):
                await self._sent(bucket)
        await asyncio.sleep(10)
        await self._sent(bucket)

    @staticmethod
    async def _sent(bucket: Limiter) -> None:
        async with bucket.in_flight("create Service", longest_wait=1):
            pass
