"""The sampler reads pods in its own rhythm; nothing that one pod answers keeps it from reading the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from seatrial.api.metadata import Key
from seatrial.kube.pod_metrics import Endpoint, Fetch, Unreadable
from seatrial.kube.sampler import MOST_AT_ONCE, Sampler
from tests.unit.observation.test_pod_metrics import TEXT

pytestmark = pytest.mark.looptime
KEY = Key("shop", "churn")
START = datetime(2026, 1, 1, tzinfo=UTC)


def pod(name: str, *, revision: str = "a") -> Endpoint:
    return Endpoint("shop", name, f"uid-{name}", "10.0.0.1", revision)


@asynccontextmanager
async def running(fetch: Fetch, woken: list[Key] | None = None) -> AsyncIterator[Sampler]:
    clock = asyncio.get_running_loop().time
    keys = [] if woken is None else woken
    sampler = Sampler(fetch, keys.append, now=lambda: START + timedelta(seconds=clock()), clock=clock)
    task = asyncio.create_task(sampler.run())
    try:
        yield sampler
        assert not task.done(), "the sampler has ended"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_pods_are_read_at_once_and_then_every_interval() -> None:
    woken: list[Key] = []

    async def fetch(_endpoint: Endpoint) -> str:
        return TEXT

    async with running(fetch, woken) as sampler:
        sampler.watch(KEY, [pod("one")], interval=10)
        await asyncio.sleep(0.1)
        assert woken == [KEY]
        assert [s.pod for s in sampler.watch(KEY, [pod("one")], interval=10).pods] == ["uid-one"]
        await asyncio.sleep(60)
        assert 6 <= len(woken) <= 8
        sampler.forget(KEY)
        await asyncio.sleep(60)
        assert len(woken) <= 8


async def test_a_pod_that_cannot_be_read_three_times_is_an_error_of_its_revision() -> None:
    async def fetch(endpoint: Endpoint) -> str:
        if endpoint.name == "dark":
            raise Unreadable("connection refused")
        return TEXT

    async with running(fetch) as sampler:
        pods = [pod("one"), pod("dark", revision="b")]
        sampler.watch(KEY, pods, interval=10)
        await asyncio.sleep(15)
        assert sampler.watch(KEY, pods, interval=10).errors == {}
        await asyncio.sleep(30)
        errors = sampler.watch(KEY, pods, interval=10).errors
        assert errors == {"b": "the metrics of pod dark cannot be read: connection refused"}


async def test_a_bug_with_one_pod_does_not_keep_others_from_being_read() -> None:
    async def fetch(endpoint: Endpoint) -> str:
        if endpoint.name == "odd":
            raise OverflowError("date value out of range")
        return TEXT

    async with running(fetch) as sampler:
        pods = [pod("one"), pod("odd", revision="b")]
        sampler.watch(KEY, pods, interval=10)
        await asyncio.sleep(45)
        samples = sampler.watch(KEY, pods, interval=10)
        assert [sample.pod for sample in samples.pods] == ["uid-one"]
        assert "OverflowError" in samples.errors["b"]


async def test_no_more_than_a_bounded_number_of_pods_is_read_at_once() -> None:
    now, most = 0, 0

    async def fetch(_endpoint: Endpoint) -> str:
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        await asyncio.sleep(0.1)
        now -= 1
        return TEXT

    async with running(fetch) as sampler:
        sampler.watch(KEY, [pod(f"p{number}") for number in range(200)], interval=10)
        await asyncio.sleep(5)
        assert most == MOST_AT_ONCE
