"""How long requests may take, and what happens while the outcome of a write is unknown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from seatrial.api import kinds
from seatrial.kube import failures, sender
from seatrial.kube.client import Client
from seatrial.kube.lease import Timing
from seatrial.kube.limiter import Limiter
from seatrial.kube.transport import Request, Response
from seatrial.kube.unsettled import SETTLE_SECONDS, UnsettledWrites
from tests.apiserver import FakeApiServer
from tests.unit.kube import kube_objects as objects
from tests.unit.kube.fence import Fence

pytestmark = pytest.mark.looptime


class SlowLogin:
    """A transport that never completes its login."""

    async def request(self, _request: Request) -> Response:
        await asyncio.sleep(3600)
        raise AssertionError

    async def stream(self, _request: Request) -> AsyncGenerator[bytes]:
        await asyncio.sleep(3600)
        yield b""


class TestTimeouts:
    async def test_a_write_outlasts_the_time_that_the_server_gives_itself(
        self, api: FakeApiServer, client: Client
    ) -> None:
        api.faults.latency = 34.0
        await client.create(kinds.CONFIG_MAP, objects.settings())
        assert len(api.writes) == 1

    async def test_a_write_under_way_ends_before_another_process_may_hold_the_lease(
        self, api: FakeApiServer, fenced: Client, fence: Fence
    ) -> None:
        timing = Timing()
        api.faults.hanging = True
        loop = asyncio.get_running_loop()
        loop.call_later(12, setattr, fence, "open", False)
        with pytest.raises(failures.Unavailable):
            await fenced.create(kinds.CONFIG_MAP, objects.settings())
        assert 12 <= loop.time() <= 12 + timing.duration - timing.deadline

    async def test_a_write_ends_in_time_although_the_transport_ignores_the_timeout(self) -> None:
        loop = asyncio.get_running_loop()
        client = Client(SlowLogin(), Limiter(loop.time), lambda: True)
        with pytest.raises(failures.Unavailable) as raised:
            await client.create(kinds.CONFIG_MAP, objects.settings())
        assert loop.time() == pytest.approx(sender.WRITE_SECONDS)
        assert raised.value.reason == "Timeout"

    async def test_a_client_may_limit_the_time_of_every_request(self, api: FakeApiServer) -> None:
        api.faults.hanging = True
        loop = asyncio.get_running_loop()
        client = Client(api, Limiter(loop.time), lambda: True, longest=4)
        with pytest.raises(failures.Unavailable):
            await client.create(kinds.CONFIG_MAP, objects.settings())
        assert loop.time() == pytest.approx(4, abs=0.1)

    async def test_a_list_may_take_longer_than_a_get(self, api: FakeApiServer, client: Client) -> None:
        api.faults.hanging = True
        loop = asyncio.get_running_loop()
        with pytest.raises(failures.Unavailable):
            await client.list(kinds.CONFIG_MAP)
        assert loop.time() == pytest.approx(sender.LIST_SECONDS, abs=0.1)


class TestUnknownOutcome:
    async def test_a_creation_that_was_carried_out_is_found_and_not_repeated(
        self, api: FakeApiServer, client: Client
    ) -> None:
        api.faults.fail_next(1, 504, after=True)
        with pytest.raises(failures.Unavailable):
            await client.create(kinds.CONFIG_MAP, objects.settings())
        with pytest.raises(failures.AlreadyExists):
            await client.create(kinds.CONFIG_MAP, objects.settings())
        assert [request.method for request in api.requests] == ["POST", "GET"]

    @pytest.mark.parametrize("status", [0, 500, 503, 504])
    async def test_a_write_is_not_repeated_while_the_first_one_may_still_be_carried_out(
        self, api: FakeApiServer, client: Client, status: int
    ) -> None:
        api.faults.fail_next(1, status)
        with pytest.raises(failures.Unavailable):
            await client.create(kinds.CONFIG_MAP, objects.settings())
        await asyncio.sleep(0.4)
        with pytest.raises(failures.Unsettled) as raised:
            await client.create(kinds.CONFIG_MAP, objects.settings())
        assert raised.value.retry_after == pytest.approx(SETTLE_SECONDS - 0.4)
        await asyncio.sleep(SETTLE_SECONDS)
        await client.create(kinds.CONFIG_MAP, objects.settings())
        assert [request.method for request in api.requests] == ["POST", "GET", "GET", "POST"]

    async def test_another_object_may_be_written_meanwhile(self, api: FakeApiServer, client: Client) -> None:
        api.faults.fail_next(1, 504)
        with pytest.raises(failures.Unavailable):
            await client.create(kinds.CONFIG_MAP, objects.settings())
        await client.create(kinds.CONFIG_MAP, objects.settings("other"))

    async def test_objects_that_the_server_names_do_not_wait_for_each_other(
        self, api: FakeApiServer, client: Client
    ) -> None:
        body = {**objects.settings(), "metadata": {"generateName": "n-", "namespace": "default"}}
        api.faults.fail_next(1, 504)
        with pytest.raises(failures.Unavailable):
            await client.create(kinds.CONFIG_MAP, body)
        await client.create(kinds.CONFIG_MAP, body)

    @pytest.mark.parametrize("error", ["unreachable", "429", "404"])
    async def test_a_write_with_a_known_outcome_may_be_repeated_at_once(
        self, api: FakeApiServer, client: Client, error: str
    ) -> None:
        if error == "unreachable":
            api.faults.unreachable = True
        else:
            api.faults.fail_next(1, int(error), retry_after=0)
        with pytest.raises(failures.ApiError):
            await client.create(kinds.CONFIG_MAP, objects.settings())
        api.faults.unreachable = False
        await client.create(kinds.CONFIG_MAP, objects.settings())
        assert [request.method for request in api.requests] == ["POST", "POST"]

    def test_what_nobody_repeats_is_forgotten(self) -> None:
        unsettled = UnsettledWrites()
        for number in range(10):
            unsettled.add(f"/{number}", 100.0 * number)
        assert [f"/{number}" in unsettled for number in range(10)] == [False] * 3 + [True] * 7
