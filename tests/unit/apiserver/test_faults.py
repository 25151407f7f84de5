"""The fault injection of the fake API server, and its record of writes."""

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
    """Return the type of the first event after `version`."""
    watch = client.watch(kinds.CONFIG_MAP, resource_version=version)
    try:
        return (await anext(watch))[0]
    finally:
        await watch.aclose()


class TestWrites:
    async def test_client_writes_are_recorded_in_order(self, api: FakeApiServer, client: Client) -> None:
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

    async def test_writes_of_tests_and_controllers_are_not_recorded(self, api: FakeApiServer) -> None:
        api.insert(kinds.CONFIG_MAP, objects.settings())
        api.edit(kinds.CONFIG_MAP, "default", "settings", patch={"data": {"b": "2"}})
        api.remove(kinds.CONFIG_MAP, "default", "settings")
        assert api.writes == []


class TestCrash:
    @pytest.mark.parametrize(
        ("hook", "objects_created"),
        [
            pytest.param("before_write", 0, id="before a write leaves nothing"),
            pytest.param("after_write", 1, id="after a write leaves it done"),
        ],
    )
    async def test_crash_ends_the_request(
        self, api: FakeApiServer, client: Client, hook: str, objects_created: int
    ) -> None:
        def crash(_write: Write) -> None:
            raise Crash

        setattr(api.faults, hook, crash)
        with pytest.raises(Crash):
            await client.create(kinds.CONFIG_MAP, objects.settings())
        assert len(api.all(kinds.CONFIG_MAP)) == objects_created

    async def test_crash_is_not_an_exception(self) -> None:
        assert not issubclass(Crash, Exception)


class TestFailNext:
    async def test_only_matching_requests_fail(self, api: FakeApiServer, client: Client) -> None:
        api.faults.fail_next(1, 503, lambda request: request.method == "POST")
        await client.list(kinds.CONFIG_MAP)
        with pytest.raises(failures.Unavailable):
            await client.create(kinds.CONFIG_MAP, objects.settings())
        await client.create(kinds.CONFIG_MAP, objects.settings("other"))

    async def test_failed_request_is_not_carried_out(self, api: FakeApiServer, client: Client) -> None:
        api.faults.fail_next(1, 500)
        with pytest.raises(failures.Unavailable):
            await client.create(kinds.CONFIG_MAP, objects.settings())
        assert api.all(kinds.CONFIG_MAP) == []

    async def test_watch_fails(self, api: FakeApiServer, client: Client) -> None:
        api.faults.fail_next(1, 403)
        with pytest.raises(failures.Forbidden):
            await next_event(client, str(api.store.revision))

    async def test_latency_delays_the_response(self, api: FakeApiServer, client: Client) -> None:
        api.faults.latency = 0.7
        started_at = asyncio.get_running_loop().time()
        await client.list(kinds.CONFIG_MAP)
        assert asyncio.get_running_loop().time() - started_at == pytest.approx(0.7, abs=0.01)


class TestWatches:
    async def test_dropped_watch_ends(self, api: FakeApiServer, client: Client) -> None:
        waiting = asyncio.create_task(next_event(client, str(api.store.revision)))
        await asyncio.sleep(1)
        api.faults.drop_watches()
        with pytest.raises(failures.Unavailable):
            await waiting

    async def test_watch_from_before_a_compaction_is_gone(self, api: FakeApiServer, client: Client) -> None:
        version = str(api.store.revision)
        api.insert(kinds.CONFIG_MAP, objects.settings())
        api.faults.compact()
        with pytest.raises(failures.Gone):
            await next_event(client, version)

    async def test_open_watch_survives_a_compaction(self, api: FakeApiServer, client: Client) -> None:
        waiting = asyncio.create_task(next_event(client, str(api.store.revision)))
        await asyncio.sleep(1)
        api.faults.compact()
        await asyncio.sleep(1)
        api.insert(kinds.CONFIG_MAP, objects.settings())
        assert await waiting == "ADDED"

    async def test_lost_deletion_is_not_delivered(self, api: FakeApiServer, client: Client) -> None:
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        version = str(api.store.revision)
        api.faults.lose_delete_event(kinds.CONFIG_MAP, "a")
        api.remove(kinds.CONFIG_MAP, "default", "a")
        api.insert(kinds.CONFIG_MAP, objects.settings("b"))
        assert await next_event(client, version) == "ADDED"

    async def test_watch_gets_a_bookmark_every_minute(self, api: FakeApiServer, client: Client) -> None:
        started_at = asyncio.get_running_loop().time()
        assert await next_event(client, str(api.store.revision)) == "BOOKMARK"
        assert asyncio.get_running_loop().time() - started_at == pytest.approx(60, abs=0.1)

    async def test_watch_ends_after_its_timeout(self, api: FakeApiServer, client: Client) -> None:
        started_at = asyncio.get_running_loop().time()
        watch = client.watch(kinds.CONFIG_MAP, resource_version=str(api.store.revision))
        assert {event async for event, _ in watch} == {"BOOKMARK"}
        assert asyncio.get_running_loop().time() - started_at == pytest.approx(290, abs=0.1)

    async def test_continue_token_expires_with_a_compaction(self, api: FakeApiServer) -> None:
        for name in "abc":
            api.insert(kinds.CONFIG_MAP, objects.settings(name))
        first_page = await _page(api, {"limit": "1"})
        api.faults.compact()
        api.insert(kinds.CONFIG_MAP, objects.settings("d"))
        api.faults.compact()
        with pytest.raises(failures.Gone):
            await _page(api, {"limit": "1", "continue": first_page["metadata"]["continue"]})


async def _page(api: FakeApiServer, query: dict[str, str]) -> dict[str, dict[str, str]]:
    response = await api.request(Request("GET", kinds.CONFIG_MAP.path("default"), query))
    if response.status >= 400:
        raise failures.from_response(response)
    page: dict[str, dict[str, str]] = json.loads(response.body)
    return page
