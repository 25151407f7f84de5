"""How a model goes live, and how a better one takes over."""

from __future__ import annotations

from seatrial.api import kinds
from tests.apiserver.pod_behaviour import Behaviour, Fault, image_of
from tests.stories.specs import failing_build, good_builds, image, spec
from tests.stories.world import NAME, World, play


def test_a_first_deploy_goes_straight_to_all_users() -> None:
    async def story(world: World) -> None:
        await world.apply(spec("v1"))
        status = await world.phase("Healthy", seconds=60)
        assert status["stable"]["image"] == image("v1")
        assert status["summary"] == {"ready": "3/3", "verdict": "–"}
        assert status["rollout"]["steps"] == 0
        service = await world.get(kinds.SERVICE, NAME)
        assert service["metadata"]["labels"]["seatrial.dev/stable"] == status["stable"]["revision"]

    play(story)


def test_a_canary_takes_its_steps_and_is_promoted_without_a_restart() -> None:
    async def story(world: World) -> None:
        await world.apply(spec("v1"))
        first = await world.phase("Healthy")
        await world.apply(spec("v2"))
        one = await world.until(lambda s: s["canary"]["weight"] == 25)
        assert one["canary"]["actualWeight"] == 25
        assert one["summary"]["step"] == "1/2"
        two = await world.until(lambda s: s["canary"]["weight"] == 50)
        revision = two["canary"]["revision"]
        pods = {p["metadata"]["uid"] for p in await world.all(kinds.POD) if revision in p["metadata"]["name"]}
        last = await world.promoted(revision)
        assert last["history"][0]["outcome"] == "Promoted"
        after = {
            p["metadata"]["uid"] for p in await world.all(kinds.POD) if revision in p["metadata"]["name"]
        }
        assert pods <= after
        await world.until(lambda s: s["replicas"] == 3)
        deployments = await world.all(kinds.DEPLOYMENT)
        assert [d["metadata"]["name"] for d in deployments] == [f"{NAME}-{revision}"]
        assert first["stable"]["revision"] != revision

    play(story)


def test_a_model_is_built_before_it_is_started() -> None:
    async def story(world: World) -> None:
        await world.apply({"model": {"uri": "s3://models/churn/1/"}})
        building = await world.phase("Building", seconds=10)
        assert "is being built" in building["message"]
        status = await world.phase("Healthy", seconds=60)
        assert status["build"]["phase"] == "Succeeded"
        assert status["stable"]["modelDigest"].startswith("sha256:")

    play(story, building=good_builds)


def test_a_build_that_fails_leaves_stable_untouched_and_is_remembered() -> None:
    async def story(world: World) -> None:
        await world.apply(spec("v1"))
        await world.phase("Healthy")
        await world.apply({"model": {"uri": "s3://models/churn/2/"}})
        status = await world.phase("Degraded", seconds=60)
        assert status["rejected"][0]["reason"] == "ModelFormatUnknown"
        conditions = {c["type"]: c["status"] for c in status["conditions"]}
        assert conditions["Serving"] == "True"
        assert conditions["Updated"] == "False"
        assert conditions["Stalled"] == "True"
        assert "Retry" in status["message"]

    play(story, building=failing_build("ModelFormatUnknown"))


def test_a_canary_whose_pods_crash_goes_back_fast() -> None:
    def serving(pod: dict) -> Behaviour:  # type: ignore[type-arg]
        return Behaviour(fault=Fault.CRASH_LOOP, exit_code=3) if "v2" in image_of(pod) else Behaviour()

    async def story(world: World) -> None:
        await world.apply(spec("v1"))
        await world.phase("Healthy")
        await world.apply(spec("v2"))
        status = await world.phase("Degraded", seconds=120)
        assert status["rejected"][0]["reason"] == "CrashLoop"
        assert status["stable"]["readyReplicas"] == 3
        mark = len(world.server.writes)
        await world.apply(spec("v2"))
        await world.wait(600)
        assert [w for w in world.writes_since(mark) if w.kind != "ModelDeployment"] == []

    play(story, serving=serving)
