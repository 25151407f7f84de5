"""How a model is deployed, and how the next version replaces it."""

from __future__ import annotations

from seatrial.api import kinds
from tests.apiserver.pod_behaviour import Behaviour, Fault, image_of
from tests.stories.conditions import condition_messages
from tests.stories.specs import failing_builds, image, spec, successful_builds
from tests.stories.world import NAME, World, run_story


def test_first_revision_receives_all_traffic_without_steps() -> None:
    async def story(world: World) -> None:
        await world.apply(spec("v1"))
        status = await world.wait_for_phase("Healthy", seconds=60)
        assert status["stable"]["image"] == image("v1")
        assert status["summary"] == {"ready": "3/3", "verdict": "–"}
        assert status["rollout"]["steps"] == 0
        service = await world.get(kinds.SERVICE, NAME)
        assert service["metadata"]["labels"]["seatrial.dev/stable"] == status["stable"]["revision"]

    run_story(story)


def test_canary_passes_every_step_and_is_promoted_without_pod_restarts() -> None:
    async def story(world: World) -> None:
        await world.apply(spec("v1"))
        first = await world.wait_for_phase("Healthy")
        await world.apply(spec("v2"))
        one = await world.wait_until(lambda s: s["canary"]["weight"] == 25)
        assert one["canary"]["actualWeight"] == 25
        assert one["summary"]["step"] == "1/2"
        two = await world.wait_until(lambda s: s["canary"]["weight"] == 50)
        revision = two["canary"]["revision"]
        pods = {
            p["metadata"]["uid"] for p in await world.objects(kinds.POD) if revision in p["metadata"]["name"]
        }
        last = await world.wait_for_promotion(revision)
        assert last["history"][0]["outcome"] == "Promoted"
        after = {
            p["metadata"]["uid"] for p in await world.objects(kinds.POD) if revision in p["metadata"]["name"]
        }
        assert pods <= after
        await world.wait_until(lambda s: s["replicas"] == 3)
        deployments = await world.objects(kinds.DEPLOYMENT)
        assert [d["metadata"]["name"] for d in deployments] == [f"{NAME}-{revision}"]
        assert first["stable"]["revision"] != revision

    run_story(story)


def test_model_is_built_before_its_pods_start() -> None:
    async def story(world: World) -> None:
        await world.apply({"model": {"uri": "s3://models/churn/1/"}})
        building = await world.wait_for_phase("Building", seconds=10)
        assert building["rollout"]["phase"] == "Building"
        status = await world.wait_for_phase("Healthy", seconds=60)
        assert status["build"]["phase"] == "Succeeded"
        assert status["stable"]["modelDigest"].startswith("sha256:")

    run_story(story, building=successful_builds)


def test_failed_build_is_rejected_and_stable_keeps_serving() -> None:
    async def story(world: World) -> None:
        await world.apply(spec("v1"))
        await world.wait_for_phase("Healthy")
        await world.apply({"model": {"uri": "s3://models/churn/2/"}})
        status = await world.wait_for_phase("Rejected", seconds=60)
        assert status["rejected"][0]["reason"] == "ModelFormatUnknown"
        conditions = {c["type"]: c["status"] for c in status["conditions"]}
        assert conditions["Serving"] == "True"
        assert conditions["Updated"] == "False"
        assert conditions["Stalled"] == "True"
        stalled = condition_messages(status)["Stalled"]
        assert ("apply a changed spec" in stalled, "Retry" in stalled) == (True, False)

    run_story(story, building=failing_builds("ModelFormatUnknown"))


def test_canary_with_crashing_pods_is_rolled_back_before_the_deadline() -> None:
    def serving(pod: dict) -> Behaviour:  # type: ignore[type-arg]
        return Behaviour(fault=Fault.CRASH_LOOP, exit_code=3) if "v2" in image_of(pod) else Behaviour()

    async def story(world: World) -> None:
        await world.apply(spec("v1"))
        await world.wait_for_phase("Healthy")
        await world.apply(spec("v2"))
        status = await world.wait_for_phase("Rejected", seconds=120)
        assert status["rejected"][0]["reason"] == "CrashLoop"
        assert status["stable"]["readyReplicas"] == 3
        mark = len(world.server.writes)
        await world.apply(spec("v2"))
        await world.wait(600)
        assert [w for w in world.writes_since(mark) if w.kind != "ModelDeployment"] == []

    run_story(story, serving=serving)
