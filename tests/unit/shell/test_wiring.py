"""One operator as it is wired: its liveness, and what enqueues objects."""

from __future__ import annotations

import asyncio

import pytest

from seatrial import main, wiring
from seatrial.api import kinds, model_deployment, status
from seatrial.api.metadata import Key
from seatrial.planner import Plan
from tests.apiserver import FakeApiServer
from tests.unit.shell.operators import build, end, run_informers
from tests.unit.shell.shell_objects import NAMESPACE

pytestmark = pytest.mark.looptime
CHURN = Key(NAMESPACE, "churn")


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
        assert operator.stalled().startswith("a ModelDeployment has waited in the queue for")

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
        tasks = [*await run_informers(operator), asyncio.create_task(operator.elector.run())]
        ready = asyncio.create_task(main.wait_until_ready(operator))
        await asyncio.sleep(20_000)
        assert (operator.may_write(), operator.stalled(), ready.done()) == (False, "", False)
        api.edit(kinds.LEASE, "seatrial-system", "seatrial", patch={"spec": {"holderIdentity": ""}})
        await asyncio.sleep(5)
        assert operator.may_write()
        assert ready.done()
        assert operator.queue.depth == 2, "the work is not lost"
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
