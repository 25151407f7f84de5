"""One operator as it is wired: its liveness, and what enqueues objects."""

from __future__ import annotations

import asyncio

import pytest

from seatrial import main, wiring
from seatrial.api import kinds, model_deployment, status
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.observation.urgency import canary_has_users
from seatrial.planner import Plan
from tests.apiserver import FakeApiServer
from tests.unit.shell.operators import build, end, run_informers
from tests.unit.shell.shell_objects import NAMESPACE

pytestmark = pytest.mark.looptime
CHURN = Key(NAMESPACE, "churn")


def _queue_age(operator: wiring.Operator) -> float | None:
    return operator.telemetry.registry.get_sample_value("seatrial_queue_oldest_seconds")


class TestLiveness:
    async def test_an_operator_at_rest_for_hours_is_alive(self, api: FakeApiServer) -> None:
        operator = build(api)
        tasks = await run_informers(operator)
        while not operator.queue.idle:
            operator.queue.done(await operator.queue.get())
        for _ in range(20):
            await asyncio.sleep(600)
            assert operator.stalled() == ""
        await end(*tasks)

    async def test_a_watch_that_receives_nothing_has_stalled(self, api: FakeApiServer) -> None:
        operator = build(api)
        tasks = await run_informers(operator)
        api.faults.hanging = True
        api.faults.drop_watches()
        await asyncio.sleep(wiring.WATCH_TIMEOUT + 5)
        assert "has received nothing for" in operator.stalled()
        await end(*tasks)

    async def test_a_leader_that_leaves_an_object_waiting_has_stalled(self, api: FakeApiServer) -> None:
        operator = build(api)
        operator.queue.add(CHURN)
        await asyncio.sleep(wiring.QUEUE_TIMEOUT - 1)
        assert operator.stalled() == ""
        await asyncio.sleep(2)
        assert operator.stalled().startswith("ModelDeployments wait, and no pass has begun or ended for")

    async def test_a_leader_whose_passes_are_slow_is_alive_however_long_the_last_object_waits(
        self, api: FakeApiServer
    ) -> None:
        operator = build(api)
        tasks = await run_informers(operator)
        for number in range(20):
            operator.queue.add(Key(NAMESPACE, f"n{number}"))
        for _ in range(10):
            key = await operator.queue.get()
            await asyncio.sleep(wiring.QUEUE_TIMEOUT - 1)
            operator.queue.done(key)
            assert operator.stalled() == ""
        assert operator.queue.oldest_age() > 5 * wiring.QUEUE_TIMEOUT
        await end(*tasks)

    async def test_a_standby_is_alive_for_hours_and_when_it_takes_over(self, api: FakeApiServer) -> None:
        api.add_namespace("seatrial-system")
        chosen = {"lease_namespace": "seatrial-system", "identity": "standby"}
        held = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "seatrial", "namespace": "seatrial-system"},
            "spec": {"holderIdentity": "leader", "leaseDurationSeconds": 30_000},
        }
        api.insert(kinds.LEASE, held)
        operator = build(api, **chosen)
        assert operator.elector is not None
        wiring.register_gauges(operator)
        tasks = [*await run_informers(operator), asyncio.create_task(operator.elector.run())]
        ready = asyncio.create_task(main.wait_until_ready(operator))
        await asyncio.sleep(20_000)
        assert _queue_age(operator) is None, "a standby would only raise the maximum of all processes"
        assert (operator.may_write(), operator.stalled(), ready.done()) == (False, "", False)
        api.edit(kinds.LEASE, "seatrial-system", "seatrial", patch={"spec": {"holderIdentity": ""}})
        await asyncio.sleep(5)
        assert operator.may_write()
        assert ready.done()
        assert operator.queue.depth == 2, "the work is not lost"
        assert _queue_age(operator) is not None
        assert operator.stalled() == "", "the time as a standby does not count"
        await end(*tasks)


class TestOwnWrites:
    async def test_a_stored_status_enqueues_nothing(self, api: FakeApiServer) -> None:
        operator = build(api)
        tasks = await run_informers(operator)
        while not operator.queue.idle:
            operator.queue.done(await operator.queue.get())
        body = operator.model_deployments.get(CHURN.namespace, CHURN.name) or {}
        reporter = operator.reconciler._shell.reporter
        plan = Plan(status=status.Status(message="m"))
        assert await reporter.store(model_deployment.parse(body), body, plan)
        stored = operator.model_deployments.get(CHURN.namespace, CHURN.name) or {}
        assert stored["status"]["message"] == "m"
        await asyncio.sleep(5)
        assert operator.queue.idle
        await end(*tasks)


class TestUrgency:
    async def test_an_object_whose_canary_has_users_goes_before_those_that_came_earlier(
        self, api: FakeApiServer
    ) -> None:
        stable, canary = {"revision": "a" * 10, "weight": 75}, {"revision": "b" * 10, "weight": 25}
        api.edit(
            kinds.MODEL_DEPLOYMENT, NAMESPACE, "other", patch={"status": {"stable": stable, "canary": canary}}
        )
        operator = build(api)
        tasks = await run_informers(operator)
        taken = [await operator.queue.get() for _ in range(operator.queue.depth)]
        assert [key.name for key in taken] == ["other", "churn"]
        await end(*tasks)

    @pytest.mark.parametrize(
        ("status_of", "urgent"),
        [
            pytest.param({}, False, id="no status"),
            pytest.param({"canary": {"weight": 100}}, False, id="a first deployment"),
            pytest.param({"stable": {}, "canary": {"weight": 0}}, False, id="no stable, no traffic"),
            pytest.param({"stable": {"weight": 100}, "canary": {"weight": 0}}, False, id="no traffic"),
            pytest.param({"stable": {"weight": 75}, "canary": {"weight": 25}}, True, id="traffic"),
            pytest.param(
                {"stable": {"weight": 100}, "canary": {"weight": 0, "actualWeight": 25}},
                True,
                id="traffic that has not left yet",
            ),
        ],
    )
    def test_an_object_is_urgent_while_its_canary_receives_traffic(
        self, status_of: Body, urgent: bool
    ) -> None:
        assert canary_has_users({"status": status_of}) is urgent
