"""The client: its fence, write counter, pages and exceptions."""

from __future__ import annotations

import asyncio

import pytest

from seatrial.api import kinds
from seatrial.kube import failures
from seatrial.kube.client import Client
from seatrial.kube.limiter import Limiter
from tests.apiserver import FakeApiServer
from tests.unit.kube import kube_objects as objects
from tests.unit.kube.fence import Fence

pytestmark = pytest.mark.looptime


async def every_write(client: Client) -> list[type[BaseException] | None]:
    """Try each kind of write on a ConfigMap and a Deployment; return the exceptions."""
    body = objects.settings()
    attempts = [
        client.create(kinds.CONFIG_MAP, body),
        client.replace(kinds.CONFIG_MAP, body),
        client.apply(kinds.CONFIG_MAP, body),
        client.patch(kinds.CONFIG_MAP, "default", "settings", patch={"data": {"b": "2"}}),
        client.create(kinds.DEPLOYMENT, objects.deployment()),
        client.scale(kinds.DEPLOYMENT, "default", "churn", replicas=1),
        client.replace_status(kinds.DEPLOYMENT, objects.deployment()),
        client.patch_status(kinds.DEPLOYMENT, "default", "churn", patch={"status": {"replicas": 1}}),
        client.delete(kinds.CONFIG_MAP, "default", "settings"),
    ]
    errors: list[type[BaseException] | None] = []
    for attempt in attempts:
        try:
            await attempt
            errors.append(None)
        except failures.Failure as error:
            errors.append(type(error))
    return errors


class TestFence:
    async def test_a_closed_fence_stops_every_write(
        self, fenced: Client, fence: Fence, api: FakeApiServer
    ) -> None:
        fence.open = False
        assert set(await every_write(fenced)) == {failures.NotLeader}
        assert (api.writes, fence.counted) == ([], [])

    async def test_a_closed_fence_does_not_stop_reads(self, fenced: Client, fence: Fence) -> None:
        fence.open = False
        assert (await fenced.list(kinds.CONFIG_MAP)).items == []

    async def test_the_fence_is_checked_after_waiting_for_the_limiter(
        self, api: FakeApiServer, fence: Fence
    ) -> None:
        limiter = Limiter(asyncio.get_running_loop().time)
        client = Client(api, limiter, fence)
        limiter.pause(4)
        writing = asyncio.create_task(client.create(kinds.CONFIG_MAP, objects.settings()))
        await asyncio.sleep(3)
        fence.open = False
        with pytest.raises(failures.NotLeader):
            await writing
        assert api.writes == []


class TestWriteCounter:
    async def test_every_write_is_counted_by_kind_and_verb(self, fenced: Client, fence: Fence) -> None:
        assert set(await every_write(fenced)) == {None}
        assert fence.counted == [
            ("ConfigMap", "create"),
            ("ConfigMap", "update"),
            ("ConfigMap", "apply"),
            ("ConfigMap", "patch"),
            ("Deployment", "create"),
            ("Deployment", "scale"),
            ("Deployment", "update_status"),
            ("Deployment", "patch_status"),
            ("ConfigMap", "delete"),
        ]


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (0, failures.Unavailable),
            (400, failures.Invalid),
            (401, failures.Unauthorized),
            (403, failures.Forbidden),
            (404, failures.NotFound),
            (409, failures.Conflict),
            (410, failures.Gone),
            (422, failures.Invalid),
            (429, failures.TooManyRequests),
            (500, failures.Unavailable),
            (503, failures.Unavailable),
            (504, failures.Unavailable),
        ],
    )
    async def test_every_status_becomes_its_own_exception(
        self, api: FakeApiServer, client: Client, status: int, kind: type[failures.ApiError]
    ) -> None:
        api.faults.fail_next(1, status)
        with pytest.raises(kind) as raised:
            await client.get(kinds.CONFIG_MAP, "default", "settings")
        assert raised.value.status == status

    async def test_a_hanging_server_is_unavailable_after_the_timeout(
        self, api: FakeApiServer, client: Client
    ) -> None:
        api.faults.hanging = True
        began = asyncio.get_running_loop().time()
        with pytest.raises(failures.Unavailable):
            await client.get(kinds.CONFIG_MAP, "default", "settings")
        assert asyncio.get_running_loop().time() - began == pytest.approx(30, abs=0.1)

    async def test_a_429_pauses_every_request(self, api: FakeApiServer, client: Client) -> None:
        api.faults.fail_next(1, 429, retry_after=7)
        began = asyncio.get_running_loop().time()
        with pytest.raises(failures.TooManyRequests) as refused:
            await client.get(kinds.CONFIG_MAP, "default", "settings")
        assert refused.value.retry_after == 7
        await client.list(kinds.SECRET)
        assert asyncio.get_running_loop().time() - began == pytest.approx(7, abs=0.1)

    async def test_a_write_and_a_get_fail_if_a_pause_is_longer_than_a_write_may_take(
        self, api: FakeApiServer, fenced: Client, fence: Fence
    ) -> None:
        api.faults.fail_next(1, 429, retry_after=30)
        with pytest.raises(failures.TooManyRequests):
            await fenced.create(kinds.CONFIG_MAP, objects.settings())
        fence.counted.clear()
        assert set(await every_write(fenced)) == {failures.Paused}
        with pytest.raises(failures.Paused) as raised:
            await fenced.get(kinds.CONFIG_MAP, "default", "settings")
        assert raised.value.retry_after == pytest.approx(30, abs=0.1)
        assert (len(api.requests), fence.counted) == (1, []), "nothing was sent and nothing was counted"

    async def test_a_write_waits_for_the_end_of_a_short_pause(
        self, api: FakeApiServer, client: Client
    ) -> None:
        api.faults.fail_next(1, 429, retry_after=2)
        with pytest.raises(failures.TooManyRequests):
            await client.create(kinds.CONFIG_MAP, objects.settings())
        await client.create(kinds.CONFIG_MAP, objects.settings())
        assert asyncio.get_running_loop().time() == pytest.approx(2, abs=0.1)

    async def test_a_429_without_retry_after_pauses_for_a_second(
        self, api: FakeApiServer, client: Client
    ) -> None:
        api.faults.fail_next(1, 429)
        with pytest.raises(failures.TooManyRequests):
            await client.get(kinds.CONFIG_MAP, "default", "settings")
        await client.list(kinds.CONFIG_MAP)
        assert asyncio.get_running_loop().time() == pytest.approx(1, abs=0.1)

    async def test_a_429_of_a_watch_pauses_writes_as_well(self, api: FakeApiServer, client: Client) -> None:
        api.faults.fail_next(1, 429, retry_after=9)
        with pytest.raises(failures.TooManyRequests):
            _ = [event async for event in client.watch(kinds.CONFIG_MAP, resource_version="1")]
        with pytest.raises(failures.Paused):
            await client.create(kinds.CONFIG_MAP, objects.settings())

    async def test_a_429_of_a_pod_behind_the_proxy_pauses_nothing(
        self, api: FakeApiServer, client: Client
    ) -> None:
        api.faults.fail_next(1, 429, retry_after=30)
        with pytest.raises(failures.TooManyRequests):
            await client.raw_get("/api/v1/namespaces/default/pods/p:3000/proxy/metrics")
        await client.create(kinds.CONFIG_MAP, objects.settings())
        assert asyncio.get_running_loop().time() == pytest.approx(0, abs=0.1)


class TestListing:
    async def test_a_list_whose_pages_expire_is_read_again_as_one_page(
        self, api: FakeApiServer, client: Client
    ) -> None:
        for number in range(5):
            api.insert(kinds.CONFIG_MAP, objects.settings(f"n{number}"))
        pages = 0

        def second_page(request: object) -> bool:
            nonlocal pages
            pages += 1
            return pages == 2

        api.faults.fail_next(1, 410, second_page)
        listing = await client.list(kinds.CONFIG_MAP, "default", limit=2)
        assert len(listing.items) == 5

    async def test_a_metadata_only_list_has_no_data(self, api: FakeApiServer, client: Client) -> None:
        api.insert(kinds.SECRET, {**objects.settings(), "kind": "Secret"})
        (item,) = (await client.list(kinds.SECRET, metadata_only=True)).items
        assert "data" not in item
        assert item["kind"] == "Secret"


class TestReading:
    async def test_raw_get_returns_the_bytes_of_any_path(self, api: FakeApiServer, client: Client) -> None:
        path = "/api/v1/namespaces/default/pods/p:3000/proxy/metrics"
        api.raw[path] = b"up 1\n"
        assert await client.raw_get(path) == b"up 1\n"
