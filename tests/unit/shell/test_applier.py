"""The actions of a plan are carried out in order; the outcome reports the first failure."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from seatrial.api import kinds, reasons
from seatrial.api import objects as api_objects
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.applier import Applier, ApplyOutcome
from seatrial.children import actions
from seatrial.children.actions import Action, Create
from seatrial.kube import failures
from seatrial.kube.caches import Caches
from seatrial.kube.client import Client
from seatrial.kube.limiter import Limiter
from seatrial.kube.transport import Request
from tests.apiserver import FakeApiServer
from tests.unit.shell import shell_objects as objects
from tests.unit.shell.shell_objects import NAMESPACE, OTHER, OWNER, apply, writes_of

pytestmark = pytest.mark.looptime
Reason = reasons.Reason
CHURN = Key(NAMESPACE, "churn")


def creates(*wanted: Body) -> tuple[Action, ...]:
    return tuple(map(Create, wanted))


def of(kind: kinds.Kind) -> object:
    """Return a predicate for requests to objects of a kind."""
    return lambda request: f"/{kind.plural}" in request.path


def scale(name: str = "churn-a", replicas: int = 5) -> actions.Scale:
    return actions.Scale(namespace=NAMESPACE, name=name, replicas=replicas)


class TestLateWrites:
    """A process that was stopped continues with what it had decided; others may have decided since."""

    async def test_a_deployment_that_was_written_since_is_not_scaled(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        seen = api.insert(kinds.DEPLOYMENT, objects.deployment())
        api.edit(kinds.DEPLOYMENT, NAMESPACE, "churn-a", patch={"spec": {"replicas": 7}})
        late = replace(scale(replicas=0), resource_version=seen["metadata"]["resourceVersion"])
        outcome = await apply(applier, late)
        assert (outcome.retry, outcome.apply_error) == (True, None)
        assert api.look(kinds.DEPLOYMENT, NAMESPACE, "churn-a")["spec"]["replicas"] == 7  # type: ignore[index]

    async def test_a_deployment_that_was_written_since_is_not_deleted(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        seen = api.insert(kinds.DEPLOYMENT, objects.deployment())
        api.edit(kinds.DEPLOYMENT, NAMESPACE, "churn-a", patch={"spec": {"replicas": 7}})
        outcome = await apply(applier, actions.delete_action(seen))
        assert (outcome.retry, outcome.apply_error) == (True, None)
        assert api.look(kinds.DEPLOYMENT, NAMESPACE, "churn-a") is not None


class TestOrder:
    async def test_actions_run_one_after_the_other_in_the_task_of_the_pass(
        self, api: FakeApiServer, limiter: Limiter, caches: Caches
    ) -> None:
        """When kopf ends it waits for tasks that are younger than itself, and treats their failures as its own."""
        tasks: list[set[asyncio.Task[object]]] = []

        def fence() -> bool:
            tasks.append(asyncio.all_tasks())
            return True

        before = asyncio.all_tasks()
        applier = Applier(Client(api, limiter, fence), caches)
        await apply(applier, *creates(objects.revision(), objects.service(), objects.deployment()))
        assert tasks == [before, before, before]
        assert [kind for _, kind, _ in writes_of(api)] == ["ControllerRevision", "Service", "Deployment"]

    async def test_nothing_is_done_after_the_first_failure(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        api.faults.fail_next(1, 500, of(kinds.SERVICE))  # type: ignore[arg-type]
        outcome = await apply(applier, *creates(objects.revision(), objects.service(), objects.deployment()))
        assert (outcome.done, outcome.apply_error is not None) == (1, True)
        assert api.look(kinds.DEPLOYMENT, NAMESPACE, "churn-a") is None

    async def test_nothing_is_done_after_the_lease_is_lost(
        self, api: FakeApiServer, limiter: Limiter, caches: Caches
    ) -> None:
        checks: list[str] = []

        def fence() -> bool:
            checks.append("")
            return len(checks) == 1

        applier = Applier(Client(api, limiter, fence), caches)
        with pytest.raises(failures.NotLeader):
            await apply(applier, *creates(objects.service(), objects.deployment()))
        assert len(caches.of(kinds.SERVICE, CHURN)) == 1, "what was done is in the caches"


class TestActions:
    async def test_a_created_object_is_in_the_caches_at_once(self, applier: Applier, caches: Caches) -> None:
        await apply(applier, *creates(objects.deployment()))
        (cached,) = caches.of(kinds.DEPLOYMENT, CHURN)
        assert api_objects.uid_of(cached)

    async def test_a_deleted_object_is_gone_from_the_caches_and_may_be_deleted_twice(
        self, applier: Applier, caches: Caches
    ) -> None:
        await apply(applier, *creates(objects.deployment()))
        gone = actions.delete_action(*caches.of(kinds.DEPLOYMENT, CHURN))
        assert await apply(applier, gone, gone) == ApplyOutcome(done=2)
        assert caches.of(kinds.DEPLOYMENT, CHURN) == ()

    async def test_an_object_with_another_uid_is_not_deleted(
        self, api: FakeApiServer, applier: Applier, caches: Caches
    ) -> None:
        await apply(applier, *creates(objects.deployment()))
        gone = actions.delete_action(*caches.of(kinds.DEPLOYMENT, CHURN))
        outcome = await apply(applier, replace(gone, uid="another"))
        assert outcome == ApplyOutcome(done=0, retry=True)
        assert api.look(kinds.DEPLOYMENT, NAMESPACE, "churn-a") is not None

    async def test_replicas_are_set_through_the_scale_subresource_only(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        await apply(applier, *creates(objects.deployment()))
        assert await apply(applier, scale(replicas=5)) == ApplyOutcome(done=1)
        assert [write.subresource for write in api.writes] == ["", "scale"]
        deployment = api.look(kinds.DEPLOYMENT, NAMESPACE, "churn-a")
        assert deployment is not None
        assert deployment["spec"]["replicas"] == 5


class TestExistingObjects:
    async def test_a_child_created_before_a_crash_is_used(
        self, api: FakeApiServer, applier: Applier, caches: Caches
    ) -> None:
        api.insert(kinds.DEPLOYMENT, objects.deployment())
        assert await apply(applier, *creates(objects.deployment())) == ApplyOutcome(done=1)
        assert len(caches.of(kinds.DEPLOYMENT, CHURN)) == 1
        assert [verb for verb, _, _ in writes_of(api)] == ["create"], "it was not overwritten"

    async def test_a_child_that_lost_its_labels_is_labelled_again(
        self, api: FakeApiServer, applier: Applier, caches: Caches
    ) -> None:
        unlabelled = objects.deployment(replicas=7)
        unlabelled["metadata"]["labels"] = {"team": "risk"}
        api.insert(kinds.DEPLOYMENT, unlabelled)
        assert await apply(applier, *creates(objects.deployment(replicas=3))) == ApplyOutcome(done=1)
        (cached,) = caches.of(kinds.DEPLOYMENT, CHURN)
        assert cached["metadata"]["labels"]["team"] == "risk"
        assert cached["spec"]["replicas"] == 7, "an apply does not change the replicas"

    async def test_an_orphan_is_adopted(self, api: FakeApiServer, applier: Applier) -> None:
        orphan = objects.deployment(replicas=7)
        del orphan["metadata"]["ownerReferences"]
        api.insert(kinds.DEPLOYMENT, orphan)
        assert await apply(applier, *creates(objects.deployment(replicas=3))) == ApplyOutcome(done=1)
        (adopted,) = api.all(kinds.DEPLOYMENT)
        assert adopted["metadata"]["ownerReferences"] == [OWNER.reference()]
        assert adopted["spec"]["replicas"] == 7

    @pytest.mark.parametrize("owned", [True, False], ids=["with an owner", "without an owner"])
    async def test_an_object_of_another_owner_is_a_name_conflict(
        self, api: FakeApiServer, applier: Applier, owned: bool
    ) -> None:
        existing = objects.service(owner=OTHER)
        if not owned:
            del existing["metadata"]["ownerReferences"]
        api.insert(kinds.SERVICE, existing)
        before = api.all(kinds.SERVICE)
        outcome = await apply(applier, *creates(objects.service(), objects.deployment()))
        assert outcome.apply_error is not None
        assert outcome.apply_error.reason == Reason.NAME_CONFLICT
        assert api.all(kinds.SERVICE) == before

    async def test_a_child_of_a_deleted_object_is_waited_for(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        leftover = objects.service(owner=replace(OWNER, uid="uid-before"))
        leftover["metadata"]["finalizers"] = ["example.com/slow"]
        api.insert(kinds.SERVICE, leftover)
        outcome = await apply(applier, *creates(objects.service()))
        assert outcome.apply_error is not None
        assert outcome.apply_error.reason == Reason.PENDING
        assert outcome.apply_error.message.startswith("Service churn belongs to a deleted object")

    async def test_an_object_that_is_gone_a_moment_later_leads_to_another_pass(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        api.insert(kinds.SERVICE, objects.service())

        def vanish(request: Request) -> bool:
            if request.method == "GET":
                api.remove(kinds.SERVICE, NAMESPACE, "churn")
            return False

        api.faults.fail_next(1, 500, vanish)
        assert await apply(applier, *creates(objects.service())) == ApplyOutcome(done=0, retry=True)


class TestFailures:
    @pytest.mark.parametrize(
        ("status", "reason", "after", "result"),
        [
            (401, Reason.API_UNAUTHORIZED, 30, "could not be written"),
            (403, Reason.API_FORBIDDEN, 30, "could not be written"),
            (405, Reason.API_REFUSED, None, "could not be written"),
            (422, Reason.INVALID_SPEC, None, "was rejected"),
            (400, Reason.INVALID_SPEC, None, "was rejected"),
            (413, Reason.INVALID_SPEC, None, "was rejected"),
            (429, Reason.API_TOO_MANY_REQUESTS, 7, "could not be written"),
            (500, Reason.API_UNAVAILABLE, 7, "could not be written"),
            (0, Reason.API_UNAVAILABLE, None, "could not be written"),
        ],
    )
    async def test_an_error_is_reported_with_reason_message_and_delay(
        self,
        api: FakeApiServer,
        applier: Applier,
        status: int,
        reason: Reason,
        after: float | None,
        result: str,
    ) -> None:
        api.faults.fail_next(1, status, retry_after=7 if status in {429, 500} else None)
        outcome = await apply(applier, *creates(objects.deployment()))
        assert (outcome.done, outcome.retry, outcome.retry_after) == (0, False, after)
        assert outcome.apply_error is not None
        assert outcome.apply_error.reason == reason
        assert outcome.apply_error.message.startswith(f"Deployment churn-a {result}: ")

    @pytest.mark.parametrize("status", [404, 409])
    async def test_a_changed_cluster_leads_to_another_pass_without_an_error(
        self, api: FakeApiServer, applier: Applier, status: int
    ) -> None:
        api.faults.fail_next(1, status)
        assert await apply(applier, *creates(objects.deployment())) == ApplyOutcome(done=0, retry=True)

    async def test_rejected_replicas_are_not_blamed_on_the_spec(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        await apply(applier, *creates(objects.deployment()))
        api.faults.fail_next(1, 422)
        outcome = await apply(applier, scale())
        assert outcome.apply_error is not None
        assert outcome.apply_error.reason == Reason.API_REFUSED
        assert outcome.apply_error.message.startswith("Deployment churn-a could not be written: ")

    async def test_a_requested_pause_leads_to_another_pass_after_it_without_an_error(
        self, api: FakeApiServer, applier: Applier, limiter: Limiter
    ) -> None:
        limiter.pause(20)
        assert await apply(applier, *creates(objects.deployment())) == ApplyOutcome(
            done=0, retry=True, retry_after=20
        )
        assert api.requests == []

    async def test_the_actions_before_the_failure_are_counted(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        api.faults.fail_next(1, 500, of(kinds.HPA))  # type: ignore[arg-type]
        plan = creates(objects.service(), objects.deployment(), objects.autoscaler(), objects.job())
        assert (await apply(applier, *plan)).done == 2
        assert api.all(kinds.JOB) == []
