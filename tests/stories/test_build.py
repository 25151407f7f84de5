"""How an image comes to be: when it is built, when it is not, and what happens when that fails."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from model_runtime import contract
from seatrial.api import kinds
from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import BuildBehaviour
from tests.stories.specs import built, failing_build, good_builds, good_report, request_of, spec
from tests.stories.world import NAMESPACE, START, World, play


class Builder:
    """Builds that a story steers: each pod is asked for its behaviour, and remembered."""

    def __init__(self, choose: Callable[[int, Body], BuildBehaviour]) -> None:
        self.seen: list[str] = []
        self._choose = choose

    def __call__(self, pod: Body) -> BuildBehaviour:
        """The behaviour of the next attempt, counted from 1."""
        self.seen.append(request_of(pod).uri)
        return self._choose(len(self.seen), pod)


def failed(reason: str) -> BuildBehaviour:
    report = contract.BuildReport(reason=reason, message="it is not there")
    return BuildBehaviour(seconds=1, message=report.to_json(), exit_code=1)


def _conditions(status: Body) -> dict[str, str]:
    return {c["type"]: c["status"] for c in status["conditions"]}


@pytest.mark.parametrize(
    "serving",
    [
        pytest.param({"env": [{"name": "LOG", "value": "debug"}]}, id="env"),
        pytest.param({"resources": {"limits": {"memory": "1Gi"}}}, id="resources"),
    ],
)
def test_another_way_to_run_is_a_new_revision_of_the_same_image(serving: Body) -> None:
    builder = Builder(lambda _n, pod: good_builds(pod))

    async def story(world: World) -> None:
        first = await world.live(built("1"))
        last = await world.live(built("1", **serving))
        assert last["stable"]["revision"] != first["stable"]["revision"]
        assert last["stable"]["image"] == first["stable"]["image"]
        assert len(builder.seen) == 1

    play(story, building=builder)


@pytest.mark.parametrize("reason", ["SourceNotFound", "SourceForbidden", "RegistryUnavailable"])
def test_a_source_that_appears_later_heals_the_build(reason: str) -> None:
    builder = Builder(lambda n, pod: good_builds(pod) if n > 4 else failed(reason))

    async def story(world: World) -> None:
        stable = await world.live(spec("v1"))
        await world.apply(built("2"))
        waiting = await world.until(
            lambda s: s["build"]["reason"] == reason and s["build"]["phase"] == "Failed"
        )
        assert _conditions(waiting) | {
            "Serving": "True",
            "Updated": "False",
            "Stalled": "False",
        } == _conditions(waiting)
        assert "; attempt 2 at " in waiting["message"]
        assert waiting["stable"]["revision"] == stable["stable"]["revision"]
        last = await world.phase("Healthy", seconds=900)
        assert last["build"]["attempt"] == 5
        assert "rejected" not in last

    play(story, building=builder)


def test_retries_come_ever_later() -> None:
    times: list[float] = []

    async def story(world: World) -> None:
        def choose(pod: Body) -> BuildBehaviour:
            times.append((world.now() - START).total_seconds())
            return failed("SourceUnavailable")

        world.cluster.kubelet.building = choose
        await world.apply(built("1"))
        await world.wait(3600)
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert gaps[0] >= 10
        assert all(after >= before - 2 for before, after in pairwise(gaps))
        assert 300 <= gaps[-1] <= 310
        await world.apply(spec("v1"))
        await world.phase("Healthy")

    play(story)


def test_a_changed_secret_wakes_a_failed_build_at_once() -> None:
    async def story(world: World) -> None:
        credentials = {"model": {"uri": "s3://models/churn/1/", "credentials": {"secretName": "keys"}}}
        await world.configure("keys", {"AWS_ACCESS_KEY_ID": "d3Jvbmc="}, kind=kinds.SECRET)
        world.cluster.kubelet.building = lambda _pod: failed("SourceForbidden")
        await world.apply({**built("1"), **credentials})
        await world.until(lambda s: s["build"]["attempt"] == 5)
        await world.until(lambda s: s["build"]["phase"] == "Failed")
        world.cluster.kubelet.building = good_builds
        await world.configure("keys", {"AWS_ACCESS_KEY_ID": "cmlnaHQ="}, kind=kinds.SECRET)
        await world.phase("Healthy", seconds=15)

    play(story)


def test_a_build_waits_for_a_secret_that_is_not_there_yet() -> None:
    async def story(world: World) -> None:
        model = {"uri": "s3://models/churn/1/", "credentials": {"secretName": "keys"}}
        await world.apply({**built("1"), "model": model})
        waiting = await world.until(lambda s: "Secret keys" in s["message"], seconds=10)
        assert waiting["phase"] == "Building"
        await world.rest()
        assert await world.all(kinds.JOB) == []
        await world.configure("keys", {"AWS_ACCESS_KEY_ID": "cmlnaHQ="}, kind=kinds.SECRET)
        await world.phase("Healthy", seconds=20)

    play(story)


def test_a_spec_that_changes_during_a_build_gets_its_own() -> None:
    builder = Builder(lambda _n, pod: BuildBehaviour(seconds=30, message=good_report(pod).to_json()))

    async def story(world: World) -> None:
        await world.apply(built("1"))
        await world.until(lambda s: s["build"]["phase"] == "Running")
        await world.apply(built("2"))
        last = await world.phase("Healthy", seconds=200)
        assert builder.seen == ["s3://models/churn/1/", "s3://models/churn/2/"]
        assert last["build"]["id"] in last["stable"]["image"]
        assert last["history"][0]["outcome"] == "Promoted"

    play(story, building=builder)


def test_a_build_is_never_taken_for_a_spec_that_cannot_be_named_yet() -> None:
    """The new spec refers to a ConfigMap that is missing: what is built meanwhile is not its image."""

    async def story(world: World) -> None:
        await world.apply(built("1"))
        await world.until(lambda s: s["build"]["phase"] == "Running")
        await world.apply(built("2", envFrom=[{"configMapRef": {"name": "settings"}}]))
        await world.wait(60)
        assert all("/2/" not in uri for uri in builder.seen)
        await world.configure("settings", {"LOG": "debug"})
        last = await world.phase("Healthy", seconds=200)
        assert builder.seen[-1] == "s3://models/churn/2/"
        assert last["build"]["id"] in last["stable"]["image"]

    builder = Builder(lambda _n, pod: BuildBehaviour(seconds=30, message=good_report(pod).to_json()))
    play(story, building=builder)


def test_a_lost_message_makes_the_next_attempt_ask_the_registry() -> None:
    def choose(number: int, pod: Body) -> BuildBehaviour:
        if number == 1:
            return BuildBehaviour(seconds=3, message="Killed", exit_code=137)
        return BuildBehaviour(seconds=1, message=good_report(pod, cached=True).to_json())

    async def story(world: World) -> None:
        await world.apply(built("1"))
        status = await world.phase("Healthy", seconds=120)
        assert (status["build"]["phase"], status["build"]["attempt"]) == ("Cached", 2)

    play(story, building=Builder(choose))


def test_messages_that_are_lost_again_and_again_are_a_failure() -> None:
    async def story(world: World) -> None:
        await world.apply(built("1"))
        status = await world.phase("Failed", seconds=300)
        assert status["rejected"][0]["reason"] == "BuildFailed"
        assert status["build"]["attempt"] == 3

    play(story, building=lambda _pod: BuildBehaviour(seconds=1, message="Killed", exit_code=1))


def test_a_build_that_is_evicted_is_tried_again() -> None:
    def choose(number: int, pod: Body) -> BuildBehaviour:
        return BuildBehaviour(seconds=2, evicted=True) if number == 1 else good_builds(pod)

    async def story(world: World) -> None:
        await world.apply(built("1"))
        status = await world.phase("Healthy", seconds=120)
        assert status["build"]["phase"] == "Succeeded"
        assert "rejected" not in status

    play(story, building=Builder(choose))


def test_a_return_to_a_known_image_builds_nothing() -> None:
    builder = Builder(lambda _n, pod: good_builds(pod))

    async def story(world: World) -> None:
        first = await world.live(built("1"))
        await world.live(built("2"))
        last = await world.live(built("1"))
        assert last["stable"]["image"] == first["stable"]["image"]
        assert len(builder.seen) == 2

    play(story, building=builder)


def test_a_job_that_is_deleted_by_hand_is_made_again() -> None:
    builder = Builder(lambda _n, pod: BuildBehaviour(seconds=20, message=good_report(pod).to_json()))

    async def story(world: World) -> None:
        await world.apply(built("1"))
        await world.until(lambda s: s["build"]["phase"] == "Running")
        job = (await world.all(kinds.JOB))[0]["metadata"]["name"]
        world.server.remove(kinds.JOB, NAMESPACE, job)
        await world.phase("Healthy", seconds=120)
        assert len(builder.seen) == 2

    play(story, building=builder)


@pytest.mark.parametrize("reason", ["ModelPickleRefused", "SourceDigestMismatch", "ModelLoadFailed"])
def test_a_model_that_is_at_fault_is_rejected_and_stays_so(reason: str) -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        await world.apply(built("2"))
        status = await world.phase("Degraded", seconds=60)
        assert status["rejected"][0]["reason"] == reason
        await world.wait(3600)
        assert len(await world.all(kinds.JOB)) <= 1
        assert (await world.status())["build"]["attempt"] == 1

    play(story, building=failing_build(reason))


def test_a_retry_builds_once_more_although_the_old_job_is_still_there() -> None:
    builder = Builder(lambda n, pod: failed("ModelLoadFailed") if n == 1 else good_builds(pod))

    async def story(world: World) -> None:
        await world.trust_decisions()
        await world.apply(built("1"))
        rejected = (await world.phase("Failed", seconds=60))["rejected"][0]
        await world.decide("Retry", revision=rejected["revision"], attempt=1)
        status = await world.phase("Healthy", seconds=60)
        assert status["rollout"]["attempt"] == 2
        assert len(builder.seen) == 2

    play(story, building=builder)


def test_a_refresh_builds_anew() -> None:
    builder = Builder(lambda _n, pod: good_builds(pod))

    async def story(world: World) -> None:
        first = await world.live(built("1"))
        last = await world.live({**built("1"), "build": {"refresh": "patch"}})
        assert last["stable"]["image"] != first["stable"]["image"]
        assert len(builder.seen) == 2

    play(story, building=builder)


def test_a_format_that_needs_another_runtime_is_built_on_that() -> None:
    def choose(number: int, pod: Body) -> BuildBehaviour:
        if number > 1:
            return good_builds(pod)
        report = contract.BuildReport(
            reason=contract.RUNTIME_MISMATCH, message="onnx", format="onnx", wanted_runtime="onnx"
        )
        return BuildBehaviour(seconds=1, message=report.to_json(), exit_code=1)

    async def story(world: World) -> None:
        await world.apply(built("1"))
        status = await world.phase("Healthy", seconds=60)
        assert (status["build"]["runtime"], status["build"]["attempt"]) == ("onnx", 2)

    play(story, building=Builder(choose))
