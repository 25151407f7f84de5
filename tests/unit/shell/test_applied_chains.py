"""The chains of a plan are carried out at the same time; a failure stops what needs it, and every one is reported."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from seatrial.api import kinds, reasons
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.applier import Applier, ApplyOutcome
from seatrial.children.actions import Action, Create
from seatrial.children.chains import Chain
from seatrial.core.snapshot import Harm
from seatrial.kube import failures
from seatrial.kube.caches import Caches
from seatrial.kube.client import Client
from seatrial.kube.limiter import Limiter
from seatrial.kube.transport import Request
from tests.apiserver import FakeApiServer
from tests.unit.shell import shell_objects as objects
from tests.unit.shell.shell_objects import NAMESPACE, OWNER, apply, writes_of

pytestmark = pytest.mark.looptime
Reason = reasons.Reason
CHURN = Key(NAMESPACE, "churn")


def creates(*wanted: Body) -> tuple[Action, ...]:
    return tuple(map(Create, wanted))


def of(kind: kinds.Kind) -> Callable[[Request], bool]:
    """Return a predicate for requests to objects of a kind."""
    return lambda request: f"/{kind.plural}" in request.path


def chain(name: str, *plan: Action, **relations: Any) -> Chain:
    """Return one chain of actions."""
    return Chain(name=name, actions=plan, **relations)


async def carry_out(applier: Applier, *chains: Chain) -> ApplyOutcome:
    """Carry out the chains for the owner churn."""
    return await applier.apply(chains, uid=OWNER.uid)


def kinds_of(api: FakeApiServer) -> list[str]:
    """Return the kinds of all writes, in their order."""
    return [kind for _, kind, _ in writes_of(api)]


@pytest.fixture
async def helpers(applier: Applier) -> AsyncIterator[None]:
    """Run two tasks that help the applier."""
    tasks = [asyncio.create_task(applier.help()) for _ in range(2)]
    await asyncio.sleep(0)
    yield
    for task in tasks:
        task.cancel()


class TestOrder:
    async def test_without_help_a_pass_runs_one_chain_after_the_other_in_its_own_task(
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
        assert kinds_of(api) == ["ControllerRevision", "Service", "Deployment"]

    @pytest.mark.usefixtures("helpers")
    async def test_independent_chains_are_written_at_the_same_time_by_tasks_that_exist(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        api.faults.latency, before = 1.0, asyncio.all_tasks()
        start = asyncio.get_running_loop().time()
        running = apply(applier, *creates(objects.revision(), objects.service(), objects.deployment()))
        assert await running == ApplyOutcome(done=3)
        assert asyncio.get_running_loop().time() - start == pytest.approx(1.0)
        assert asyncio.all_tasks() == before

    @pytest.mark.usefixtures("helpers")
    async def test_more_chains_than_helpers_are_all_carried_out(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        api.faults.latency = 1.0
        bodies = (
            objects.revision(),
            objects.service(),
            objects.deployment(),
            objects.job(),
            objects.budget(),
        )
        assert await apply(applier, *creates(*bodies)) == ApplyOutcome(done=5)
        assert kinds_of(api)[0] == "ControllerRevision", "nothing overtakes what stands first"

    @pytest.mark.usefixtures("helpers")
    @pytest.mark.parametrize("relation", ["needs", "after"])
    async def test_a_chain_begins_when_what_it_needs_or_follows_is_over(
        self, api: FakeApiServer, applier: Applier, relation: str
    ) -> None:
        api.faults.latency = 1.0
        copies = chain("copies", *creates(objects.settings()))
        second = chain("deployment", *creates(objects.deployment()), **{relation: frozenset({"copies"})})
        third = chain("service", *creates(objects.service()))
        assert (await carry_out(applier, copies, second, third)).done == 3
        assert kinds_of(api) == ["ConfigMap", "Service", "Deployment"]

    async def test_a_chain_ends_with_its_first_failure(self, api: FakeApiServer, applier: Applier) -> None:
        api.faults.fail_next(1, 500, of(kinds.SERVICE))
        outcome = await carry_out(
            applier, chain("traffic", *creates(objects.service(), objects.deployment()))
        )
        assert (outcome.done, len(outcome.apply_errors)) == (0, 1)
        assert kinds_of(api) == []

    @pytest.mark.parametrize("help_size", [0, 2])
    async def test_a_failure_stops_only_what_needs_it(
        self, api: FakeApiServer, applier: Applier, help_size: int
    ) -> None:
        helping = [asyncio.create_task(applier.help()) for _ in range(help_size)]
        await asyncio.sleep(0)
        api.faults.fail_next(1, 422, of(kinds.CONFIG_MAP))
        outcome = await carry_out(
            applier,
            chain("copies", *creates(objects.settings())),
            chain("deployment", *creates(objects.deployment()), needs=frozenset({"copies"})),
            chain("budget", *creates(objects.budget()), needs=frozenset({"deployment"})),
            chain("job", *creates(objects.job()), after=frozenset({"deployment"})),
            chain("traffic", *creates(objects.service())),
        )
        assert sorted(kinds_of(api)) == ["Job", "Service"]
        assert [error.child for error in outcome.apply_errors] == ["ConfigMap churn-a-0"]
        for task in helping:
            task.cancel()

    async def test_every_failure_is_reported_the_most_harmful_first(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        api.faults.fail_next(3, 403)
        outcome = await carry_out(
            applier,
            chain("budget", *creates(objects.budget())),
            chain("deployment", *creates(objects.deployment()), harm=Harm.PODS),
            chain("traffic", *creates(objects.service()), harm=Harm.TRAFFIC),
        )
        assert [error.child.split()[0] for error in outcome.apply_errors] == [
            "Service",
            "Deployment",
            "PodDisruptionBudget",
        ]

    async def test_a_bug_in_one_chain_is_raised_when_the_others_are_over(
        self, api: FakeApiServer, applier: Applier
    ) -> None:
        unknown = {**objects.service(), "kind": "Unheard"}
        with pytest.raises(LookupError):
            await apply(applier, *creates(unknown, objects.deployment()))
        assert kinds_of(api) == ["Deployment"]

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
