"""The fake Deployment controller and kubelet behave like those of a cluster, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from seatrial.api import kinds
from seatrial.api import objects as api_objects
from tests.apiserver import FakeApiServer
from tests.apiserver.controller_manager import ControllerManager
from tests.apiserver.pod_behaviour import Behaviour, Fault, image_of
from tests.unit.kube import kube_objects as objects
from tests.unit.kube.kube_objects import conditions, states, status_of

pytestmark = pytest.mark.looptime


class TestDeployments:
    async def test_pods_become_ready_after_their_delay(self, api: FakeApiServer) -> None:
        ControllerManager(api, serving=lambda _: Behaviour(ready_after=5))
        api.insert(kinds.DEPLOYMENT, objects.deployment())
        await asyncio.sleep(4.9)
        assert "readyReplicas" not in status_of(api, kinds.DEPLOYMENT, "churn")
        await asyncio.sleep(0.2)
        assert status_of(api, kinds.DEPLOYMENT, "churn")["readyReplicas"] == 2

    async def test_healthy_deployment_is_not_written(self, api: FakeApiServer) -> None:
        ControllerManager(api)
        api.insert(kinds.DEPLOYMENT, objects.deployment())
        await asyncio.sleep(10)
        before = api.store.revision
        await asyncio.sleep(3600)
        assert api.store.revision == before

    async def test_deleted_pod_is_replaced(self, api: FakeApiServer) -> None:
        ControllerManager(api)
        api.insert(kinds.DEPLOYMENT, objects.deployment(replicas=1))
        await asyncio.sleep(5)
        (pod,) = api.all(kinds.POD)
        api.remove(kinds.POD, "default", pod["metadata"]["name"])
        await asyncio.sleep(5)
        (other,) = api.all(kinds.POD)
        assert api_objects.uid_of(other) != api_objects.uid_of(pod)

    async def test_new_template_replaces_pods_without_downtime(self, api: FakeApiServer) -> None:
        ControllerManager(api)
        api.insert(kinds.DEPLOYMENT, objects.deployment())
        await asyncio.sleep(5)
        containers = [{"name": "server", "image": "churn:2"}]
        patch = {"spec": {"template": {"spec": {"containers": containers}}}}
        api.edit(kinds.DEPLOYMENT, "default", "churn", patch=patch)
        for _ in range(50):
            await asyncio.sleep(0.1)
            assert status_of(api, kinds.DEPLOYMENT, "churn").get("readyReplicas", 0) >= 2
        assert {image_of(pod) for pod in api.all(kinds.POD)} == {"churn:2"}

    async def test_scale_down_deletes_unready_pods_first(self, api: FakeApiServer) -> None:
        manager = ControllerManager(api)
        api.insert(kinds.DEPLOYMENT, objects.deployment())
        await asyncio.sleep(5)
        manager.kubelet.serving = lambda _: Behaviour(fault=Fault.NEVER_READY)
        api.scale(kinds.DEPLOYMENT, "default", "churn", replicas=4)
        await asyncio.sleep(5)
        api.scale(kinds.DEPLOYMENT, "default", "churn", replicas=2)
        await asyncio.sleep(1)
        assert status_of(api, kinds.DEPLOYMENT, "churn")["readyReplicas"] == 2

    async def test_terminating_pods_are_not_counted_as_replicas(self, api: FakeApiServer) -> None:
        ControllerManager(api, serving=lambda _: Behaviour(ends_after=10))
        api.insert(kinds.DEPLOYMENT, objects.deployment())
        await asyncio.sleep(5)
        api.scale(kinds.DEPLOYMENT, "default", "churn", replicas=1)
        await asyncio.sleep(1)
        assert len(api.all(kinds.POD)) == 2
        assert status_of(api, kinds.DEPLOYMENT, "churn")["replicas"] == 1
        await asyncio.sleep(10)
        assert len(api.all(kinds.POD)) == 1

    async def test_pods_are_deleted_with_their_deployment(self, api: FakeApiServer) -> None:
        ControllerManager(api)
        api.insert(kinds.DEPLOYMENT, objects.deployment())
        await asyncio.sleep(5)
        api.remove(kinds.DEPLOYMENT, "default", "churn")
        await asyncio.sleep(1)
        assert api.all(kinds.POD) == []

    async def test_rejected_pods_are_reported_until_they_are_admitted(self, api: FakeApiServer) -> None:
        manager = ControllerManager(api, rejection=lambda _: "exceeded quota: pods")
        api.insert(kinds.DEPLOYMENT, objects.deployment())
        await asyncio.sleep(1)
        status = status_of(api, kinds.DEPLOYMENT, "churn")
        assert conditions(status)["ReplicaFailure"] == ("True", "FailedCreate")
        manager.deployments.rejection = lambda _: ""
        api.edit(kinds.DEPLOYMENT, "default", "churn", patch={"metadata": {"labels": {"x": "y"}}})
        await asyncio.sleep(5)
        assert "ReplicaFailure" not in conditions(status_of(api, kinds.DEPLOYMENT, "churn"))


class TestFaults:
    @pytest.mark.parametrize("fault", [Fault.IMAGE_PULL, Fault.CONFIG_ERROR])
    async def test_fault_keeps_the_container_waiting(self, api: FakeApiServer, fault: Fault) -> None:
        ControllerManager(api, serving=lambda _: Behaviour(fault=fault, message="why"))
        api.insert(kinds.DEPLOYMENT, objects.deployment(replicas=1))
        await asyncio.sleep(60)
        assert states(api) == [{"waiting": {"reason": fault.value, "message": "why"}}]

    @pytest.mark.parametrize(
        ("fault", "reason", "exit_code"),
        [(Fault.CRASH_LOOP, "Error", 3), (Fault.OUT_OF_MEMORY, "OOMKilled", 137)],
    )
    async def test_fault_crashes_the_container_repeatedly(
        self, api: FakeApiServer, fault: Fault, reason: str, exit_code: int
    ) -> None:
        ControllerManager(api, serving=lambda _: Behaviour(fault=fault, exit_code=3, message="why"))
        api.insert(kinds.DEPLOYMENT, objects.deployment(replicas=1))
        await asyncio.sleep(60)
        (pod,) = api.all(kinds.POD)
        (container,) = pod["status"]["containerStatuses"]
        ended = container["lastState"]["terminated"]
        assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"
        assert (ended["reason"], ended["exitCode"], ended["message"]) == (reason, exit_code, "why")
        assert container["restartCount"] == 2

    async def test_unschedulable_pod_has_no_node(self, api: FakeApiServer) -> None:
        ControllerManager(api, serving=lambda _: Behaviour(fault=Fault.UNSCHEDULABLE))
        api.insert(kinds.DEPLOYMENT, objects.deployment(replicas=1))
        await asyncio.sleep(5)
        (pod,) = api.all(kinds.POD)
        assert conditions(pod["status"])["PodScheduled"] == ("False", "Unschedulable")
        assert "nodeName" not in pod["spec"]

    async def test_restart_makes_the_pod_unready_for_its_delay(self, api: FakeApiServer) -> None:
        ControllerManager(api, serving=lambda _: Behaviour(restarts=(30.0,), exit_code=9))
        api.insert(kinds.DEPLOYMENT, objects.deployment(replicas=1))
        await asyncio.sleep(31)
        assert "readyReplicas" not in status_of(api, kinds.DEPLOYMENT, "churn")
        await asyncio.sleep(2)
        (container,) = api.all(kinds.POD)[0]["status"]["containerStatuses"]
        assert (container["ready"], container["restartCount"]) == (True, 1)
        assert container["lastState"]["terminated"]["exitCode"] == 9

    async def test_kubelet_restarts_a_pod_on_request(self, api: FakeApiServer) -> None:
        manager = ControllerManager(api)
        api.insert(kinds.DEPLOYMENT, objects.deployment(replicas=1))
        await asyncio.sleep(5)
        name = api.all(kinds.POD)[0]["metadata"]["name"]
        for count in (1, 2):
            manager.kubelet.restart("default", name)
            await asyncio.sleep(5)
            (container,) = api.all(kinds.POD)[0]["status"]["containerStatuses"]
            assert (container["ready"], container["restartCount"]) == (True, count)

    async def test_evicted_pod_is_replaced(self, api: FakeApiServer) -> None:
        manager = ControllerManager(api)
        api.insert(kinds.DEPLOYMENT, objects.deployment(replicas=1))
        await asyncio.sleep(5)
        manager.kubelet.evict("default", api.all(kinds.POD)[0]["metadata"]["name"])
        await asyncio.sleep(5)
        assert status_of(api, kinds.DEPLOYMENT, "churn")["readyReplicas"] == 1
