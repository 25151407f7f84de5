"""Properties: a copy ends up equal to the server, a queue loses nothing, a limiter keeps its pauses."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import looptime
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.api import kinds
from seatrial.api import objects as api_objects
from seatrial.kube import failures
from seatrial.kube.client import Client
from seatrial.kube.informers import Informer, InformerConfig
from seatrial.kube.limiter import Limiter
from seatrial.kube.queue import KeyedQueue
from tests.apiserver import FakeApiServer
from tests.unit.kube import kube_objects as objects
from tests.unit.kube.kube_watching import OWNER, START

NAMES, OWNERS = ("a", "b", "c"), ("x", "y")
CHANGES = st.one_of(
    st.tuples(st.sampled_from(["put", "own put", "own delete", "delete", "lose"]), st.sampled_from(NAMES)),
    st.tuples(st.sampled_from(["drop", "compact", "away", "back", "wait"]), st.just("")),
)


def tenths(most: int) -> st.SearchStrategy[float]:
    """Seconds in steps of 0.1: shorter spans would not advance the virtual clock."""
    return st.integers(0, 10 * most).map(lambda count: count / 10)


def run_in_virtual_time(story: Coroutine[Any, Any, None]) -> None:
    """Run the coroutine in a loop of its own."""
    # nothing in a story waits for the outside world, so no loop cycles are needed before the clock advances
    loop = looptime.new_event_loop(noop_cycles=0)
    try:
        loop.run_until_complete(story)
    finally:
        loop.close()


class Copy:
    """An informer of ConfigMaps, and what follows from its events alone."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.api = FakeApiServer(lambda: START + timedelta(seconds=loop.time()))
        self.client = Client(self.api, Limiter(loop.time), lambda: True)
        config = InformerConfig(loop.time, index_by=lambda body: api_objects.labels_of(body).get(OWNER))
        self.by_events: dict[tuple[str, str], str] = {}
        """Owner and name → version, by events alone."""
        self.informer = Informer(self.client, kinds.CONFIG_MAP, self._on_event, config=config)
        self._count = 0

    def _on_event(self, event: str, body: api_objects.Body) -> None:
        place = (api_objects.labels_of(body).get(OWNER, ""), body["metadata"]["name"])
        if event == "DELETED":
            self.by_events.pop(place, None)
        else:
            self.by_events[place] = api_objects.version_of(body)

    async def change(self, what: str, name: str) -> None:
        """Make one change; skip it if it is not possible now."""
        self._count += 1
        body = objects.labelled(name, **{OWNER: OWNERS[self._count % 2]}) | {"data": {"n": str(self._count)}}
        with contextlib.suppress(failures.ApiError):
            match what:
                case "put" if self.api.look(kinds.CONFIG_MAP, "default", name):
                    self.api.edit(kinds.CONFIG_MAP, "default", name, patch=body)
                case "put":
                    self.api.insert(kinds.CONFIG_MAP, body)
                case "delete":
                    self.api.remove(kinds.CONFIG_MAP, "default", name)
                case "lose" if self.api.look(kinds.CONFIG_MAP, "default", name):
                    self.api.faults.lose_delete_event(kinds.CONFIG_MAP, name)
                    self.api.remove(kinds.CONFIG_MAP, "default", name)
                    self.api.faults.compact()
                    self.api.faults.drop_watches()
                case "own put":
                    self.informer.observe_write(await self.client.apply(kinds.CONFIG_MAP, body))
                case "own delete":
                    await self.client.delete(kinds.CONFIG_MAP, "default", name)
                    self.informer.observe_delete("default", name)
                case "drop":
                    self.api.faults.drop_watches()
                case "compact":
                    self.api.faults.compact()
                case "away" | "back":
                    self.api.faults.unreachable = what == "away"
                    self.api.faults.drop_watches()
                case _:
                    await asyncio.sleep(0.3)

    def check(self) -> None:
        """Check that store, index and events agree with the server."""
        expected = {
            (api_objects.labels_of(body)[OWNER], body["metadata"]["name"]): api_objects.version_of(body)
            for body in self.api.all(kinds.CONFIG_MAP)
        }
        stored = {
            (api_objects.labels_of(body)[OWNER], body["metadata"]["name"]): api_objects.version_of(body)
            for body in self.informer.store
        }
        indexed_bodies = {
            (owner, body["metadata"]["name"]): api_objects.version_of(body)
            for owner in OWNERS
            for body in self.informer.indexed(owner)
        }
        assert stored == expected
        assert indexed_bodies == expected
        assert self.by_events == expected


@settings(max_examples=150, deadline=None)
@given(st.lists(CHANGES, max_size=25))
def test_a_copy_matches_the_server_in_the_end(changes: list[tuple[str, str]]) -> None:
    async def story() -> None:
        copy = Copy()
        running = asyncio.create_task(copy.informer.run())
        await asyncio.sleep(0.1)
        for what, name in changes:
            await copy.change(what, name)
        copy.api.faults.unreachable = False
        await asyncio.sleep(120)
        copy.check()
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run_in_virtual_time(story())


KEYS = st.sampled_from("abc")
CALLS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add_after", "retry", "cancel", "forget", "wait"]), KEYS, st.integers(0, 5)
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(CALLS, st.integers(1, 3))
def test_a_key_is_worked_on_after_every_add_and_never_by_two_workers(
    calls: list[tuple[str, str, int]], size: int
) -> None:
    async def story() -> None:
        queue: KeyedQueue[str] = KeyedQueue(jitter=lambda: 0.0)
        loop = asyncio.get_running_loop()
        working: set[str] = set()
        began_at: dict[str, float] = {}
        added_at: dict[str, float] = {}

        async def work() -> None:
            while True:
                key = await queue.get()
                assert key not in working
                working.add(key)
                began_at[key] = loop.time()
                await asyncio.sleep(1.5)
                working.remove(key)
                queue.done(key)

        workers = [asyncio.create_task(work()) for _ in range(size)]
        for what, key, seconds in calls:
            match what:
                case "add":
                    queue.add(key)
                    added_at[key] = loop.time()
                case "add_after":
                    queue.add_after(key, seconds)
                case "retry":
                    queue.retry(key, after=seconds)
                case "cancel":
                    queue.cancel(key)
                case "forget":
                    queue.forget(key)
                case _:
                    await asyncio.sleep(seconds)
        await asyncio.sleep(4000)
        assert not any(worker.done() for worker in workers)
        assert (queue.idle, queue.depth, queue.scheduled) == (True, 0, 0)
        assert all(began_at[key] >= when for key, when in added_at.items())
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    run_in_virtual_time(story())


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(tenths(3), tenths(40)), max_size=8),
    st.lists(tenths(20), min_size=1, max_size=30),
)
def test_no_request_passes_during_a_pause_and_none_waits_forever(
    pauses: list[tuple[float, float]], requests: list[float]
) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        limiter = Limiter(loop.time, rate=10, burst=3)
        closed_intervals: list[tuple[float, float]] = []
        passed_at: list[float] = []

        async def pause() -> None:
            for after, seconds in pauses:
                await asyncio.sleep(after)
                limiter.pause(seconds)
                closed_intervals.append((loop.time(), loop.time() + min(seconds, 32.0)))

        async def ask(after: float) -> None:
            await asyncio.sleep(after)
            with contextlib.suppress(failures.Paused):
                await limiter.acquire(longest_wait=5)
                passed_at.append(loop.time())

        async with asyncio.timeout(200):
            await asyncio.gather(pause(), *map(ask, requests))
        for moment in passed_at:
            assert not any(begin < moment < end - 1e-6 for begin, end in closed_intervals)

    run_in_virtual_time(story())
