"""How a rollout is ended early: whoever has users keeps them, and what was rejected stays so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from seatrial.api import kinds
from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour, BuildBehaviour, Fault, image_of
from tests.stories.specs import built, good_report, image, sick, spec
from tests.stories.world import NAME, NAMESPACE, World, play


def _slow_builds(pod: Body) -> BuildBehaviour:
    return BuildBehaviour(seconds=60, message=good_report(pod).to_json())


async def _abort(world: World) -> Body:
    rollout = (await world.status())["rollout"]
    decision = await world.decide(
        "Abort", revision=rollout["revision"], attempt=rollout["attempt"], reason="p99"
    )
    answer = await world.answer(decision)
    assert answer["phase"] == "Taken", answer
    return await world.status()


async def _while_building(world: World) -> None:
    await world.apply(built("2"))
    await world.until(lambda s: s["rollout"]["phase"] == "Building")


async def _while_starting(world: World) -> None:
    world.cluster.kubelet.serving = sick("v2", Behaviour(ready_after=120))
    await world.apply(spec("v2"))
    await world.until(lambda s: s["rollout"]["phase"] == "Starting" and s["canary"]["replicas"] == 1)


async def _while_shifting(world: World) -> None:
    await world.shifting(spec("v2"))


async def _while_paused(world: World) -> None:
    await world.shifting(spec("v2"))
    await world.apply({**spec("v2"), "paused": True})
    await world.phase("Paused")


async def _while_promoting(world: World) -> None:
    await world.apply(spec("v2", steps=[{"weight": 10, "hold": "5s"}]))
    await world.until(lambda s: s["rollout"]["phase"] == "Promoting")


@pytest.mark.parametrize(
    "reach", [_while_building, _while_starting, _while_shifting, _while_paused, _while_promoting]
)
def test_an_abort_takes_users_home_from_any_state(reach: Callable[[World], Awaitable[None]]) -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        first = (await world.live(spec("v1")))["stable"]["revision"]
        pods = world.pods_of(first)
        await reach(world)
        aborted = await _abort(world)
        assert aborted["stable"]["weight"] == 100
        service = await world.get(kinds.SERVICE, NAME)
        assert service["spec"]["selector"]["seatrial.dev/revision"] == first
        status = await world.until(lambda s: s["rollout"]["phase"] == "Rejected", seconds=60)
        assert (status["phase"], status["history"][0]["outcome"]) == ("Degraded", "Aborted")
        assert status["history"][0]["decidedBy"] == "jo@shop.io"
        assert "p99" in status["rejected"][0]["message"]
        assert world.pods_of(first) == pods

    play(story, building=_slow_builds)


def test_an_abort_of_a_first_start_leaves_nothing_running() -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        await world.apply(spec("v1"))
        await world.until(lambda s: s["rollout"]["phase"] == "Starting" and s["canary"]["replicas"] == 3)
        await _abort(world)
        await world.phase("Failed", seconds=60)
        await world.rest()
        assert await world.all(kinds.POD) == []

    play(story, serving=sick("v1", Behaviour(ready_after=100)))


def test_an_abort_while_stable_is_sick_keeps_the_users_where_somebody_answers() -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        first = (await world.live(spec("v1")))["stable"]["revision"]
        await world.shifting(spec("v2", steps=[{"weight": 25, "hold": "1h"}]))
        await _abort_with_stable_gone(world, first)
        held = await world.until(lambda s: s["rollout"]["phase"] == "RollingBack")
        await world.wait(120)
        held = await world.status()
        assert held["rollout"]["phase"] == "RollingBack"
        assert held["canary"]["weight"] > 0
        assert "aborted" in held["message"]
        assert "no pod of stable is ready" in held["message"]
        world.cluster.kubelet.serving = lambda _pod: Behaviour()
        for pod in world.server.all(kinds.POD, NAMESPACE):
            if "/v1@" in image_of(pod):
                world.server.remove(kinds.POD, NAMESPACE, pod["metadata"]["name"])
        status = await world.phase("Degraded", seconds=120)
        assert status["stable"]["weight"] == 100

    play(story)


async def _abort_with_stable_gone(world: World, first: str) -> None:
    """Both in one pass, so that no rule gives the users to the canary for good first."""
    rollout = (await world.status())["rollout"]
    await world.kill_operator()
    world.cluster.kubelet.serving = sick("v1", Behaviour(fault=Fault.IMAGE_PULL))
    for pod in world.server.all(kinds.POD, NAMESPACE):
        if pod["metadata"]["labels"].get("seatrial.dev/revision") == first:
            world.server.remove(kinds.POD, NAMESPACE, pod["metadata"]["name"])
    await world.wait(5)
    await world.decide("Abort", revision=rollout["revision"], attempt=1)
    await world.start_operator()


def test_a_rejected_spec_that_is_applied_again_is_not_tried_again() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        await world.apply(spec("v2"))
        rejected = await world.phase("Degraded", seconds=90)
        await world.rest()
        writes = len(world.line.writes)
        for _ in range(5):
            await world.apply(spec("v2"))
            await world.wait(180)
        assert len(world.line.writes) == writes
        assert (await world.status())["rejected"] == rejected["rejected"]

    play(story, serving=sick("v2", Behaviour(fault=Fault.CRASH_LOOP)))


def test_after_an_abort_a_third_version_starts_clean() -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        await world.live(spec("v1"))
        await world.shifting(spec("v2"))
        await _abort(world)
        await world.apply(spec("v3"))
        status = await world.phase("Healthy", seconds=400)
        assert status["stable"]["image"] == image("v3")
        assert (status["rollout"]["attempt"], status["rollout"].get("reason")) == (1, None)
        assert [h["outcome"] for h in status["history"]] == ["Promoted", "Aborted", "Promoted"]

    play(story)


def test_an_abort_after_the_promotion_is_refused_and_says_what_to_do() -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        await world.live(spec("v1"))
        revision = (await world.live(spec("v2")))["stable"]["revision"]
        answer = await world.answer(await world.decide("Abort", revision=revision, attempt=1))
        assert (answer["phase"], "Rollback" in answer["message"]) == ("Refused", True)

    play(story)


def test_stable_without_a_pod_is_replaced_by_a_canary_that_has_some() -> None:
    async def story(world: World) -> None:
        first = (await world.live(spec("v1")))["stable"]["revision"]
        status = await world.shifting(spec("v2", steps=[{"weight": 25, "hold": "1h"}]))
        world.cluster.kubelet.serving = sick("v1", Behaviour(fault=Fault.IMAGE_PULL))
        for pod in world.server.all(kinds.POD, NAMESPACE):
            if pod["metadata"]["labels"].get("seatrial.dev/revision") == first:
                world.server.remove(kinds.POD, NAMESPACE, pod["metadata"]["name"])
        last = await world.promoted(status["canary"]["revision"], seconds=60)
        assert last["history"][0]["outcome"] == "Promoted"

    play(story)


def test_templates_of_history_are_kept_however_many_rollouts_fail() -> None:
    async def story(world: World) -> None:
        first = (await world.live(spec("v1", historyLimit=2)))["stable"]["revision"]
        await world.live(spec("v2", historyLimit=2))
        for number in range(5):
            await world.apply(spec(f"bad{number}", historyLimit=2))
            await world.phase("Degraded", seconds=120)
        await world.live(spec("v2", historyLimit=2))
        await world.rest()
        kept = {
            r["metadata"]["labels"]["seatrial.dev/revision"]
            for r in await world.all(kinds.CONTROLLER_REVISION)
        }
        assert first in kept
        assert len(kept) <= 4
        await world.apply(spec("v1", historyLimit=2))
        await world.promoted(first, seconds=20)

    play(
        story,
        serving=lambda pod: Behaviour(fault=Fault.CRASH_LOOP) if "/bad" in image_of(pod) else Behaviour(),
    )
