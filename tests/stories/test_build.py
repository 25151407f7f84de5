"""When an image is built, when it is reused, and how a failed build is retried or rejected."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from model_runtime import contract
from seatrial.api import kinds
from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import BuildBehaviour
from tests.stories.conditions import condition_statuses
from tests.stories.specs import (
    build_request_of,
    failing_builds,
    spec,
    spec_to_build,
    successful_builds,
    successful_report,
)
from tests.stories.world import NAMESPACE, START, World, run_story


class RecordedBuilds:
    """Chooses the behaviour of each build pod by its number, and records the URIs that were built."""

    def __init__(self, choose: Callable[[int, Body], BuildBehaviour]) -> None:
        self.uris: list[str] = []
        self._choose = choose

    def __call__(self, pod: Body) -> BuildBehaviour:
        """Return the behaviour of the next build, counted from 1."""
        self.uris.append(build_request_of(pod).uri)
        return self._choose(len(self.uris), pod)


def failed_build(reason: str) -> BuildBehaviour:
    report = contract.BuildReport(reason=reason, message="it is not there")
    return BuildBehaviour(seconds=1, message=report.to_json(), exit_code=1)


@pytest.mark.parametrize(
    "serving",
    [
        pytest.param({"env": [{"name": "LOG", "value": "debug"}]}, id="env"),
        pytest.param({"resources": {"limits": {"memory": "1Gi"}}}, id="resources"),
    ],
)
def test_changed_environment_or_resources_reuse_the_image(serving: Body) -> None:
    builds = RecordedBuilds(lambda _n, pod: successful_builds(pod))

    async def story(world: World) -> None:
        first = await world.deploy(spec_to_build("1"))
        last = await world.deploy(spec_to_build("1", **serving))
        assert last["stable"]["revision"] != first["stable"]["revision"]
        assert last["stable"]["image"] == first["stable"]["image"]
        assert len(builds.uris) == 1

    run_story(story, building=builds)


@pytest.mark.parametrize("reason", ["SourceNotFound", "SourceForbidden", "RegistryUnavailable"])
def test_build_succeeds_once_its_source_is_available(reason: str) -> None:
    builds = RecordedBuilds(lambda n, pod: successful_builds(pod) if n > 4 else failed_build(reason))

    async def story(world: World) -> None:
        stable = await world.deploy(spec("v1"))
        await world.apply(spec_to_build("2"))
        waiting = await world.wait_until(
            lambda s: s["build"]["reason"] == reason and s["build"]["phase"] == "Failed"
        )
        assert condition_statuses(waiting) | {
            "Serving": "True",
            "Updated": "False",
            "Stalled": "False",
        } == condition_statuses(waiting)
        assert waiting["nextTransitionTime"]
        assert waiting["stable"]["revision"] == stable["stable"]["revision"]
        last = await world.wait_for_phase("Healthy", seconds=900)
        assert last["build"]["attempt"] == 5
        assert "rejected" not in last

    run_story(story, building=builds)


def test_build_retries_back_off_exponentially() -> None:
    times: list[float] = []

    async def story(world: World) -> None:
        def choose(pod: Body) -> BuildBehaviour:
            times.append((world.now() - START).total_seconds())
            return failed_build("SourceUnavailable")

        world.cluster.kubelet.building = choose
        await world.apply(spec_to_build("1"))
        await world.wait(3600)
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert gaps[0] >= 10
        assert all(after >= before - 2 for before, after in pairwise(gaps))
        assert 300 <= gaps[-1] <= 310
        await world.apply(spec("v1"))
        await world.wait_for_phase("Healthy")

    run_story(story)


def test_changed_secret_retries_a_failed_build_within_half_a_minute() -> None:
    async def story(world: World) -> None:
        model = {"model": {"uri": "s3://models/churn/1/", "credentials": {"secretName": "keys"}}}
        await world.apply_config("keys", {"AWS_ACCESS_KEY_ID": "d3Jvbmc="}, kind=kinds.SECRET)
        world.cluster.kubelet.building = lambda _pod: failed_build("SourceForbidden")
        await world.apply({**spec_to_build("1"), **model})
        await world.wait_until(lambda s: s["build"]["attempt"] == 5)
        await world.wait_until(lambda s: s["build"]["phase"] == "Failed")
        world.cluster.kubelet.building = successful_builds
        await world.apply_config("keys", {"AWS_ACCESS_KEY_ID": "cmlnaHQ="}, kind=kinds.SECRET)
        await world.wait_for_phase("Healthy", seconds=45)

    run_story(story)


def test_build_waits_for_a_missing_secret() -> None:
    async def story(world: World) -> None:
        model = {"uri": "s3://models/churn/1/", "credentials": {"secretName": "keys"}}
        await world.apply({**spec_to_build("1"), "model": model})
        waiting = await world.wait_for_phase("Building", seconds=10)
        assert "Secret keys" in waiting["message"]
        await world.wait_until_idle()
        assert await world.objects(kinds.JOB) == []
        await world.apply_config("keys", {"AWS_ACCESS_KEY_ID": "cmlnaHQ="}, kind=kinds.SECRET)
        await world.wait_for_phase("Healthy", seconds=20)

    run_story(story)


def test_spec_changed_during_a_build_gets_its_own_build() -> None:
    builds = RecordedBuilds(
        lambda _n, pod: BuildBehaviour(seconds=30, message=successful_report(pod).to_json())
    )

    async def story(world: World) -> None:
        await world.apply(spec_to_build("1"))
        await world.wait_until(lambda s: s["build"]["phase"] == "Running")
        await world.apply(spec_to_build("2"))
        last = await world.wait_for_phase("Healthy", seconds=200)
        assert builds.uris == ["s3://models/churn/1/", "s3://models/churn/2/"]
        assert last["build"]["id"] in last["stable"]["image"]
        assert last["history"][0]["outcome"] == "Promoted"

    run_story(story, building=builds)


def test_running_build_is_not_used_for_a_spec_with_unresolved_references() -> None:
    """The new spec refers to a missing ConfigMap; the build that is running is not its image."""

    async def story(world: World) -> None:
        await world.apply(spec_to_build("1"))
        await world.wait_until(lambda s: s["build"]["phase"] == "Running")
        await world.apply(spec_to_build("2", envFrom=[{"configMapRef": {"name": "settings"}}]))
        await world.wait(60)
        assert all("/2/" not in uri for uri in builds.uris)
        await world.apply_config("settings", {"LOG": "debug"})
        last = await world.wait_for_phase("Healthy", seconds=200)
        assert builds.uris[-1] == "s3://models/churn/2/"
        assert last["build"]["id"] in last["stable"]["image"]

    builds = RecordedBuilds(
        lambda _n, pod: BuildBehaviour(seconds=30, message=successful_report(pod).to_json())
    )
    run_story(story, building=builds)


def test_lost_build_report_makes_the_next_attempt_check_the_registry() -> None:
    def choose(number: int, pod: Body) -> BuildBehaviour:
        if number == 1:
            return BuildBehaviour(seconds=3, message="Killed", exit_code=137)
        return BuildBehaviour(seconds=1, message=successful_report(pod, cached=True).to_json())

    async def story(world: World) -> None:
        await world.apply(spec_to_build("1"))
        status = await world.wait_for_phase("Healthy", seconds=120)
        assert (status["build"]["phase"], status["build"]["attempt"]) == ("Cached", 2)

    run_story(story, building=RecordedBuilds(choose))


def test_repeatedly_lost_build_reports_fail_the_build() -> None:
    async def story(world: World) -> None:
        await world.apply(spec_to_build("1"))
        status = await world.wait_for_phase("Failed", seconds=300)
        assert status["rejected"][0]["reason"] == "BuildFailed"
        assert status["build"]["attempt"] == 3

    run_story(story, building=lambda _pod: BuildBehaviour(seconds=1, message="Killed", exit_code=1))


def test_evicted_build_is_retried() -> None:
    def choose(number: int, pod: Body) -> BuildBehaviour:
        return BuildBehaviour(seconds=2, evicted=True) if number == 1 else successful_builds(pod)

    async def story(world: World) -> None:
        await world.apply(spec_to_build("1"))
        status = await world.wait_for_phase("Healthy", seconds=120)
        assert status["build"]["phase"] == "Succeeded"
        assert "rejected" not in status

    run_story(story, building=RecordedBuilds(choose))


def test_return_to_a_known_image_starts_no_build() -> None:
    builds = RecordedBuilds(lambda _n, pod: successful_builds(pod))

    async def story(world: World) -> None:
        first = await world.deploy(spec_to_build("1"))
        await world.deploy(spec_to_build("2"))
        last = await world.deploy(spec_to_build("1"))
        assert last["stable"]["image"] == first["stable"]["image"]
        assert len(builds.uris) == 2

    run_story(story, building=builds)


def test_manually_deleted_build_job_is_recreated() -> None:
    builds = RecordedBuilds(
        lambda _n, pod: BuildBehaviour(seconds=20, message=successful_report(pod).to_json())
    )

    async def story(world: World) -> None:
        await world.apply(spec_to_build("1"))
        await world.wait_until(lambda s: s["build"]["phase"] == "Running")
        job = (await world.objects(kinds.JOB))[0]["metadata"]["name"]
        world.server.remove(kinds.JOB, NAMESPACE, job)
        await world.wait_for_phase("Healthy", seconds=120)
        assert len(builds.uris) == 2

    run_story(story, building=builds)


@pytest.mark.parametrize("reason", ["ModelPickleRefused", "SourceDigestMismatch", "ModelLoadFailed"])
def test_build_failure_caused_by_the_model_is_rejected_without_retry(reason: str) -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.apply(spec_to_build("2"))
        status = await world.wait_for_phase("Rejected", seconds=60)
        assert status["rejected"][0]["reason"] == reason
        await world.wait(3600)
        assert len(await world.objects(kinds.JOB)) <= 1
        assert (await world.status())["build"]["attempt"] == 1

    run_story(story, building=failing_builds(reason))


def test_retry_decision_builds_again_while_the_old_job_exists() -> None:
    builds = RecordedBuilds(
        lambda n, pod: failed_build("ModelLoadFailed") if n == 1 else successful_builds(pod)
    )

    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.apply(spec_to_build("1"))
        rejected = (await world.wait_for_phase("Failed", seconds=60))["rejected"][0]
        await world.decide("Retry", revision=rejected["revision"], attempt=1)
        status = await world.wait_for_phase("Healthy", seconds=60)
        assert status["rollout"]["attempt"] == 2
        assert len(builds.uris) == 2

    run_story(story, building=builds)


def test_changed_refresh_value_builds_again() -> None:
    builds = RecordedBuilds(lambda _n, pod: successful_builds(pod))

    async def story(world: World) -> None:
        first = await world.deploy(spec_to_build("1"))
        last = await world.deploy({**spec_to_build("1"), "build": {"refresh": "patch"}})
        assert last["stable"]["image"] != first["stable"]["image"]
        assert len(builds.uris) == 2

    run_story(story, building=builds)


def test_build_switches_to_the_runtime_of_the_model_format() -> None:
    def choose(number: int, pod: Body) -> BuildBehaviour:
        if number > 1:
            return successful_builds(pod)
        report = contract.BuildReport(
            reason=contract.RUNTIME_MISMATCH, message="onnx", format="onnx", wanted_runtime="onnx"
        )
        return BuildBehaviour(seconds=1, message=report.to_json(), exit_code=1)

    async def story(world: World) -> None:
        await world.apply(spec_to_build("1"))
        status = await world.wait_for_phase("Healthy", seconds=60)
        assert (status["build"]["runtime"], status["build"]["attempt"]) == ("onnx", 2)

    run_story(story, building=RecordedBuilds(choose))
