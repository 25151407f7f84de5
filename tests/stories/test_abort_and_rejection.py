"""Rollouts that end early: traffic stays where pods are ready, and a rejected revision stays rejected."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from seatrial.api import kinds
from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour, BuildBehaviour, Fault, image_of
from tests.stories.conditions import condition_reasons, condition_statuses
from tests.stories.specs import failing_pods, image, spec, spec_to_build, successful_report
from tests.stories.world import NAME, NAMESPACE, World, run_story


def _slow_builds(pod: Body) -> BuildBehaviour:
    return BuildBehaviour(seconds=60, message=successful_report(pod).to_json())


async def _abort(world: World) -> Body:
    rollout = (await world.status())["rollout"]
    decision = await world.decide(
        "Abort", revision=rollout["revision"], attempt=rollout["attempt"], reason="p99"
    )
    result = await world.wait_for_result(decision)
    assert result["phase"] == "Taken", result
    return await world.status()


async def _reach_building(world: World) -> None:
    await world.apply(spec_to_build("2"))
    await world.wait_until(lambda s: s["rollout"]["phase"] == "Building")


async def _reach_starting(world: World) -> None:
    world.cluster.kubelet.serving = failing_pods("v2", Behaviour(ready_after=120))
    await world.apply(spec("v2"))
    await world.wait_until(lambda s: s["rollout"]["phase"] == "Starting" and s["canary"]["replicas"] == 1)


async def _reach_shifting(world: World) -> None:
    await world.start_canary(spec("v2"))


async def _reach_paused(world: World) -> None:
    await world.start_canary(spec("v2"))
    await world.apply({**spec("v2"), "paused": True})
    await world.wait_for_phase("Paused")


async def _reach_promoting(world: World) -> None:
    await world.apply(spec("v2", steps=[{"weight": 10, "hold": "5s"}]))
    await world.wait_until(lambda s: s["rollout"]["phase"] == "Promoting")


@pytest.mark.parametrize(
    "reach", [_reach_building, _reach_starting, _reach_shifting, _reach_paused, _reach_promoting]
)
def test_abort_returns_all_traffic_to_stable_from_any_phase(
    reach: Callable[[World], Awaitable[None]],
) -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        pods = world.pod_uids(first)
        await reach(world)
        aborted = await _abort(world)
        assert aborted["stable"]["weight"] == 100
        service = await world.get(kinds.SERVICE, NAME)
        assert service["spec"]["selector"]["seatrial.dev/revision"] == first
        status = await world.wait_until(lambda s: s["rollout"]["phase"] == "Rejected", seconds=60)
        assert (status["phase"], status["history"][0]["outcome"]) == ("Rejected", "Aborted")
        assert status["history"][0]["decidedBy"] == "jo@shop.io"
        assert "p99" in status["rejected"][0]["message"]
        assert world.pod_uids(first) == pods

    run_story(story, building=_slow_builds)


def test_abort_of_the_first_rollout_leaves_no_pods() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.apply(spec("v1"))
        await world.wait_until(lambda s: s["rollout"]["phase"] == "Starting" and s["canary"]["replicas"] == 3)
        await _abort(world)
        await world.wait_for_phase("Failed", seconds=60)
        await world.wait_until_idle()
        assert await world.objects(kinds.POD) == []

    run_story(story, serving=failing_pods("v1", Behaviour(ready_after=100)))


def test_abort_while_stable_is_unavailable_keeps_traffic_on_the_canary() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await world.start_canary(spec("v2", steps=[{"weight": 25, "hold": "1h"}]))
        await _abort_and_remove_stable_pods(world, first)
        held = await world.wait_until(lambda s: s["rollout"]["phase"] == "RollingBack")
        await world.wait(120)
        held = await world.status()
        assert held["rollout"]["phase"] == "RollingBack"
        assert held["canary"]["weight"] > 0
        assert (held["rollout"]["reason"], held["rollout"]["waitingFor"]) == ("Aborted", "Readiness")
        assert held["stable"]["failure"]["reason"] == "ImagePullFailed"
        assert condition_statuses(held)["Serving"] == "True"
        assert condition_reasons(held)["Serving"] == "StableUnhealthy"
        world.cluster.kubelet.serving = lambda _pod: Behaviour()
        for pod in world.server.all(kinds.POD, NAMESPACE):
            if "/v1@" in image_of(pod):
                world.server.remove(kinds.POD, NAMESPACE, pod["metadata"]["name"])
        status = await world.wait_for_phase("Rejected", seconds=120)
        assert status["stable"]["weight"] == 100

    run_story(story)


async def _abort_and_remove_stable_pods(world: World, first: str) -> None:
    """Abort and remove stable's pods within one pass, so that the canary is not promoted first."""
    rollout = (await world.status())["rollout"]
    await world.kill_operator()
    world.cluster.kubelet.serving = failing_pods("v1", Behaviour(fault=Fault.IMAGE_PULL))
    for pod in world.server.all(kinds.POD, NAMESPACE):
        if pod["metadata"]["labels"].get("seatrial.dev/revision") == first:
            world.server.remove(kinds.POD, NAMESPACE, pod["metadata"]["name"])
    await world.wait(5)
    await world.decide("Abort", revision=rollout["revision"], attempt=1)
    await world.start_operator()


def test_reapplied_rejected_spec_starts_no_rollout() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.apply(spec("v2"))
        rejected = await world.wait_for_phase("Rejected", seconds=90)
        await world.wait_until_idle()
        writes = len(world.transport.writes)
        for _ in range(5):
            await world.apply(spec("v2"))
            await world.wait(180)
        assert len(world.transport.writes) == writes
        assert (await world.status())["rejected"] == rejected["rejected"]

    run_story(story, serving=failing_pods("v2", Behaviour(fault=Fault.CRASH_LOOP)))


def test_rollout_after_an_abort_starts_clean() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        await world.start_canary(spec("v2"))
        await _abort(world)
        await world.apply(spec("v3"))
        status = await world.wait_for_phase("Healthy", seconds=400)
        assert status["stable"]["image"] == image("v3")
        assert (status["rollout"]["attempt"], status["rollout"].get("reason")) == (1, None)
        assert [h["outcome"] for h in status["history"]] == ["Promoted", "Aborted", "Promoted"]

    run_story(story)


def test_abort_after_promotion_is_rejected_and_names_the_rollback_action() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        revision = (await world.deploy(spec("v2")))["stable"]["revision"]
        result = await world.wait_for_result(await world.decide("Abort", revision=revision, attempt=1))
        assert (result["phase"], "Rollback" in result["message"]) == ("Refused", True)

    run_story(story)


def test_ready_canary_is_promoted_when_stable_has_no_pods() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        status = await world.start_canary(spec("v2", steps=[{"weight": 25, "hold": "1h"}]))
        world.cluster.kubelet.serving = failing_pods("v1", Behaviour(fault=Fault.IMAGE_PULL))
        for pod in world.server.all(kinds.POD, NAMESPACE):
            if pod["metadata"]["labels"].get("seatrial.dev/revision") == first:
                world.server.remove(kinds.POD, NAMESPACE, pod["metadata"]["name"])
        last = await world.wait_for_promotion(status["canary"]["revision"], seconds=60)
        assert last["history"][0]["outcome"] == "Promoted"

    run_story(story)


def test_failed_rollouts_never_prune_the_templates_of_history() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1", historyLimit=2)))["stable"]["revision"]
        await world.deploy(spec("v2", historyLimit=2))
        for number in range(5):
            await world.apply(spec(f"bad{number}", historyLimit=2))
            await world.wait_for_phase("Rejected", seconds=120)
        await world.deploy(spec("v2", historyLimit=2))
        await world.wait_until_idle()
        revisions = {
            r["metadata"]["labels"]["seatrial.dev/revision"]
            for r in await world.objects(kinds.CONTROLLER_REVISION)
        }
        assert first in revisions
        assert len(revisions) <= 4
        await world.apply(spec("v1", historyLimit=2))
        await world.wait_for_promotion(first, seconds=20)

    run_story(
        story,
        serving=lambda pod: Behaviour(fault=Fault.CRASH_LOOP) if "/bad" in image_of(pod) else Behaviour(),
    )
