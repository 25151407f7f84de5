"""The fake's faults do what they say, and its log of writes tells the truth."""

from __future__ import annotations

import asyncio
import json

import pytest

from seatrial.api import kinds
from seatrial.kube import failures
from seatrial.kube.client import Client
from seatrial.kube.transport import Request
from tests.apiserver import Crash, FakeApiServer, Write
from tests.unit.kube import kube_objects as objects

pytestmark = pytest.mark.looptime


async def next_event(client: Client, version: str) -> str:
    """The first event after `version`."""
    watch = client.watch(kinds.CONFIG_MAP, resource_version=version)
    try:
        return (await anext(watch))[0]
    finally:
        await watch.aclose()


class TestWrites:
    async def test_are_logged_in_order(self, api: FakeApiServer, client: Client) -> None:
        await client.create(kinds.DEPLOYMENT, objects.deployment())
        await client.scale(kinds.DEPLOYMENT, "default", "churn", replicas=3)
        await client.apply(kinds.CONFIG_MAP, objects.settings())
        await client.delete(kinds.CONFIG_MAP, "default", "settings")
        await client.list(kinds.CONFIG_MAP)
        assert api.writes == [
            Write("create", "Deployment", "default", "churn"),
            Write("patch", "Deployment", "default", "churn", "scale"),
            Write("apply", "ConfigMap", "default", "settings"),
            Write("delete", "ConfigMap", "default", "settings"),
        ]

    async def test_of_tests_and_controllers_are_not_logged(self, api: FakeApiServer) -> None:
        api.insert(kinds.CONFIG_MAP, objects.settings())
        api.edit(kinds.CONFIG_MAP, "default", "settings", patch={"data": {"b": "2"}})
        api.remove(kinds.CONFIG_MAP, "default", "settings")
        assert api.writes == []


class TestCrashing:
    @pytest.mark.parametrize(
        ("moment", "made"),
        [
            pytest.param("before_write", 0, id="before a write leaves nothing"),
            pytest.param("after_write", 1, id="after a write leaves it done"),
        ],
    )
    async def test_ends_the_request(self, api: FakeApiServer, client: Client, moment: str, made: int) -> None:
        def die(_write: Write) -> None:
            raise Crash

        setattr(api.faults, moment, die)
        with pytest.raises(Crash):
            await client.create(kinds.CONFIG_MAP, objects.settings())
        assert len(api.all(kinds.CONFIG_MAP)) == made

    async def test_is_no_exception_that_code_catches(self) -> None:
        assert not issubclass(Crash, Exception)


class TestFailing:
    async def test_counts_only_what_it_is_for(self, api: FakeApiServer, client: Client) -> None:
        api.faults.fail_next(1, 503, lambda request: request.method == "POST")
        await client.list(kinds.CONFIG_MAP)
        with pytest.raises(failures.Unavailable):
            await client.create(kinds.CONFIG_MAP, objects.settings())
        await client.create(kinds.CONFIG_MAP, objects.settings())

    async def test_before_carries_nothing_out(self, api: FakeApiServer, client: Client) -> None:
        api.faults.fail_next(1, 500)
        with pytest.raises(failures.Unavailable):
            await client.create(kinds.CONFIG_MAP, objects.settings())
        assert api.all(kinds.CONFIG_MAP) == []

    async def test_refuses_watches_too(self, api: FakeApiServer, client: Client) -> None:
        api.faults.fail_next(1, 403)
        with pytest.raises(failures.Forbidden):
            await next_event(client, str(api.store.revision))

    async def test_latency_is_waited_for(self, api: FakeApiServer, client: Client) -> None:
        api.faults.latency = 0.7
        began = asyncio.get_running_loop().time()
        await client.list(kinds.CONFIG_MAP)
        assert asyncio.get_running_loop().time() - began == pytest.approx(0.7, abs=0.01)


class TestWatches:
    async def test_end_when_dropped(self, api: FakeApiServer, client: Client) -> None:
        waiting = asyncio.create_task(next_event(client, str(api.store.revision)))
        await asyncio.sleep(1)
        api.faults.drop_watches()
        with pytest.raises(failures.Unavailable):
            await waiting

    async def test_from_before_a_compaction_are_gone(self, api: FakeApiServer, client: Client) -> None:
        version = str(api.store.revision)
        api.insert(kinds.CONFIG_MAP, objects.settings())
        api.faults.compact()
        with pytest.raises(failures.Gone):
            await next_event(client, version)

    async def test_that_are_open_outlive_a_compaction(self, api: FakeApiServer, client: Client) -> None:
        waiting = asyncio.create_task(next_event(client, str(api.store.revision)))
        await asyncio.sleep(1)
        api.faults.compact()
        await asyncio.sleep(1)
        api.insert(kinds.CONFIG_MAP, objects.settings())
        assert await waiting == "ADDED"

    async def test_do_not_hear_of_a_lost_deletion(self, api: FakeApiServer, client: Client) -> None:
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        version = str(api.store.revision)
        api.faults.lose_delete_event(kinds.CONFIG_MAP, "a")
        api.remove(kinds.CONFIG_MAP, "default", "a")
        api.insert(kinds.CONFIG_MAP, objects.settings("b"))
        assert await next_event(client, version) == "ADDED"

    async def test_get_a_bookmark_every_minute(self, api: FakeApiServer, client: Client) -> None:
        began = asyncio.get_running_loop().time()
        assert await next_event(client, str(api.store.revision)) == "BOOKMARK"
        assert asyncio.get_running_loop().time() - began == pytest.approx(60, abs=0.1)

    async def test_end_by_themselves(self, api: FakeApiServer, client: Client) -> None:
        began = asyncio.get_running_loop().time()
        watch = client.watch(kinds.CONFIG_MAP, resource_version=str(api.store.revision))
        assert {event async for event, _ in watch} == {"BOOKMARK"}
        assert asyncio.get_running_loop().time() - began == pytest.approx(290, abs=0.1)

    async def test_of_continue_tokens_expire(self, api: FakeApiServer) -> None:
        for name in "abc":
            api.insert(kinds.CONFIG_MAP, objects.settings(name))
        client_pages = await _page(api, {"limit": "1"})
        api.faults.compact()
        api.insert(kinds.CONFIG_MAP, objects.settings("d"))
        api.faults.compact()
        with pytest.raises(failures.Gone):
            await _page(api, {"limit": "1", "continue": client_pages["metadata"]["continue"]})


async def _page(api: FakeApiServer, query: dict[str, str]) -> dict[str, dict[str, str]]:
    answer = await api.request(Request("GET", kinds.CONFIG_MAP.path("default"), query))
    if answer.status >= 400:
        raise failures.from_response(answer)
    page: dict[str, dict[str, str]] = json.loads(answer.body)
    return page
