"""A pass that does not come to its end comes again, and of what is deleted nothing stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from seatrial.api import settings
from seatrial.api.keys import Key
from seatrial.applier import Applier
from seatrial.kube import kinds
from seatrial.kube.bodies import Body
from seatrial.kube.caches import Caches
from seatrial.kube.client import Client
from seatrial.kube.fake import FakeApiServer
from seatrial.kube.known import Known
from seatrial.kube.limiter import Limiter
from seatrial.kube.queue import KeyedQueue
from seatrial.kube.transport import Request
from seatrial.observer import Observer, Referrers
from seatrial.reconciler import Reconciler, Shell, crew
from seatrial.reporter import Reporter
from seatrial.telemetry import Telemetry
from tests.unit.shell import shell_objects as objects
from tests.unit.shell.shell_objects import NAMESPACE, OWNER, START, written

pytestmark = pytest.mark.looptime
CHURN = Key(NAMESPACE, "churn")
STATUS = "/modeldeployments/churn/status"


class Loop:
    """The loop over the fake, without informers: it knows what the test delivers and what it wrote itself."""

    def __init__(self, api: FakeApiServer) -> None:
        clock = asyncio.get_running_loop().time
        self.api = api
        self.leads = True
        self.known = Known()
        self.queue: KeyedQueue[Key] = KeyedQueue(jitter=lambda: 0.0)
        self.telemetry = Telemetry(CollectorRegistry())
        self.referrers = Referrers()
        self.limiter = Limiter(clock)
        client = Client(api, self.limiter, lambda: self.leads)
        caches = Caches(client, self.queue.add, lambda *_place: None, clock=clock)

        def now() -> Any:
            return START + timedelta(seconds=clock())

        self.reconciler = Reconciler(
            Shell(
                observer=Observer(client, caches, self.referrers),
                applier=Applier(client, caches),
                reporter=Reporter(client, self.known, self.telemetry, clock=now),
                known=self.known,
                queue=self.queue,
                telemetry=self.telemetry,
                settings=settings.Settings(),
                clock=now,
            )
        )
        self.task: asyncio.Task[None] | None = None

    async def work(self, seconds: float = 0.1) -> None:
        """So much time has passed, with workers at work."""
        if self.task is None:
            self.task = asyncio.create_task(crew(self.reconciler, size=3, ready=asyncio.sleep(0)))
        await asyncio.sleep(seconds)
        assert not self.task.done(), "a worker has died"

    def deliver(self, name: str = "churn") -> None:
        """kopf's watch tells of the object as it is now."""
        body = self.api.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, name)
        if body is not None:
            self.known.take(body)
        elif (last := self.known.get(Key(NAMESPACE, name))) is not None:
            self.known.drop(last)
        self.queue.add(Key(NAMESPACE, name))

    def passes(self, result: str) -> float:
        value = self.telemetry.registry.get_sample_value("seatrial_reconcile_total", {"result": result})
        return value or 0.0

    def status(self) -> Body:
        body = self.api.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn") or {}
        status: Body = body.get("status") or {}
        return status

    def events(self) -> list[tuple[str, str, int]]:
        """Type, reason and count of every Event."""
        return [(e["type"], e["reason"], e["count"]) for e in self.api.all(kinds.EVENT)]

    def status_writes(self) -> int:
        return sum(write.subresource == "status" for write in self.api.writes)

    def phase(self) -> dict[str, float]:
        """The phases that the metrics show."""
        found = next(m for m in self.telemetry.registry.collect() if m.name == "seatrial_phase")
        return {sample.labels["phase"]: sample.value for sample in found.samples if sample.value}


@pytest.fixture
async def loop(api: FakeApiServer) -> AsyncIterator[Loop]:
    loop = Loop(api)
    yield loop
    if loop.task is not None:
        loop.task.cancel()


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
        assert loop.referrers.of("ConfigMap", NAMESPACE, "settings") == {CHURN}
        api.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn")
        loop.deliver()
        await loop.work(600)
        assert (loop.queue.depth, loop.queue.scheduled, loop.queue.failures(CHURN)) == (0, 0, 0)
        assert loop.referrers.of("ConfigMap", NAMESPACE, "settings") == frozenset()
        assert loop.reconciler._setbacks == {}
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
        assert (loop.queue.depth, loop.queue.scheduled, loop.queue.failures(CHURN)) == (0, 0, 0)
        assert (loop.reconciler._setbacks, loop.phase()) == ({}, {})

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
        assert "belongs to somebody else" in loop.status()["message"]
        assert loop.status_writes() <= 3

    async def test_that_a_setback_is_over(self, api: FakeApiServer, loop: Loop) -> None:
        api.insert(kinds.SERVICE, objects.service(owner=objects.OTHER))
        loop.deliver()
        await loop.work(30)
        api.remove(kinds.SERVICE, NAMESPACE, "churn")
        await loop.work(400)
        assert "belongs to somebody else" not in loop.status()["message"]
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

        loop.limiter.hold_off(20)
        loop.deliver("other")
        await loop.work(120)
        assert [kind for _, kind, name in written(api) if name.startswith("other")] == undisturbed
        assert loop.events() == []
