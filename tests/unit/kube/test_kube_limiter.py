"""One bucket for all requests, emptied by a server that says 429."""

from __future__ import annotations

import asyncio

import pytest

from seatrial.kube import failures
from seatrial.kube.limiter import LONGEST_PAUSE, Limiter

pytestmark = pytest.mark.looptime


def limiter(rate: float = 10, burst: int = 5) -> Limiter:
    return Limiter(asyncio.get_running_loop().time, rate=rate, burst=burst)


def now() -> float:
    return asyncio.get_running_loop().time()


class TestLimiter:
    async def test_lets_a_burst_through(self) -> None:
        bucket = limiter()
        for _ in range(5):
            await bucket.acquire()
        assert now() == 0

    async def test_lets_the_rate_through_after_it(self) -> None:
        bucket = limiter()
        for _ in range(25):
            await bucket.acquire()
        assert now() == pytest.approx(2.0, abs=0.01)

    async def test_fills_up_while_nobody_asks_but_no_further(self) -> None:
        bucket = limiter()
        for _ in range(5):
            await bucket.acquire()
        await asyncio.sleep(100)
        began = now()
        for _ in range(6):
            await bucket.acquire()
        assert now() - began == pytest.approx(0.1, abs=0.01)

    async def test_serves_in_the_order_of_asking(self) -> None:
        bucket = limiter(rate=1, burst=1)
        served: list[int] = []

        async def ask(number: int) -> None:
            await bucket.acquire()
            served.append(number)

        await asyncio.gather(*(ask(number) for number in range(5)))
        assert served == [0, 1, 2, 3, 4]
        assert now() == pytest.approx(4, abs=0.01)

    async def test_holds_everybody_off_when_told(self) -> None:
        bucket = limiter()
        bucket.pause(7)
        await bucket.acquire()
        assert now() == pytest.approx(7, abs=0.01)

    async def test_holds_off_those_who_wait_already(self) -> None:
        bucket = limiter(rate=1, burst=1)
        await bucket.acquire()
        waiting = asyncio.create_task(bucket.acquire())
        await asyncio.sleep(0.5)
        bucket.pause(10)
        await waiting
        assert now() == pytest.approx(10.5, abs=0.01)

    async def test_a_shorter_hold_does_not_end_a_longer_one(self) -> None:
        bucket = limiter()
        bucket.pause(7)
        bucket.pause(1)
        await bucket.acquire()
        assert now() == pytest.approx(7, abs=0.01)


class TestPauses:
    async def test_no_wish_is_obeyed_for_longer_than_a_server_ever_means(self) -> None:
        bucket = limiter()
        bucket.pause(86_400)
        await bucket.acquire()
        assert now() == pytest.approx(LONGEST_PAUSE, abs=0.01)

    async def test_may_be_bounded_by_who_cannot_wait_so_long(self) -> None:
        bucket = Limiter(asyncio.get_running_loop().time, longest_pause=2)
        bucket.pause(30)
        await bucket.acquire()
        assert now() == pytest.approx(2, abs=0.01)

    async def test_one_that_outlasts_the_patience_fails_at_once_and_says_when_to_come(self) -> None:
        bucket = limiter()
        bucket.pause(12)
        await asyncio.sleep(2)
        with pytest.raises(failures.Paused) as raised:
            await bucket.acquire(longest_wait=5)
        assert (now(), raised.value.retry_after) == (2, 10)

    async def test_one_within_the_patience_is_waited_for(self) -> None:
        bucket = limiter()
        bucket.pause(5)
        await bucket.acquire(longest_wait=5)
        assert now() == pytest.approx(5, abs=0.01)

    async def test_one_that_begins_while_it_waits_its_turn_fails_then(self) -> None:
        bucket = limiter(rate=1, burst=1)
        await bucket.acquire()
        waiting = asyncio.create_task(bucket.acquire(longest_wait=5))
        await asyncio.sleep(0.5)
        bucket.pause(20)
        with pytest.raises(failures.Paused):
            await waiting
        assert now() == pytest.approx(1, abs=0.01)

    async def test_one_that_grows_while_it_is_waited_for_is_measured_again(self) -> None:
        bucket = limiter()
        bucket.pause(4)
        waiting = asyncio.create_task(bucket.acquire(longest_wait=5))
        await asyncio.sleep(3)
        bucket.pause(30)
        with pytest.raises(failures.Paused):
            await waiting
        assert now() == pytest.approx(4, abs=0.01)

    async def test_those_that_fail_take_nobody_s_turn(self) -> None:
        bucket = limiter(rate=1, burst=1)
        bucket.pause(10)
        for _ in range(50):
            with pytest.raises(failures.Paused):
                await bucket.acquire(longest_wait=1)
        await bucket.acquire()
        assert now() == pytest.approx(10, abs=0.01)

    async def test_a_slow_rate_is_no_pause(self) -> None:
        bucket = limiter(rate=0.1, burst=1)
        await bucket.acquire()
        await bucket.acquire(longest_wait=1)
        assert now() == pytest.approx(10, abs=0.01)
