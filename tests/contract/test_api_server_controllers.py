"""The cluster's controllers, tested on the fake and a real API server."""

from __future__ import annotations

import time
from typing import Any

from seatrial.api import kinds
from seatrial.api.objects import Body
from tests.contract import example_objects as objects
from tests.contract.api_servers import Server


class TestControllers:
    async def test_deployment_gets_its_pods_and_reports_them(self, server: Server) -> None:
        await server.client.create(kinds.DEPLOYMENT, objects.deployment(server, replicas=2))
        status = await server.eventually(lambda: ready(server, 2))
        assert {name: status[name] for name in status if name.endswith("eplicas")} == {
            "replicas": 2,
            "readyReplicas": 2,
            "updatedReplicas": 2,
            "availableReplicas": 2,
        }
        assert status["observedGeneration"] == 1
        conditions = {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}
        assert conditions == {
            "Available": ("True", "MinimumReplicasAvailable"),
            "Progressing": ("True", "NewReplicaSetAvailable"),
        }

    async def test_deployment_pods_have_labels_and_owner(self, server: Server) -> None:
        await server.client.create(kinds.DEPLOYMENT, objects.deployment(server, replicas=1))
        await server.eventually(lambda: ready(server, 1))
        (pod,) = (await server.client.list(kinds.POD, server.namespace, labels="app=churn")).items
        assert "pod-template-hash" in pod["metadata"]["labels"]
        assert pod["metadata"]["ownerReferences"][0]["controller"] is True
        assert pod["spec"]["nodeName"]
        (container,) = pod["status"]["containerStatuses"]
        assert (container["name"], container["ready"], container["restartCount"]) == ("server", True, 0)

    async def test_deployment_scales_to_zero(self, server: Server) -> None:
        await server.client.create(kinds.DEPLOYMENT, objects.deployment(server, replicas=1))
        await server.eventually(lambda: ready(server, 1))
        await server.client.scale(kinds.DEPLOYMENT, server.namespace, "churn", replicas=0)

        async def is_empty() -> bool:
            status = (await server.get(kinds.DEPLOYMENT, "churn"))["status"]
            return status["observedGeneration"] == 2 and "replicas" not in status

        await server.eventually(is_empty)

    async def test_deployment_over_quota_reports_a_replica_failure(self, server: Server) -> None:
        await server.limit_pods(1)
        await server.client.create(kinds.DEPLOYMENT, objects.deployment(server, replicas=3))

        async def replica_failure() -> Body | None:
            status = (await server.get(kinds.DEPLOYMENT, "churn")).get("status") or {}
            found = [c for c in status.get("conditions") or [] if c["type"] == "ReplicaFailure"]
            return next((c for c in found if "exceeded quota" in c["message"]), None)

        condition = await server.eventually(replica_failure)
        assert (condition["status"], condition["reason"]) == ("True", "FailedCreate")
        assert "is forbidden" in condition["message"]

    async def test_changed_annotation_of_a_deployment_has_refused_pods_asked_for_at_once(
        self, server: Server
    ) -> None:
        await server.limit_pods(0)
        await server.client.create(kinds.DEPLOYMENT, objects.deployment(server, replicas=1))
        began = time.monotonic()

        async def has_waited() -> bool:  # the next try of the controller itself is at 10.2 s
            return time.monotonic() > began + 6

        await server.eventually(has_waited)
        await server.limit_pods(5)
        changed = {"metadata": {"annotations": {"seatrial.dev/retried-at": "2026-01-01T12:00:15Z"}}}
        await server.client.patch(kinds.DEPLOYMENT, server.namespace, "churn", patch=changed)
        patched = time.monotonic()
        await server.eventually(lambda: ready(server, 1))
        assert time.monotonic() < min(patched + 3, began + 10)

    async def test_autoscaler_scales_up_to_min_replicas(self, server: Server) -> None:
        await server.client.create(kinds.DEPLOYMENT, objects.deployment(server, replicas=1))
        await server.client.create(kinds.HPA, objects.autoscaler(server, minReplicas=2))

        async def is_raised() -> bool:
            return bool((await server.get(kinds.DEPLOYMENT, "churn"))["spec"]["replicas"] == 2)

        await server.eventually(is_raised)

    async def test_autoscaler_ignores_zero_replicas(self, server: Server) -> None:
        await server.client.create(kinds.DEPLOYMENT, objects.deployment(server, replicas=0))
        await server.client.create(kinds.HPA, objects.autoscaler(server, minReplicas=2))

        async def is_disabled() -> bool:
            status = (await server.get(kinds.HPA, "churn")).get("status") or {}
            conditions = {c["type"]: (c["status"], c["reason"]) for c in status.get("conditions") or []}
            return conditions.get("ScalingActive") == ("False", "ScalingDisabled")

        await server.eventually(is_disabled)
        assert (await server.get(kinds.DEPLOYMENT, "churn"))["spec"]["replicas"] == 0


async def ready(server: Server, count: int) -> Any:
    """Return the Deployment's status once it has `count` ready pods; None before."""
    status = (await server.get(kinds.DEPLOYMENT, "churn")).get("status") or {}
    reasons = {c["type"]: c["reason"] for c in status.get("conditions") or []}
    if status.get("readyReplicas") == count and reasons.get("Progressing") == "NewReplicaSetAvailable":
        return status
    return None
