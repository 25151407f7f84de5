"""Builds of a source that was built before."""

from __future__ import annotations

from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import BuildBehaviour
from tests.stories.specs import spec_to_build, successful_builds
from tests.stories.test_build import RecordedBuilds, failed_build
from tests.stories.world import World, run_story


def test_returned_spec_ignores_its_earlier_build_failures() -> None:
    """The Jobs of the first attempts still exist after the source has appeared."""

    def choose(number: int, pod: Body) -> BuildBehaviour:
        return failed_build("SourceNotFound") if number == 1 else successful_builds(pod)

    builds = RecordedBuilds(choose)

    async def story(world: World) -> None:
        await world.apply(spec_to_build("1"))
        await world.wait_until(lambda s: s["build"]["reason"] == "SourceNotFound", seconds=10)
        await world.apply(spec_to_build("2"))
        await world.wait_until(lambda s: s["build"]["attempt"] == 1 and s["phase"] == "Healthy", seconds=60)
        await world.apply(spec_to_build("1"))
        status = await world.wait_until(
            lambda s: s["build"]["phase"] == "Succeeded" and s["build"]["attempt"] == 2
        )
        assert "reason" not in status["build"]
        assert len(builds.uris) == 3

    run_story(story, building=builds)


def test_build_evicted_for_its_own_disk_limit_is_not_retried() -> None:
    own = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. "

    async def story(world: World) -> None:
        await world.deploy(spec_to_build("1"))
        world.cluster.kubelet.building = lambda _pod: BuildBehaviour(seconds=2, evicted=True, message=own)
        await world.apply(spec_to_build("2"))
        status = await world.wait_for_phase("Rejected", seconds=120)
        assert (status["rejected"][0]["reason"], status["build"]["attempt"]) == ("BuildFailed", 1)
        assert "ephemeral-storage" in status["rejected"][0]["message"]
        assert "spec.build.resources.limits" in status["rejected"][0]["message"]

    run_story(story)
