"""One bucket for all requests, emptied by a server that says 429."""

from __future__ import annotations

import asyncio

import pytest

from seatrial.kube.limiter import Limiter

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
        bucket.hold_off(7)
        await bucket.acquire()
        assert now() == pytest.approx(7, abs=0.01)

    async def test_holds_off_those_who_wait_already(self) -> None:
        bucket = limiter(rate=1, burst=1)
        await bucket.acquire()
        waiting = asyncio.create_task(bucket.acquire())
        await asyncio.sleep(0.5)
        bucket.hold_off(10)
        await waiting
        assert now() == pytest.approx(10.5, abs=0.01)

    async def test_a_shorter_hold_does_not_end_a_longer_one(self) -> None:
        bucket = limiter()
        bucket.hold_off(7)
        bucket.hold_off(1)
        await bucket.acquire()
        assert now() == pytest.approx(7, abs=0.01)
