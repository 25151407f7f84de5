"""A pass that does not come to its end comes again, and of what is deleted nothing stays."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from seatrial.api import kinds
from seatrial.api.metadata import Key
from seatrial.kube.transport import Request
from tests.apiserver import FakeApiServer
from tests.unit.shell import shell_objects as objects
from tests.unit.shell.reconciling import Loop
from tests.unit.shell.shell_objects import NAMESPACE, OWNER, written

pytestmark = pytest.mark.looptime
CHURN = Key(NAMESPACE, "churn")
STATUS = "/modeldeployments/churn/status"


def to_status(request: Request) -> bool:
    return request.method == "PUT" and request.path.endswith(STATUS)


class TestComingAgain:
    async def test_after_the_lease_was_renewed_late(self, api: FakeApiServer, loop: Loop) -> None:
        loop.leads = False
        loop.deliver()
        await loop.work(1)
        assert (written(api), loop.passes("not_leader") > 0) == ([], True)
        loop.leads = True
        await loop.work(10)
        assert api.look(kinds.DEPLOYMENT, NAMESPACE, f"churn-{loop.status()['canary']['revision']}")

    async def test_after_a_lease_that_was_lost_between_two_writes(
        self, api: FakeApiServer, loop: Loop
    ) -> None:
        def lapse(write: Any) -> None:
            loop.leads = write.subresource != "status" or bool(api.all(kinds.SERVICE))

        api.faults.after_write = lapse
        loop.deliver()
        await loop.work(0.1)
        assert [verb for verb, _, _ in written(api)] == ["update"]
        loop.leads = True
        await loop.work(10)
        assert len(api.all(kinds.DEPLOYMENT)) == 1

    async def test_not_before_the_server_wants_it(self, api: FakeApiServer, loop: Loop) -> None:
        api.faults.fail_next(1, 429, to_status, retry_after=20)
        loop.deliver()
        await loop.work(19)
        assert len(api.requests) == 1
        await loop.work(2)
        assert len(api.all(kinds.DEPLOYMENT)) == 1

    @pytest.mark.parametrize("status", [0, 404, 409, 500])
    async def test_after_a_status_that_was_not_stored(
        self, api: FakeApiServer, loop: Loop, status: int
    ) -> None:
        api.faults.fail_next(1, status, to_status)
        loop.deliver()
        await loop.work(0.1)
        assert api.all(kinds.DEPLOYMENT) == [], "nothing is done before it is stored"
        await loop.work(5)
        assert len(api.all(kinds.DEPLOYMENT)) == 1

    async def test_after_a_bug_while_others_go_on(
        self, api: FakeApiServer, loop: Loop, caplog: pytest.LogCaptureFixture
    ) -> None:
        broken = True

        def bug(request: Request) -> bool:
            if broken and to_status(request):
                raise KeyError("a bug")
            return False

        api.faults.fail_next(1, 500, bug)
        loop.deliver()
        loop.deliver("other")
        await loop.work(3)
        assert [
            body["metadata"]["labels"]["seatrial.dev/deployment"] for body in api.all(kinds.DEPLOYMENT)
        ] == ["other"]
        assert loop.passes("bug") >= 3
        assert all(record.exc_info for record in caplog.records if "bug" in record.message)
        broken = False
        await loop.work(60)
        assert len(api.all(kinds.DEPLOYMENT)) == 2

    async def test_never_twice_at_once(self, api: FakeApiServer, loop: Loop) -> None:
        api.faults.latency = 0.5
        for _ in range(20):
            loop.deliver()
            await loop.work(0.1)
        await loop.work(10)
        children = [write for write in written(api) if write[1] not in {"Event", "ModelDeployment"}]
        assert (len(children), len(set(children))) == (3, 3), "none was made twice"

    async def test_leaves_no_key_behind_when_it_is_cut_off(self, api: FakeApiServer, loop: Loop) -> None:
        api.faults.latency = 5
        loop.deliver()
        await loop.work(1)
        assert not loop.queue.idle
        assert loop.task is not None
        loop.task.cancel()
        await asyncio.gather(loop.task, return_exceptions=True)
        assert loop.queue.idle


class TestForgetting:
    async def test_a_deleted_object_leaves_nothing(self, api: FakeApiServer, loop: Loop) -> None:
        spec = {"serving": {"envFrom": [{"configMapRef": {"name": "settings"}}]}}
        api.edit(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn", patch={"spec": spec})
        api.insert(kinds.SERVICE, objects.service(owner=objects.OTHER))
        loop.deliver()
        await loop.work(1)
        assert loop.referrers.keys_of("ConfigMap", NAMESPACE, "settings") == {CHURN}
        api.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn")
        loop.deliver()
        await loop.work(600)
        assert (loop.queue.depth, loop.queue.scheduled, loop.queue.retries(CHURN)) == (0, 0, 0)
        assert loop.referrers.keys_of("ConfigMap", NAMESPACE, "settings") == frozenset()
        assert loop.reconciler._apply_errors == {}
        assert loop.phase() == {}
        mark = len(api.writes)
        await loop.work(600)
        assert len(api.writes) == mark

    async def test_one_that_goes_in_the_middle_of_its_pass(self, api: FakeApiServer, loop: Loop) -> None:
        api.faults.latency = 1
        loop.deliver()
        await loop.work(2.5)
        api.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn")
        loop.deliver()
        await loop.work(600)
        assert (loop.queue.depth, loop.queue.scheduled, loop.queue.retries(CHURN)) == (0, 0, 0)
        assert (loop.reconciler._apply_errors, loop.phase()) == ({}, {})

    async def test_one_that_is_going_is_left_alone(self, api: FakeApiServer, loop: Loop) -> None:
        held = {"metadata": {"finalizers": ["example.com/hold"]}}
        api.edit(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn", patch=held)
        api.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn")
        loop.deliver()
        await loop.work(600)
        assert written(api) == []


class TestTelling:
    async def test_a_spec_that_cannot_be_read_once_in_every_place(
        self, api: FakeApiServer, loop: Loop
    ) -> None:
        wrong = {"spec": {"scaling": {"replicas": 2, "minReplicas": 1, "maxReplicas": 3}}}
        api.edit(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn", patch=wrong)
        for _ in range(4):
            loop.deliver()
            await loop.work(60)
        assert loop.status()["phase"] == "Failed"
        assert loop.events() == [("Warning", "InvalidSpec", 1)]
        assert loop.phase() == {"Failed": 1.0}
        assert loop.status_writes() == 1
        (event,) = api.all(kinds.EVENT)
        assert event["involvedObject"]["uid"] == OWNER.uid
        assert event["message"] in loop.status()["message"]

    async def test_that_it_was_refused_comes_again_after_a_conflict(
        self, api: FakeApiServer, loop: Loop
    ) -> None:
        wrong = {"spec": {"scaling": {"replicas": 2, "minReplicas": 1, "maxReplicas": 3}}}
        api.edit(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn", patch=wrong)
        api.faults.fail_next(1, 409, to_status)
        loop.deliver()
        await loop.work(5)
        assert loop.status()["phase"] == "Failed"

    async def test_a_setback_once_although_it_is_met_again_and_again(
        self, api: FakeApiServer, loop: Loop
    ) -> None:
        api.insert(kinds.SERVICE, objects.service(owner=objects.OTHER))
        loop.deliver()
        await loop.work(900)
        assert loop.events() == [("Warning", "NameConflict", 1)]
        assert "belongs to another owner" in loop.status()["message"]
        assert loop.status_writes() <= 3

    async def test_that_a_setback_is_over(self, api: FakeApiServer, loop: Loop) -> None:
        api.insert(kinds.SERVICE, objects.service(owner=objects.OTHER))
        loop.deliver()
        await loop.work(30)
        api.remove(kinds.SERVICE, NAMESPACE, "churn")
        await loop.work(400)
        assert "belongs to another owner" not in loop.status()["message"]
        assert len(api.all(kinds.DEPLOYMENT)) == 1

    async def test_no_event_to_a_server_that_is_overwhelmed(self, api: FakeApiServer, loop: Loop) -> None:
        def child(request: Request) -> bool:
            return request.method == "POST" and "/events" not in request.path

        api.faults.fail_next(4, 500, child)
        loop.deliver()
        await loop.work(120)
        assert loop.events() == []
        assert len(api.all(kinds.DEPLOYMENT)) == 1

    async def test_a_pause_of_the_server_is_nobody_s_trouble(self, api: FakeApiServer, loop: Loop) -> None:
        loop.deliver()
        await loop.work(60)
        undisturbed = [kind for _, kind, name in written(api) if name.startswith("churn")]

        loop.limiter.pause(20)
        loop.deliver("other")
        await loop.work(120)
        assert [kind for _, kind, name in written(api) if name.startswith("other")] == undisturbed
        assert loop.events() == []
