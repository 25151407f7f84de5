"""Each action is carried out as it says, and a failure is reported with its reason, cause and delay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from seatrial.api import kinds, reasons
from seatrial.api import objects as api_objects
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.applier import Applier, ApplyOutcome
from seatrial.children import actions
from seatrial.children.actions import Action, Create
from seatrial.kube.caches import Caches
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


def of(kind: kinds.Kind) -> Callable[[Request], bool]:
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
        assert (outcome.retry, outcome.apply_errors) == (True, ())
        assert api.look(kinds.DEPLOYMENT, NAMESPACE, "churn-a")["spec"]["replicas"] == 7  # type: ignore[index]

    async def test_a_deployment_that_was_written_since_is_not_deleted(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        seen = api.insert(kinds.DEPLOYMENT, objects.deployment())
        api.edit(kinds.DEPLOYMENT, NAMESPACE, "churn-a", patch={"spec": {"replicas": 7}})
        outcome = await apply(applier, actions.delete_action(seen))
        assert (outcome.retry, outcome.apply_errors) == (True, ())
        assert api.look(kinds.DEPLOYMENT, NAMESPACE, "churn-a") is not None


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
        (error,) = outcome.apply_errors
        assert error.reason == Reason.NAME_CONFLICT
        assert api.all(kinds.SERVICE) == before

    async def test_a_child_of_a_deleted_object_is_waited_for(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        leftover = objects.service(owner=replace(OWNER, uid="uid-before"))
        leftover["metadata"]["finalizers"] = ["example.com/slow"]
        api.insert(kinds.SERVICE, leftover)
        outcome = await apply(applier, *creates(objects.service()))
        (error,) = outcome.apply_errors
        assert error.reason == Reason.PENDING
        assert error.message.startswith("Service churn belongs to a deleted object")

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
        (error,) = outcome.apply_errors
        assert error.reason == reason
        assert error.message.startswith(f"Deployment churn-a {result}: ")

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
        (error,) = outcome.apply_errors
        assert error.reason == Reason.API_REFUSED
        assert error.message.startswith("Deployment churn-a could not be written: ")

    async def test_a_requested_pause_leads_to_another_pass_after_it_without_an_error(
        self, api: FakeApiServer, applier: Applier, limiter: Limiter
    ) -> None:
        limiter.pause(20)
        assert await apply(applier, *creates(objects.deployment())) == ApplyOutcome(
            done=0, retry=True, retry_after=20
        )
        assert api.requests == []

    async def test_the_actions_that_were_done_are_counted(self, api: FakeApiServer, applier: Applier) -> None:
        api.faults.fail_next(1, 500, of(kinds.HPA))
        plan = creates(objects.service(), objects.deployment(), objects.autoscaler(), objects.job())
        assert (await apply(applier, *plan)).done == 3

    async def test_the_shortest_delay_that_every_failure_names_is_waited_for(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        api.faults.fail_next(1, 401, of(kinds.SERVICE))
        api.faults.fail_next(1, 429, of(kinds.DEPLOYMENT), retry_after=0)
        outcome = await apply(applier, *creates(objects.service(), objects.deployment()))
        assert outcome.retry_after == 0
        api.faults.fail_next(1, 401, of(kinds.SERVICE))
        api.faults.fail_next(1, 500, of(kinds.DEPLOYMENT))
        outcome = await apply(applier, *creates(objects.service(), objects.deployment()))
        assert outcome.retry_after is None, "the back-off of the queue"

    async def test_an_unknown_field_is_named_as_in_the_spec_and_nothing_is_created(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        body = objects.deployment()
        body["spec"]["template"]["spec"]["tolerations"] = [{"kee": "gpu"}]
        (error,) = (await apply(applier, *creates(body))).apply_errors
        assert error.reason == Reason.INVALID_SPEC
        assert "spec.serving.pod.tolerations[0].kee: unknown field" in error.message
        assert api.all(kinds.DEPLOYMENT) == []

    async def test_an_apply_that_does_not_fit_the_schema_is_an_invalid_spec(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        """The API server answers with status 500, as if it were out of order."""
        await apply(applier, *creates(objects.deployment()))
        body = objects.deployment()
        body["spec"]["template"]["spec"]["tolerations"] = [{"kee": "gpu"}]
        (error,) = (await apply(applier, actions.Apply(body))).apply_errors
        assert error.reason == Reason.INVALID_SPEC
        assert "spec.serving.pod.tolerations[0].kee: unknown field" in error.message
