"""Pods that do not start or that fail: terminal reasons end the rollout at once, transient ones are tolerated."""

from __future__ import annotations

import pytest

from model_runtime import contract
from seatrial.api import kinds, names
from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour, Fault, image_of
from tests.stories.conditions import condition_reasons, condition_statuses
from tests.stories.specs import failing_pods, spec
from tests.stories.world import NAMESPACE, World, run_story


def _exit(reason: str) -> str:
    return contract.Exit(reason=reason, message="the file is of another version").to_json()


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        pytest.param(Behaviour(fault=Fault.CRASH_LOOP, exit_code=3), "CrashLoop", id="crash loop"),
        pytest.param(Behaviour(fault=Fault.OUT_OF_MEMORY), "OutOfMemory", id="out of memory"),
        pytest.param(
            Behaviour(fault=Fault.CRASH_LOOP, message=_exit("ModelLoadFailed")),
            "ModelLoadFailed",
            id="reason from the exit message",
        ),
    ],
)
def test_terminal_pod_failure_ends_the_rollout_before_the_deadline(behaviour: Behaviour, reason: str) -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.apply(spec("v2"))
        status = await world.wait_for_phase("Rejected", seconds=90)
        assert status["rejected"][0]["reason"] == reason
        failure = status["canary"]["failure"]
        assert failure["reason"] == reason
        assert failure["pod"].startswith("churn-")
        assert failure["exitCode"] in (1, 3, 137)
        conditions = condition_statuses(status)
        assert (conditions["Serving"], conditions["Updated"], conditions["RolloutHealthy"]) == (
            "True",
            "False",
            "False",
        )

    run_story(story, serving=failing_pods("v2", behaviour))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param(Fault.IMAGE_PULL, "ImagePullFailed", id="image pull"),
        pytest.param(Fault.CONFIG_ERROR, "ContainerConfigError", id="config error"),
        pytest.param(Fault.UNSCHEDULABLE, "Unschedulable", id="no node"),
    ],
)
def test_transient_pod_failure_is_tolerated_until_the_deadline(fault: Fault, reason: str) -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.apply(spec("v2"))
        waiting = await world.wait_until(lambda s: s["canary"]["failure"]["reason"] == reason)
        assert condition_reasons(waiting)["Ready"] == reason
        assert condition_statuses(waiting)["Stalled"] == "False"
        await world.wait(280)
        assert (await world.status())["phase"] == "Canary"
        status = await world.wait_for_phase("Rejected", seconds=40)
        assert status["rejected"][0]["reason"] == "ProgressDeadlineExceeded"
        assert reason in status["rejected"][0]["message"]

    run_story(story, serving=failing_pods("v2", Behaviour(fault=fault)))


@pytest.mark.parametrize("fault", [Fault.IMAGE_PULL, Fault.CONFIG_ERROR, Fault.UNSCHEDULABLE])
def test_transient_pod_failure_that_ends_in_time_is_not_recorded(fault: Fault) -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.apply(spec("v2"))
        await world.wait_until(lambda s: s["canary"]["failure"])
        world.cluster.kubelet.serving = lambda _pod: Behaviour()
        for pod in world.server.all(kinds.POD, NAMESPACE):
            if "/v2@" in image_of(pod):
                world.server.remove(kinds.POD, NAMESPACE, pod["metadata"]["name"])
        status = await world.wait_for_phase("Healthy", seconds=300)
        assert status["history"][0]["outcome"] == "Promoted"
        assert "rejected" not in status

    run_story(story, serving=failing_pods("v2", Behaviour(fault=fault)))


def test_canary_starts_after_the_quota_is_raised() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        quota_message = "exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3"
        world.cluster.deployments.rejection = lambda pod: quota_message if "/v2@" in image_of(pod) else ""
        await world.apply(spec("v2"))
        waiting = await world.wait_until(lambda s: s["canary"]["failure"]["reason"] == "QuotaExceeded")
        assert "exceeded quota" in waiting["canary"]["failure"]["message"]
        await world.wait(60)
        world.cluster.deployments.rejection = lambda _pod: ""
        await world.wait_for_promotion(waiting["canary"]["revision"])

    run_story(story)


def test_flapping_pods_do_not_extend_the_deadline() -> None:
    """One of two pods becomes ready and is lost repeatedly: the high-water mark and the deadline do not move."""

    async def story(world: World) -> None:
        await world.deploy(spec("v1", replicas=4))
        await world.apply(spec("v2", replicas=4, steps=[{"weight": 50, "hold": "1m"}]))
        start = await world.wait_until(lambda s: s["rollout"]["phase"] == "Starting")
        revision = start["rollout"]["revision"]
        restarts = 0
        while (await world.status())["phase"] == "Canary" and restarts < 40:
            await world.wait(15)
            restarts += 1
            for pod in world.server.all(kinds.POD, NAMESPACE):
                if pod["metadata"]["labels"].get(names.LABEL_REVISION) == revision:
                    world.server.remove(kinds.POD, NAMESPACE, pod["metadata"]["name"])
        status = await world.wait_for_phase("Rejected", seconds=60)
        assert restarts < 30
        assert status["rejected"][0]["reason"] == "ProgressDeadlineExceeded"

    numbers: dict[str, int] = {}

    def slow(pod: Body) -> Behaviour:
        number = numbers.setdefault(pod["metadata"]["uid"], len(numbers))
        is_slow = "/v2@" in image_of(pod) and number % 2
        return Behaviour(ready_after=500 if is_slow else 5)

    run_story(story, serving=slow)


def test_canary_waits_for_a_new_node() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.apply(spec("v2"))
        await world.wait_until(lambda s: s["canary"]["failure"]["reason"] == "Unschedulable")
        await world.wait(200)
        world.cluster.kubelet.serving = lambda _pod: Behaviour()
        for pod in world.server.all(kinds.POD, NAMESPACE):
            if "/v2@" in image_of(pod):
                world.server.remove(kinds.POD, NAMESPACE, pod["metadata"]["name"])
        await world.wait_for_phase("Healthy", seconds=300)

    run_story(story, serving=failing_pods("v2", Behaviour(fault=Fault.UNSCHEDULABLE)))


def test_stable_pod_failure_after_the_rollout_is_degraded_not_rejected() -> None:
    async def story(world: World) -> None:
        first = await world.deploy(spec("v1"))
        await world.wait(900)
        pods = sorted(p["metadata"]["name"] for p in world.server.all(kinds.POD, NAMESPACE))
        world.cluster.kubelet.serving = lambda _pod: Behaviour(fault=Fault.CRASH_LOOP)
        for name in pods:
            world.server.remove(kinds.POD, NAMESPACE, name)
        await world.wait_for_phase("Degraded", seconds=60)
        status = await world.wait_until(lambda s: s["stable"]["failure"]["reason"] == "CrashLoop", seconds=60)
        conditions = condition_statuses(status)
        assert (conditions["Serving"], conditions["Updated"], conditions["Stalled"]) == (
            "False",
            "True",
            "False",
        )
        assert "rejected" not in status
        assert status["rollout"]["phase"] == "Stable"
        await world.wait(1200)
        world.cluster.kubelet.serving = lambda _pod: Behaviour()
        for pod in world.server.all(kinds.POD, NAMESPACE):
            world.server.remove(kinds.POD, NAMESPACE, pod["metadata"]["name"])
        last = await world.wait_for_phase("Healthy", seconds=60)
        assert last["stable"]["revision"] == first["stable"]["revision"]
        assert len(last["history"]) == 1

    run_story(story)


def test_failed_first_rollout_is_reported_and_a_corrected_spec_is_deployed() -> None:
    async def story(world: World) -> None:
        await world.apply(spec("v1"))
        status = await world.wait_for_phase("Failed", seconds=120)
        assert condition_statuses(status) | {"Serving": "False", "Stalled": "True"} == condition_statuses(
            status
        )
        assert "stable" not in status
        await world.wait_until_idle()
        last = await world.deploy(spec("v2"))
        assert [h["outcome"] for h in last["history"]] == ["Promoted", "RolledBack"]

    run_story(story, serving=failing_pods("v1", Behaviour(fault=Fault.CRASH_LOOP)))


def test_container_restart_with_traffic_rolls_the_canary_back() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        revision = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.wait(5)
        _restart(world, revision)
        status = await world.wait_until(lambda s: s["stable"]["weight"] == 100, seconds=1)
        assert status["rollout"]["reason"] == "CanaryRestarted"
        status = await world.wait_for_phase("Rejected", seconds=90)
        assert status["rejected"][0]["reason"] == "CanaryRestarted"
        assert "code 7" in status["rejected"][0]["message"]

    run_story(story)


def test_restarts_within_max_restarts_are_tolerated() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        revision = (await world.start_canary(spec("v2", maxRestarts=1)))["canary"]["revision"]
        await world.wait(5)
        _restart(world, revision)
        await world.wait_for_promotion(revision)

    run_story(story)


def test_restarts_before_the_first_traffic_do_not_count() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.apply(spec("v2"))
        start = await world.wait_until(
            lambda s: s["rollout"]["phase"] == "Starting" and s["canary"]["replicas"]
        )
        await world.wait(0.9)
        _restart(world, start["rollout"]["revision"])
        await world.wait_for_promotion(start["rollout"]["revision"])

    run_story(story)


def _restart(world: World, revision: str) -> None:
    """Restart the container of one pod of the revision."""
    for pod in world.server.all(kinds.POD, NAMESPACE):
        if pod["metadata"]["labels"].get(names.LABEL_REVISION) == revision:
            world.cluster.kubelet.restart(NAMESPACE, pod["metadata"]["name"], exit_code=7)
            return
    raise AssertionError(f"no pod of {revision}")


def test_eviction_counts_only_when_the_pod_exceeded_its_own_limit() -> None:
    own_limit = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. "

    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        canary = (await world.start_canary(spec("v2")))["canary"]["revision"]
        world.cluster.kubelet.evict(NAMESPACE, _pod_of(world, canary))
        await world.wait_until(lambda s: s["canary"]["weight"] == 0)
        await world.wait_until(lambda s: s["canary"]["weight"] == 25)
        world.cluster.kubelet.evict(NAMESPACE, _pod_of(world, canary), message=own_limit)
        status = await world.wait_until(lambda s: s["rollout"]["phase"] == "Rejected")
        rejection = status["rejected"][0]
        assert (rejection["revision"], rejection["reason"]) == (canary, "CanaryRestarted")
        assert "exceeds the total limit of containers 1Gi" in rejection["message"]
        assert "ephemeral-storage" in rejection["message"]

    run_story(story)


def _pod_of(world: World, revision: str) -> str:
    return next(
        pod["metadata"]["name"]
        for pod in world.server.all(kinds.POD, NAMESPACE)
        if pod["metadata"]["uid"] in world.pod_uids(revision) and pod["status"]["phase"] == "Running"
    )
