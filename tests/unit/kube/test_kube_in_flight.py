"""Requests wait for a place; urgent ones go first and have a reserve, and no place is lost."""

from __future__ import annotations

import asyncio

import pytest

from seatrial.kube.concurrency import ConcurrencyLimit
from seatrial.kube.in_flight import InFlight

pytestmark = pytest.mark.looptime
LIMIT, RESERVE = 4, 2


class Places:
    """Requests that enter, and the order in which they did."""

    def __init__(self) -> None:
        self.places = InFlight(ConcurrencyLimit(first=LIMIT, fewest=1))
        self.entered: list[str] = []

    async def ask(self, *names: str, urgent: bool = False) -> list[asyncio.Task[None]]:
        """Let requests enter as far as there is room."""
        tasks = [asyncio.create_task(self._enter(name, urgent=urgent)) for name in names]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return tasks

    async def leave(self) -> None:
        self.places.leave()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _enter(self, name: str, *, urgent: bool) -> None:
        await self.places.enter(urgent=urgent)
        self.entered.append(name)


@pytest.fixture
async def full() -> Places:
    places = Places()
    await places.ask("a", "b", "c", "d")
    return places


async def test_requests_above_the_limit_wait_in_the_order_of_arrival(full: Places) -> None:
    await full.ask("e", "f")
    assert full.entered == ["a", "b", "c", "d"]
    await full.leave()
    await full.leave()
    assert full.entered[4:] == ["e", "f"]


async def test_urgent_requests_use_the_reserve(full: Places) -> None:
    await full.ask("u", "v", "w", urgent=True)
    assert full.entered[4:] == ["u", "v"]


async def test_urgent_requests_go_before_ordinary_ones_that_came_earlier(full: Places) -> None:
    await full.ask("e")
    await full.ask("u", "v", "w", urgent=True)
    for _ in range(2):
        await full.leave()
    assert full.entered[4:] == ["u", "v", "w"]
    for _ in range(2):
        await full.leave()
    assert full.entered[-1] == "e"


async def test_a_request_that_is_cancelled_while_it_waits_takes_no_place(full: Places) -> None:
    (waiting,) = await full.ask("e")
    waiting.cancel()
    await full.leave()
    await full.ask("f")
    assert (full.entered[4:], full.places.count) == (["f"], LIMIT)


async def test_a_request_that_is_cancelled_as_it_gets_its_place_passes_it_on(full: Places) -> None:
    waiting, _ = await full.ask("e", "f")
    full.places.leave()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.sleep(0)
    assert (full.entered[4:], full.places.count) == (["f"], LIMIT)
