"""The fake Job and autoscaler controllers behave like those of a cluster, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from seatrial.api import kinds
from seatrial.api.objects import Body
from tests.apiserver import FakeApiServer
from tests.apiserver.controller_manager import ControllerManager
from tests.apiserver.pod_behaviour import BuildBehaviour, Fault, environment_of
from tests.unit.kube import kube_objects as objects
from tests.unit.kube.kube_objects import conditions, states, status_of

pytestmark = pytest.mark.looptime


def echo_request(pod: Body) -> BuildBehaviour:
    """Let a build report its request."""
    return BuildBehaviour(seconds=4, message=f"built {environment_of(pod)['REQUEST']}", log=("one", "two"))


class TestJobs:
    async def test_job_succeeds_with_a_termination_message(self, api: FakeApiServer) -> None:
        ControllerManager(api, building=echo_request)
        api.insert(kinds.JOB, objects.job(request="v1"))
        await asyncio.sleep(3)
        assert status_of(api, kinds.JOB, "build")["active"] == 1
        await asyncio.sleep(2)
        assert conditions(status_of(api, kinds.JOB, "build"))["Complete"][0] == "True"
        (state,) = states(api)
        assert (state["terminated"]["exitCode"], state["terminated"]["message"]) == (0, "built v1")

    async def test_job_pod_has_log_lines(self, api: FakeApiServer) -> None:
        ControllerManager(api, building=echo_request)
        api.insert(kinds.JOB, objects.job())
        await asyncio.sleep(5)
        assert list(api.log_lines.values()) == [["one", "two"]]

    @pytest.mark.parametrize(
        ("behaviour", "code", "reason"),
        [
            (BuildBehaviour(exit_code=1, message="no"), 1, "Error"),
            (BuildBehaviour(fault=Fault.OUT_OF_MEMORY, message="lost"), 137, "OOMKilled"),
        ],
        ids=["by their program", "by the kernel"],
    )
    async def test_job_fails(
        self, api: FakeApiServer, behaviour: BuildBehaviour, code: int, reason: str
    ) -> None:
        ControllerManager(api, building=lambda _: behaviour)
        api.insert(kinds.JOB, objects.job())
        await asyncio.sleep(5)
        status = status_of(api, kinds.JOB, "build")
        assert conditions(status)["Failed"] == ("True", "BackoffLimitExceeded")
        assert status["failed"] == 1
        (state,) = states(api)
        assert (state["terminated"]["exitCode"], state["terminated"]["reason"]) == (code, reason)

    async def test_job_exceeds_its_deadline(self, api: FakeApiServer) -> None:
        ControllerManager(api, building=lambda _: BuildBehaviour(seconds=100))
        api.insert(kinds.JOB, objects.job(activeDeadlineSeconds=30))
        await asyncio.sleep(31)
        assert conditions(status_of(api, kinds.JOB, "build"))["Failed"] == ("True", "DeadlineExceeded")
        assert api.all(kinds.POD) == []

    async def test_job_survives_a_disruption_that_its_policy_ignores(self, api: FakeApiServer) -> None:
        behaviours = iter([BuildBehaviour(evicted=True), BuildBehaviour(message="done")])
        ControllerManager(api, building=lambda _: next(behaviours))
        rule = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
        api.insert(kinds.JOB, objects.job(podFailurePolicy={"rules": [rule]}))
        await asyncio.sleep(10)
        assert conditions(status_of(api, kinds.JOB, "build"))["Complete"][0] == "True"

    async def test_job_fails_immediately_when_its_policy_matches(self, api: FakeApiServer) -> None:
        ControllerManager(api, building=lambda _: BuildBehaviour(exit_code=42))
        rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}
        api.insert(kinds.JOB, objects.job(backoffLimit=5, podFailurePolicy={"rules": [rule]}))
        await asyncio.sleep(5)
        assert conditions(status_of(api, kinds.JOB, "build"))["Failed"] == ("True", "PodFailurePolicy")

    async def test_job_retries_within_its_backoff_limit(self, api: FakeApiServer) -> None:
        behaviours = iter([BuildBehaviour(exit_code=1), BuildBehaviour()])
        ControllerManager(api, building=lambda _: next(behaviours))
        api.insert(kinds.JOB, objects.job(backoffLimit=1))
        await asyncio.sleep(10)
        assert conditions(status_of(api, kinds.JOB, "build"))["Complete"][0] == "True"

    async def test_manually_deleted_pod_counts_as_a_failure(self, api: FakeApiServer) -> None:
        ControllerManager(api, building=lambda _: BuildBehaviour(seconds=60))
        api.insert(kinds.JOB, objects.job())
        await asyncio.sleep(5)
        api.remove(kinds.POD, "default", api.all(kinds.POD)[0]["metadata"]["name"])
        await asyncio.sleep(5)
        assert conditions(status_of(api, kinds.JOB, "build"))["Failed"][0] == "True"

    async def test_finished_job_is_deleted_after_its_ttl(self, api: FakeApiServer) -> None:
        ControllerManager(api)
        api.insert(kinds.JOB, objects.job(ttlSecondsAfterFinished=60))
        await asyncio.sleep(60)
        assert api.look(kinds.JOB, "default", "build") is not None
        await asyncio.sleep(5)
        assert api.look(kinds.JOB, "default", "build") is None
        assert api.all(kinds.POD) == []

    async def test_suspended_job_creates_no_pod(self, api: FakeApiServer) -> None:
        ControllerManager(api)
        api.insert(kinds.JOB, objects.job(suspend=True))
        await asyncio.sleep(5)
        assert api.all(kinds.POD) == []

    async def test_job_waits_for_its_image(self, api: FakeApiServer) -> None:
        ControllerManager(api, building=lambda _: BuildBehaviour(fault=Fault.IMAGE_PULL, message="why"))
        api.insert(kinds.JOB, objects.job())
        await asyncio.sleep(60)
        assert states(api) == [{"waiting": {"reason": "ImagePullBackOff", "message": "why"}}]
        assert conditions(status_of(api, kinds.JOB, "build")) == {}


class TestAutoscalers:
    async def test_autoscaler_follows_the_metrics_within_its_bounds(self, api: FakeApiServer) -> None:
        manager = ControllerManager(api)
        api.insert(kinds.DEPLOYMENT, objects.deployment(replicas=1))
        api.insert(kinds.HPA, objects.autoscaler(minReplicas=2, maxReplicas=5))
        replicas = []
        for requested in (4, 9, 1):
            manager.autoscalers.want("default", "churn", requested)
            await asyncio.sleep(5)
            replicas.append(status_of(api, kinds.DEPLOYMENT, "churn")["replicas"])
        assert replicas == [4, 5, 2]

    async def test_autoscaler_does_not_scale_down_when_disabled(self, api: FakeApiServer) -> None:
        manager = ControllerManager(api)
        api.insert(kinds.DEPLOYMENT, objects.deployment(replicas=3))
        behavior = {"scaleDown": {"selectPolicy": "Disabled"}}
        api.insert(kinds.HPA, objects.autoscaler(minReplicas=1, behavior=behavior))
        manager.autoscalers.want("default", "churn", 1)
        await asyncio.sleep(60)
        assert status_of(api, kinds.DEPLOYMENT, "churn")["replicas"] == 3

    async def test_autoscaler_ignores_zero_replicas(self, api: FakeApiServer) -> None:
        ControllerManager(api)
        api.insert(kinds.DEPLOYMENT, objects.deployment(replicas=0))
        api.insert(kinds.HPA, objects.autoscaler(minReplicas=2))
        await asyncio.sleep(60)
        assert conditions(status_of(api, kinds.HPA, "churn"))["ScalingActive"] == ("False", "ScalingDisabled")
        assert api.all(kinds.POD) == []
