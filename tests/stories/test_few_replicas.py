"""A canary beside very few pods of stable receives far more traffic than its step asks for: it is said beforehand."""

from __future__ import annotations

from seatrial.api import kinds
from tests.stories.specs import image, spec
from tests.stories.world import World, run_story


def test_a_first_step_of_half_the_traffic_instead_of_a_tenth_is_announced_before_it_is_given() -> None:
    """The defaults: one replica, and a first step of 10 %."""

    async def story(world: World) -> None:
        await world.deploy({"model": {"image": image("v1")}})
        await world.apply({"model": {"image": image("v2")}})
        status = await world.wait_until(lambda s: s["rollout"]["phase"] == "Starting")
        assert "step 1 gives it 50 % of traffic, not 10 %" in status["message"]
        await world.wait_for_phase("Healthy")
        events = [e for e in await world.objects(kinds.EVENT) if e["reason"] == "ReplicasTooFewForWeight"]
        assert [event["type"] for event in events] == ["Warning"]
        assert "raise spec.scaling to 9 replicas" in events[0]["message"]

    run_story(story)


def test_a_share_near_its_weight_is_not_announced() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1", replicas=3))
        await world.deploy(spec("v2", replicas=3))
        assert not [e for e in await world.objects(kinds.EVENT) if e["reason"] == "ReplicasTooFewForWeight"]

    run_story(story)
