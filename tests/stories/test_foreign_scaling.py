"""An autoscaler that somebody else pointed at a child: it is named, not fought, and its number of pods is kept."""

from __future__ import annotations

from seatrial.api import kinds
from seatrial.api.conditions import ConditionType
from seatrial.api.objects import Body, condition_of
from seatrial.api.reasons import Reason
from tests.stories.specs import spec
from tests.stories.world import NAME, NAMESPACE, World, run_story

AUTOSCALER = "by-the-team"


async def _autoscale(world: World, revision: str, *, least: int) -> None:
    """Let a user's autoscaler give the Deployment of a revision at least this many pods."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"{NAME}-{revision}"}
    body = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": AUTOSCALER, "namespace": NAMESPACE},
        "spec": {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": 9},
    }
    await world.client.create(kinds.HPA, body)


def _scaling(status: Body) -> Body:
    return condition_of({"status": status}, ConditionType.SCALING_ACTIVE)


def test_an_autoscaler_of_somebody_else_is_named_and_not_fought() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await _autoscale(world, first, least=5)
        status = await world.wait_until(lambda s: _scaling(s) and s["readyReplicas"] == 5, seconds=30)
        assert _scaling(status)["reason"] == Reason.FOREIGN_AUTOSCALER
        assert AUTOSCALER in _scaling(status)["message"]
        assert (status["phase"], status["stable"]["replicas"]) == ("Healthy", 5)
        await world.wait(300)
        assert world.replicas_of(first) == 5
        assert not [write for write in world.transport.writes if write.endswith("/scale")]
        events = [e for e in await world.objects(kinds.EVENT) if e["reason"] == Reason.FOREIGN_AUTOSCALER]
        assert len(events) == 1

    run_story(story)


def test_a_canary_has_as_many_pods_as_a_stable_that_others_scale_before_it_is_promoted() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await _autoscale(world, first, least=8)
        await world.wait_until(lambda s: s["readyReplicas"] == 8, seconds=60)
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        assert world.replicas_of(second) == 2, "a quarter of the traffic beside eight pods"
        await world.wait_until(lambda s: s["canary"]["weight"] == 50 and s["canary"]["readyReplicas"] == 8)
        status = await world.wait_for_promotion(second)
        assert (status["stable"]["replicas"], _scaling(status)) == (3, {})

    run_story(story)


def test_the_spec_counts_again_when_the_autoscaler_of_somebody_else_is_gone() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await _autoscale(world, first, least=5)
        await world.wait_until(_scaling, seconds=30)
        world.server.remove(kinds.HPA, NAMESPACE, AUTOSCALER)
        status = await world.wait_until(lambda s: not _scaling(s) and s["readyReplicas"] == 3, seconds=90)
        assert world.replicas_of(first) == 3
        assert Reason.FOREIGN_AUTOSCALER not in status["message"]

    run_story(story)


def test_a_model_that_no_longer_scales_by_metrics_returns_to_its_fixed_number() -> None:
    """The last to set the replicas was an autoscaler, but our own."""

    async def story(world: World) -> None:
        bounds = {"minReplicas": 3, "maxReplicas": 12}
        first = (await world.deploy({**spec("v1"), "scaling": bounds}))["stable"]["revision"]
        world.cluster.autoscalers.want(NAMESPACE, f"{NAME}-{first}", 8)
        await world.wait_until(lambda s: s["readyReplicas"] == 8)
        await world.apply(spec("v1", replicas=4))
        await world.wait_until(lambda s: s["readyReplicas"] == 4, seconds=90)
        assert _scaling(await world.status()) == {}

    run_story(story)
