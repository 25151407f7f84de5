"""An image that was tried before, for a spec that has come back."""

from __future__ import annotations

from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import BuildBehaviour
from tests.stories.specs import built, good_builds
from tests.stories.test_build import Builder, failed
from tests.stories.world import World, play


def test_a_spec_that_comes_back_is_not_told_of_the_failures_it_had_before() -> None:
    """Jobs of the first time are still there when the source has appeared meanwhile."""

    def choose(number: int, pod: Body) -> BuildBehaviour:
        return failed("SourceNotFound") if number == 1 else good_builds(pod)

    builder = Builder(choose)

    async def story(world: World) -> None:
        await world.apply(built("1"))
        await world.until(lambda s: s["build"]["reason"] == "SourceNotFound", seconds=10)
        await world.apply(built("2"))
        await world.until(lambda s: s["build"]["attempt"] == 1 and s["phase"] == "Healthy", seconds=60)
        await world.apply(built("1"))
        status = await world.until(
            lambda s: s["build"]["phase"] == "Succeeded" and s["build"]["attempt"] == 2
        )
        assert "reason" not in status["build"]
        assert len(builder.seen) == 3

    play(story, building=builder)


def test_a_build_that_used_more_disk_than_its_own_limit_is_not_tried_again() -> None:
    own = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. "

    async def story(world: World) -> None:
        await world.live(built("1"))
        world.cluster.kubelet.building = lambda _pod: BuildBehaviour(seconds=2, evicted=True, message=own)
        await world.apply(built("2"))
        status = await world.phase("Degraded", seconds=120)
        assert (status["rejected"][0]["reason"], status["build"]["attempt"]) == ("BuildFailed", 1)
        assert "raise ephemeral-storage in spec.build.resources.limits" in status["rejected"][0]["message"]

    play(story)
