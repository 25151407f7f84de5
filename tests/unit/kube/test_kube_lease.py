"""There are never two leaders, and rarely none."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest

from seatrial.api import kinds
from seatrial.kube.client import Client
from seatrial.kube.lease import Candidate, Elector, Timing
from seatrial.kube.limiter import Limiter
from tests.apiserver import FakeApiServer, Write
from tests.unit.kube.kube_watching import START

pytestmark = pytest.mark.looptime


@dataclass
class Runner:
    """A running candidate and when it lost the lease."""

    api: FakeApiServer
    elector: Elector
    task: asyncio.Task[None]
    lost: list[float]


def run(api: FakeApiServer, client: Client, identity: str) -> Runner:
    loop = asyncio.get_running_loop()
    lost: list[float] = []
    elector = Elector(
        client,
        Candidate("default", "leader", identity),
        clock=loop.time,
        now=lambda: START - timedelta(seconds=loop.time()),  # a wall clock that runs backwards
        on_lost=lambda: lost.append(loop.time()),
    )
    return Runner(api, elector, asyncio.create_task(elector.run()), lost)


def holder(api: FakeApiServer) -> str:
    lease = api.look(kinds.LEASE, "default", "leader")
    return lease["spec"]["holderIdentity"] if lease else ""


async def stop(*runners: Runner) -> None:
    for runner in runners:
        runner.task.cancel()
    await asyncio.gather(*(runner.task for runner in runners), return_exceptions=True)


class TestAcquire:
    async def test_a_free_lease_is_acquired(self, api: FakeApiServer, client: Client) -> None:
        one = run(api, client, "one")
        await asyncio.wait_for(one.elector.won.wait(), 1)
        assert one.elector.is_leader()
        assert holder(api) == "one"
        await stop(one)

    async def test_only_one_of_two_candidates_holds_the_lease(
        self, api: FakeApiServer, client: Client
    ) -> None:
        runners = [run(api, client, name) for name in ("one", "two")]
        for _ in range(600):
            await asyncio.sleep(0.1)
            assert sum(runner.elector.is_leader() for runner in runners) <= 1
        assert sum(runner.elector.is_leader() for runner in runners) == 1
        await stop(*runners)

    async def test_a_lease_that_is_not_renewed_is_taken_over_after_its_duration(
        self, api: FakeApiServer, client: Client
    ) -> None:
        one = run(api, client, "one")
        await asyncio.sleep(5)
        await stop(one)
        two = run(api, client, "two")
        await asyncio.sleep(14)
        assert not two.elector.is_leader()
        await asyncio.sleep(4)
        assert two.elector.is_leader()
        lease = api.look(kinds.LEASE, "default", "leader")
        assert lease is not None
        assert lease["spec"]["leaseTransitions"] == 1
        await stop(two)

    async def test_a_released_lease_is_acquired_soon(self, api: FakeApiServer, client: Client) -> None:
        one = run(api, client, "one")
        await asyncio.sleep(5)
        await stop(one)
        await one.elector.release()
        assert not one.elector.is_leader()
        two = run(api, client, "two")
        await asyncio.sleep(0.5)
        assert two.elector.is_leader()
        await stop(two)

    async def test_a_release_succeeds_although_a_late_renewal_arrives_in_between(
        self, api: FakeApiServer, client: Client
    ) -> None:
        one = run(api, client, "one")
        await asyncio.sleep(5)
        await stop(one)
        late = iter(range(2))

        def renewed_late(write: Write) -> None:
            if write.verb == "update" and next(late, None) is not None:
                api.edit(kinds.LEASE, "default", "leader", patch={"spec": {"renewTime": "late"}})

        api.faults.before_write = renewed_late
        await one.elector.release()
        assert holder(api) == ""

    async def test_the_lease_of_another_holder_is_not_released(
        self, api: FakeApiServer, client: Client
    ) -> None:
        one = run(api, client, "one")
        await asyncio.sleep(5)
        await stop(one)
        api.edit(kinds.LEASE, "default", "leader", patch={"spec": {"holderIdentity": "two"}})
        await one.elector.release()
        assert holder(api) == "two"

    async def test_the_reason_of_a_failed_acquisition_is_logged_once(
        self, api: FakeApiServer, client: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        api.faults.fail_next(20, 403)
        one = run(api, client, "one")
        await asyncio.sleep(30)
        assert [record.message for record in caplog.records] == ["lease cannot be acquired or renewed"]
        await asyncio.sleep(30)
        assert one.elector.is_leader()
        await stop(one)

    async def test_release_ends_within_the_timeout_of_a_call(
        self, api: FakeApiServer, client: Client
    ) -> None:
        one = run(api, client, "one")
        await asyncio.sleep(5)
        await stop(one)
        api.faults.hanging = True
        began = asyncio.get_running_loop().time()
        await one.elector.release()
        assert asyncio.get_running_loop().time() - began <= Timing().call

    async def test_the_times_in_the_lease_are_ignored(self, api: FakeApiServer, client: Client) -> None:
        one = run(api, client, "one")
        await asyncio.sleep(3)
        two = run(api, client, "two")
        await asyncio.sleep(60)
        assert one.elector.is_leader()
        assert not two.elector.is_leader()
        await stop(one, two)


class TestLose:
    async def test_the_lease_is_lost_if_the_server_is_unreachable_beyond_the_deadline(
        self, api: FakeApiServer, client: Client
    ) -> None:
        one = run(api, client, "one")
        await asyncio.sleep(5)
        api.faults.unreachable = True
        await asyncio.sleep(7)
        assert one.elector.is_leader(), "one missed renewal does not cost the lease"
        await asyncio.sleep(4)
        assert not one.elector.is_leader()
        await asyncio.sleep(5)
        assert one.lost
        assert one.task.done()

    async def test_the_lease_is_lost_if_the_server_hangs_beyond_the_deadline(
        self, api: FakeApiServer, client: Client
    ) -> None:
        one = run(api, client, "one")
        await asyncio.sleep(5)
        api.faults.hanging = True
        await asyncio.sleep(10.1)
        assert not one.elector.is_leader()
        await asyncio.sleep(10)
        assert one.lost

    async def test_the_lease_is_lost_if_another_holder_took_it(
        self, api: FakeApiServer, client: Client
    ) -> None:
        one = run(api, client, "one")
        await asyncio.sleep(5)
        api.edit(kinds.LEASE, "default", "leader", patch={"spec": {"holderIdentity": "thief"}})
        await asyncio.sleep(2.5)
        assert not one.elector.is_leader()
        await asyncio.sleep(2.5)
        assert one.lost
        assert holder(api) == "thief"

    async def test_a_lease_deleted_by_hand_is_created_again(self, api: FakeApiServer, client: Client) -> None:
        one = run(api, client, "one")
        await asyncio.sleep(5)
        api.remove(kinds.LEASE, "default", "leader")
        await asyncio.sleep(5)
        assert one.elector.is_leader()
        assert holder(api) == "one"
        await stop(one)

    async def test_a_few_errors_do_not_cost_the_lease(self, api: FakeApiServer, client: Client) -> None:
        one = run(api, client, "one")
        await asyncio.sleep(5)
        api.faults.fail_next(3, 500)
        for _ in range(100):
            await asyncio.sleep(0.1)
            assert one.elector.is_leader()
        await stop(one)

    @pytest.mark.parametrize("retry_after", [1, 30, 86_400])
    async def test_a_requested_pause_does_not_cost_the_lease(
        self, api: FakeApiServer, retry_after: float
    ) -> None:
        now = asyncio.get_running_loop().time
        one = run(api, Client(api, Limiter(now, longest_pause=Timing().renew), lambda: True), "one")
        await asyncio.sleep(5)
        api.faults.fail_next(2, 429, retry_after=retry_after)
        for _ in range(300):
            await asyncio.sleep(0.1)
            assert one.elector.is_leader()
        await stop(one)

    async def test_two_candidates_never_hold_the_lease_at_the_same_time_during_outages(
        self, api: FakeApiServer, client: Client
    ) -> None:
        one, two = run(api, client, "one"), run(api, client, "two")
        await asyncio.sleep(5)
        for round_ in range(5):
            api.faults.unreachable = round_ % 2 == 0
            for _ in range(200):
                await asyncio.sleep(0.1)
                assert one.elector.is_leader() + two.elector.is_leader() <= 1
        await stop(one, two)

    async def test_the_release_of_a_lost_lease_writes_nothing(
        self, api: FakeApiServer, client: Client
    ) -> None:
        one = run(api, client, "one")
        await asyncio.sleep(1)
        await stop(one)
        await asyncio.sleep(11)
        writes = len(api.writes)
        await one.elector.release()
        assert len(api.writes) == writes
