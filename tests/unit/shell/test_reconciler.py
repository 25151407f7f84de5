"""An incomplete pass is retried, and nothing is kept of a deleted object."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from seatrial.api import kinds
from seatrial.api.metadata import Key
from seatrial.kube.transport import Request
from tests.apiserver import FakeApiServer
from tests.unit.shell import shell_objects as objects
from tests.unit.shell.reconcile_loop import Loop
from tests.unit.shell.shell_objects import NAMESPACE, OWNER, writes_of

pytestmark = pytest.mark.looptime
CHURN = Key(NAMESPACE, "churn")
STATUS = "/modeldeployments/churn/status"


def to_status(request: Request) -> bool:
    return request.method == "PUT" and request.path.endswith(STATUS)


def _creates_service(request: Request) -> bool:
    return request.method == "POST" and request.path.endswith("/services")


class TestLog:
    async def test_each_pass_logs_at_debug_what_was_decided_and_why(
        self, api: FakeApiServer, loop: Loop, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG", logger="seatrial.reporter")
        loop.deliver()
        await loop.work(1)
        decided = [vars(record) for record in caplog.records if record.message == "decided"]
        assert decided[0]["object"] == str(CHURN)
        assert (decided[0]["phase"], decided[0]["reason"]) == ("Deploying", "Starting")
        assert "nothing serves yet" in decided[0]["why"]
        assert f"create Deployment churn-{loop.status()['canary']['revision']}" in decided[0]["actions"]

    async def test_a_pass_logs_no_decision_at_info(
        self, api: FakeApiServer, loop: Loop, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO", logger="seatrial.reporter")
        loop.deliver()
        await loop.work(1)
        assert api.look(kinds.DEPLOYMENT, NAMESPACE, f"churn-{loop.status()['canary']['revision']}")
        assert [record for record in caplog.records if record.message == "decided"] == []


class TestRetries:
    async def test_a_pass_is_retried_after_a_late_renewal_of_the_lease(
        self, api: FakeApiServer, loop: Loop
    ) -> None:
        loop.is_leader = False
        loop.deliver()
        await loop.work(1)
        assert (writes_of(api), loop.passes("not_leader") > 0) == ([], True)
        loop.is_leader = True
        await loop.work(10)
        assert api.look(kinds.DEPLOYMENT, NAMESPACE, f"churn-{loop.status()['canary']['revision']}")

    async def test_a_pass_is_retried_after_the_lease_was_lost_between_two_writes(
        self, api: FakeApiServer, loop: Loop
    ) -> None:
        def lose_lease(write: Any) -> None:
            loop.is_leader = write.subresource != "status" or bool(api.all(kinds.SERVICE))

        api.faults.after_write = lose_lease
        loop.deliver()
        await loop.work(0.1)
        assert [verb for verb, _, _ in writes_of(api)] == ["update"]
        loop.is_leader = True
        await loop.work(10)
        assert len(api.all(kinds.DEPLOYMENT)) == 1

    async def test_a_pass_is_not_retried_before_the_time_that_the_server_asked_for(
        self, api: FakeApiServer, loop: Loop
    ) -> None:
        api.faults.fail_next(1, 429, to_status, retry_after=20)
        loop.deliver()
        await loop.work(19)
        assert len(api.requests) == 1
        await loop.work(2)
        assert len(api.all(kinds.DEPLOYMENT)) == 1

    @pytest.mark.parametrize("carried_out", [True, False])
    async def test_a_creation_with_an_unknown_outcome_is_looked_for_before_it_is_repeated(
        self, api: FakeApiServer, loop: Loop, carried_out: bool
    ) -> None:
        api.faults.fail_next(1, 504, _creates_service, after=carried_out)
        loop.deliver()
        await loop.work(0.8)
        assert sum(map(_creates_service, api.requests)) == 1
        await loop.work(60)
        assert sum(map(_creates_service, api.requests)) == (1 if carried_out else 2)
        assert len(api.all(kinds.DEPLOYMENT)) == 1

    @pytest.mark.parametrize("status", [0, 404, 409, 500])
    async def test_a_pass_is_retried_if_its_status_was_not_stored(
        self, api: FakeApiServer, loop: Loop, status: int
    ) -> None:
        api.faults.fail_next(1, status, to_status)
        loop.deliver()
        await loop.work(0.1)
        assert api.all(kinds.DEPLOYMENT) == [], "nothing is applied before the status is stored"
        await loop.work(5)
        assert len(api.all(kinds.DEPLOYMENT)) == 1

    async def test_a_bug_in_one_pass_does_not_stop_other_objects(
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

    async def test_a_bug_in_a_write_is_reported_until_it_is_gone(
        self, api: FakeApiServer, loop: Loop, caplog: pytest.LogCaptureFixture
    ) -> None:
        broken = True

        def bug(request: Request) -> bool:
            if broken and request.method == "POST" and request.path.endswith("/deployments"):
                raise KeyError("a bug")
            return False

        api.faults.fail_next(1, 500, bug)
        loop.deliver()
        await loop.work(3)
        logged: list[Any] = [record for record in caplog.records if record.exc_info]
        stalled = next(c for c in loop.status()["conditions"] if c["type"] == "Stalled")
        assert (stalled["status"], stalled["reason"]) == ("True", "InternalError")
        assert logged[-1].id in loop.status()["message"]
        writes = loop.status_writes()
        await loop.work(600)
        assert loop.status_writes() == writes, "a bug that recurs changes nothing"
        broken = False
        await loop.work(60)
        assert len(api.all(kinds.DEPLOYMENT)) == 1
        assert "bug" not in loop.status()["message"]

    async def test_an_object_is_never_in_two_passes_at_the_same_time(
        self, api: FakeApiServer, loop: Loop
    ) -> None:
        api.faults.latency = 0.5
        for _ in range(20):
            loop.deliver()
            await loop.work(0.1)
        await loop.work(10)
        children = [write for write in writes_of(api) if write[1] not in {"Event", "ModelDeployment"}]
        assert (len(children), len(set(children))) == (3, 3), "no child was created twice"

    async def test_a_cancelled_pass_leaves_no_key_in_progress(self, api: FakeApiServer, loop: Loop) -> None:
        api.faults.latency = 5
        loop.deliver()
        await loop.work(1)
        assert not loop.queue.idle
        assert loop.task is not None
        loop.task.cancel()
        await asyncio.gather(loop.task, return_exceptions=True)
        assert loop.queue.idle


class TestDeletion:
    async def test_nothing_is_kept_of_a_deleted_object(self, api: FakeApiServer, loop: Loop) -> None:
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

    async def test_nothing_is_kept_of_an_object_deleted_during_its_pass(
        self, api: FakeApiServer, loop: Loop
    ) -> None:
        api.faults.latency = 1
        loop.deliver()
        await loop.work(2.5)
        api.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn")
        loop.deliver()
        await loop.work(600)
        assert (loop.queue.depth, loop.queue.scheduled, loop.queue.retries(CHURN)) == (0, 0, 0)
        assert (loop.reconciler._apply_errors, loop.phase()) == ({}, {})

    async def test_an_object_with_a_deletion_timestamp_is_left_alone(
        self, api: FakeApiServer, loop: Loop
    ) -> None:
        held = {"metadata": {"finalizers": ["example.com/hold"]}}
        api.edit(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn", patch=held)
        api.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn")
        loop.deliver()
        await loop.work(600)
        assert writes_of(api) == []


class TestAnnouncements:
    async def test_an_invalid_spec_is_announced_once_in_status_event_and_metric(
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

    async def test_an_invalid_spec_is_reported_although_the_first_status_write_conflicts(
        self, api: FakeApiServer, loop: Loop
    ) -> None:
        wrong = {"spec": {"scaling": {"replicas": 2, "minReplicas": 1, "maxReplicas": 3}}}
        api.edit(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn", patch=wrong)
        api.faults.fail_next(1, 409, to_status)
        loop.deliver()
        await loop.work(5)
        assert loop.status()["phase"] == "Failed"

    async def test_an_apply_error_that_recurs_is_announced_once(self, api: FakeApiServer, loop: Loop) -> None:
        api.insert(kinds.SERVICE, objects.service(owner=objects.OTHER))
        loop.deliver()
        await loop.work(500)
        assert loop.events() == [("Warning", "NameConflict", 1)]
        assert "belongs to another owner" in loop.status()["message"]
        assert loop.status_writes() <= 3

    async def test_a_resolved_apply_error_is_removed_from_the_status(
        self, api: FakeApiServer, loop: Loop
    ) -> None:
        api.insert(kinds.SERVICE, objects.service(owner=objects.OTHER))
        loop.deliver()
        await loop.work(30)
        api.remove(kinds.SERVICE, NAMESPACE, "churn")
        await loop.work(400)
        assert "belongs to another owner" not in loop.status()["message"]
        assert len(api.all(kinds.DEPLOYMENT)) == 1

    async def test_no_event_is_written_to_an_overloaded_server(self, api: FakeApiServer, loop: Loop) -> None:
        def child(request: Request) -> bool:
            return request.method == "POST" and "/events" not in request.path

        api.faults.fail_next(4, 500, child)
        loop.deliver()
        await loop.work(120)
        assert loop.events() == []
        assert len(api.all(kinds.DEPLOYMENT)) == 1

    async def test_a_requested_pause_is_not_reported_as_an_error(
        self, api: FakeApiServer, loop: Loop
    ) -> None:
        loop.deliver()
        await loop.work(60)
        undisturbed = [kind for _, kind, name in writes_of(api) if name.startswith("churn")]

        loop.limiter.pause(20)
        loop.deliver("other")
        await loop.work(120)
        assert [kind for _, kind, name in writes_of(api) if name.startswith("other")] == undisturbed
        assert loop.events() == []
