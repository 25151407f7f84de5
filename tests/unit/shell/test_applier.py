"""A plan's actions are done in an order that is safe, or it is said which one was not and why."""

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
from tests.unit.shell.shell_objects import NAMESPACE, OTHER, OWNER, run, written

pytestmark = pytest.mark.looptime
Reason = reasons.Reason
CHURN = Key(NAMESPACE, "churn")


def creations(*wanted: Body) -> tuple[Action, ...]:
    return tuple(map(Create, wanted))


def of(kind: kinds.Kind) -> object:
    """Chooses requests to objects of a kind."""
    return lambda request: f"/{kind.plural}" in request.path


def scale(name: str = "churn-a", replicas: int = 5) -> actions.Scale:
    return actions.Scale(namespace=NAMESPACE, name=name, replicas=replicas)


class TestInOrder:
    async def test_all_is_done_by_the_pass_itself(
        self, api: FakeApiServer, limiter: Limiter, caches: Caches
    ) -> None:
        """kopf waits at its end for tasks that are younger than itself, and takes their failures for its own."""
        tasks: list[set[asyncio.Task[object]]] = []

        def fence() -> bool:
            tasks.append(asyncio.all_tasks())
            return True

        before = asyncio.all_tasks()
        hands = Applier(Client(api, limiter, fence), caches)
        await run(hands, *creations(objects.revision(), objects.service(), objects.deployment()))
        assert tasks == [before, before, before]
        assert [kind for _, kind, _ in written(api)] == ["ControllerRevision", "Service", "Deployment"]

    async def test_nothing_comes_after_what_failed(self, api: FakeApiServer, hands: Applier) -> None:
        api.faults.fail_next(1, 500, of(kinds.SERVICE))  # type: ignore[arg-type]
        outcome = await run(hands, *creations(objects.revision(), objects.service(), objects.deployment()))
        assert (outcome.done, outcome.apply_error is not None) == (1, True)
        assert api.look(kinds.DEPLOYMENT, NAMESPACE, "churn-a") is None

    async def test_nothing_comes_after_a_lost_lease(
        self, api: FakeApiServer, limiter: Limiter, caches: Caches
    ) -> None:
        asked: list[str] = []

        def fence() -> bool:
            asked.append("")
            return len(asked) == 1

        hands = Applier(Client(api, limiter, fence), caches)
        with pytest.raises(failures.NotLeader):
            await run(hands, *creations(objects.service(), objects.deployment()))
        assert len(caches.of(kinds.SERVICE, CHURN)) == 1, "what had been done is known"


class TestDoing:
    async def test_what_is_made_is_known_at_once(self, hands: Applier, caches: Caches) -> None:
        await run(hands, *creations(objects.deployment()))
        (known,) = caches.of(kinds.DEPLOYMENT, CHURN)
        assert api_objects.uid_of(known)

    async def test_what_is_deleted_is_gone_at_once_and_may_be_deleted_twice(
        self, hands: Applier, caches: Caches
    ) -> None:
        await run(hands, *creations(objects.deployment()))
        gone = actions.delete_action(*caches.of(kinds.DEPLOYMENT, CHURN))
        assert await run(hands, gone, gone) == ApplyOutcome(done=2)
        assert caches.of(kinds.DEPLOYMENT, CHURN) == ()

    async def test_another_of_the_name_is_not_deleted(
        self, api: FakeApiServer, hands: Applier, caches: Caches
    ) -> None:
        await run(hands, *creations(objects.deployment()))
        gone = actions.delete_action(*caches.of(kinds.DEPLOYMENT, CHURN))
        outcome = await run(hands, replace(gone, uid="another"))
        assert outcome == ApplyOutcome(done=0, retry=True)
        assert api.look(kinds.DEPLOYMENT, NAMESPACE, "churn-a") is not None

    async def test_a_count_goes_through_the_scale_alone(self, api: FakeApiServer, hands: Applier) -> None:
        await run(hands, *creations(objects.deployment()))
        assert await run(hands, scale(replicas=5)) == ApplyOutcome(done=1)
        assert [write.subresource for write in api.writes] == ["", "scale"]
        seen = api.look(kinds.DEPLOYMENT, NAMESPACE, "churn-a")
        assert seen is not None
        assert seen["spec"]["replicas"] == 5


class TestNamesThatAreTaken:
    async def test_by_a_child_that_was_made_before_a_crash(
        self, api: FakeApiServer, hands: Applier, caches: Caches
    ) -> None:
        api.insert(kinds.DEPLOYMENT, objects.deployment())
        assert await run(hands, *creations(objects.deployment())) == ApplyOutcome(done=1)
        assert len(caches.of(kinds.DEPLOYMENT, CHURN)) == 1
        assert [verb for verb, _, _ in written(api)] == ["create"], "nothing was written over it"

    async def test_by_a_child_that_has_lost_its_labels(
        self, api: FakeApiServer, hands: Applier, caches: Caches
    ) -> None:
        bare = objects.deployment(replicas=7)
        bare["metadata"]["labels"] = {"team": "risk"}
        api.insert(kinds.DEPLOYMENT, bare)
        assert await run(hands, *creations(objects.deployment(replicas=3))) == ApplyOutcome(done=1)
        (known,) = caches.of(kinds.DEPLOYMENT, CHURN)
        assert known["metadata"]["labels"]["team"] == "risk"
        assert known["spec"]["replicas"] == 7, "how many pods there are is not for an apply to say"

    async def test_by_an_orphan_of_ours(self, api: FakeApiServer, hands: Applier) -> None:
        orphan = objects.deployment(replicas=7)
        del orphan["metadata"]["ownerReferences"]
        api.insert(kinds.DEPLOYMENT, orphan)
        assert await run(hands, *creations(objects.deployment(replicas=3))) == ApplyOutcome(done=1)
        (adopted,) = api.all(kinds.DEPLOYMENT)
        assert adopted["metadata"]["ownerReferences"] == [OWNER.reference()]
        assert adopted["spec"]["replicas"] == 7

    @pytest.mark.parametrize("owned", [True, False], ids=["with an owner", "without an owner"])
    async def test_by_somebody_else(self, api: FakeApiServer, hands: Applier, owned: bool) -> None:
        foreign = objects.service(owner=OTHER)
        if not owned:
            del foreign["metadata"]["ownerReferences"]
        api.insert(kinds.SERVICE, foreign)
        before = api.all(kinds.SERVICE)
        outcome = await run(hands, *creations(objects.service(), objects.deployment()))
        assert outcome.apply_error is not None
        assert outcome.apply_error.reason == Reason.NAME_CONFLICT
        assert api.all(kinds.SERVICE) == before

    async def test_by_a_child_of_a_deleted_object_of_the_name(
        self, api: FakeApiServer, hands: Applier
    ) -> None:
        left = objects.service(owner=replace(OWNER, uid="uid-before"))
        left["metadata"]["finalizers"] = ["example.com/slow"]
        api.insert(kinds.SERVICE, left)
        outcome = await run(hands, *creations(objects.service()))
        assert outcome.apply_error is not None
        assert outcome.apply_error.reason == Reason.PENDING
        assert outcome.apply_error.message.startswith("Service churn belongs to a deleted object")

    async def test_by_what_is_gone_a_moment_later(self, api: FakeApiServer, hands: Applier) -> None:
        api.insert(kinds.SERVICE, objects.service())

        def vanish(request: Request) -> bool:
            if request.method == "GET":
                api.remove(kinds.SERVICE, NAMESPACE, "churn")
            return False

        api.faults.fail_next(1, 500, vanish)
        assert await run(hands, *creations(objects.service())) == ApplyOutcome(done=0, retry=True)


class TestFailing:
    @pytest.mark.parametrize(
        ("status", "reason", "after", "said"),
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
    async def test_says_what_why_and_when_to_come_again(
        self,
        api: FakeApiServer,
        hands: Applier,
        status: int,
        reason: Reason,
        after: float | None,
        said: str,
    ) -> None:
        api.faults.fail_next(1, status, retry_after=7 if status in {429, 500} else None)
        outcome = await run(hands, *creations(objects.deployment()))
        assert (outcome.done, outcome.retry, outcome.retry_after) == (0, False, after)
        assert outcome.apply_error is not None
        assert outcome.apply_error.reason == reason
        assert outcome.apply_error.message.startswith(f"Deployment churn-a {said}: ")

    @pytest.mark.parametrize("status", [404, 409])
    async def test_that_the_world_has_moved_on_is_no_setback(
        self, api: FakeApiServer, hands: Applier, status: int
    ) -> None:
        api.faults.fail_next(1, status)
        assert await run(hands, *creations(objects.deployment())) == ApplyOutcome(done=0, retry=True)

    async def test_what_is_invalid_in_a_count_is_not_the_spec_s(
        self, api: FakeApiServer, hands: Applier
    ) -> None:
        await run(hands, *creations(objects.deployment()))
        api.faults.fail_next(1, 422)
        outcome = await run(hands, scale())
        assert outcome.apply_error is not None
        assert outcome.apply_error.reason == Reason.API_REFUSED
        assert outcome.apply_error.message.startswith("Deployment churn-a could not be written: ")

    async def test_a_pause_of_the_server_is_no_setback_and_says_when_it_ends(
        self, api: FakeApiServer, hands: Applier, limiter: Limiter
    ) -> None:
        limiter.pause(20)
        assert await run(hands, *creations(objects.deployment())) == ApplyOutcome(
            done=0, retry=True, retry_after=20
        )
        assert api.requests == []

    async def test_what_went_well_before_is_counted(self, api: FakeApiServer, hands: Applier) -> None:
        api.faults.fail_next(1, 500, of(kinds.HPA))  # type: ignore[arg-type]
        todo = creations(objects.service(), objects.deployment(), objects.autoscaler(), objects.job())
        assert (await run(hands, *todo)).done == 2
        assert api.all(kinds.JOB) == []
