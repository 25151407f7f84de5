"""Autoscalers on a real cluster: of the object, of a child by somebody else, and ours without metrics."""

from __future__ import annotations

import asyncio

import pytest

from seatrial.api import kinds, names
from seatrial.api.objects import Body, condition_of
from tests.live import cluster_user
from tests.live.cluster_user import ClusterUser, spec
from tests.live.operator_process import OperatorProcess

pytestmark = pytest.mark.controlplane

SYNC_SECONDS = 5
"""How often the lab's controller manager looks at autoscalers."""
BOUNDS = {"minReplicas": 1, "maxReplicas": 4}
OF_THE_OBJECT = {"apiVersion": names.API_VERSION, "kind": names.KIND, "name": "churn"}


async def autoscale(user: ClusterUser, target: Body, *, least: int) -> Body:
    """Create a user's autoscaler that needs no metrics to give `target` at least this many replicas."""
    body = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "by-the-team"},
        "spec": {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": 9},
    }
    return await user.create(kinds.HPA, body)


def scaling(body: Body) -> Body:
    """Return the condition that says what is wrong with the scaling; empty where nothing is."""
    return condition_of(body, "ScalingActive")


async def announced(user: ClusterUser, reason: str) -> str:
    """Return the message of the Event of a reason, which is written after the status."""
    async with asyncio.timeout(cluster_user.TIMEOUT):
        while True:
            messages = [
                event["message"] for event in await user.all(kinds.EVENT) if event["reason"] == reason
            ]
            if messages:
                return str(messages[0])
            await asyncio.sleep(cluster_user.POLL_INTERVAL)


async def test_an_autoscaler_of_the_object_scales_it_before_anybody_wrote_replicas(
    operator: OperatorProcess, user: ClusterUser
) -> None:
    without = {key: value for key, value in spec(1).items() if key != "scaling"}
    await user.apply("churn", without)
    await user.healthy("churn", 1)
    await autoscale(user, OF_THE_OBJECT, least=3)
    body = await user.until("churn", lambda body: body["status"].get("readyReplicas") == 3)
    assert body["spec"]["scaling"]["replicas"] == 3
    assert scaling(body) == {}


async def test_an_autoscaler_of_the_object_is_told_that_the_spec_has_bounds(
    operator: OperatorProcess, user: ClusterUser
) -> None:
    await user.apply("churn", {**spec(1), "scaling": BOUNDS})
    await user.healthy("churn", 1)
    await autoscale(user, OF_THE_OBJECT, least=3)

    def is_told(autoscaler: Body) -> bool:
        able = condition_of(autoscaler, "AbleToScale")
        return "set either replicas, or minReplicas and maxReplicas" in str(able.get("message"))

    await user.until("by-the-team", is_told, kind=kinds.HPA)


async def test_an_autoscaler_of_a_child_is_named_and_not_fought(
    operator: OperatorProcess, user: ClusterUser
) -> None:
    await user.apply("churn", spec(1))
    stable = (await user.healthy("churn", 1))["status"]["stable"]["revision"]
    child = f"churn-{stable}"
    await autoscale(user, {"apiVersion": "apps/v1", "kind": "Deployment", "name": child}, least=3)
    body = await user.until("churn", lambda body: body["status"].get("readyReplicas") == 3 and scaling(body))
    assert scaling(body)["reason"] == "ForeignAutoscaler"
    assert "HorizontalPodAutoscaler by-the-team" in scaling(body)["message"]
    generation = (await user.get(child, kinds.DEPLOYMENT))["metadata"]["generation"]
    await asyncio.sleep(2 * SYNC_SECONDS)
    assert (await user.get(child, kinds.DEPLOYMENT))["metadata"]["generation"] == generation


async def test_our_autoscaler_without_metrics_is_quoted_at_once(
    operator: OperatorProcess, user: ClusterUser
) -> None:
    await user.apply("churn", {**spec(1), "scaling": BOUNDS})
    await user.healthy("churn", 1)

    def is_quoted(body: Body) -> bool:
        return "FailedGetResourceMetric" in str(scaling(body).get("message"))

    body = await user.until("churn", is_quoted, patience=6 * SYNC_SECONDS)
    (autoscaler,) = await user.all(kinds.HPA, "churn")
    said = condition_of(autoscaler, "ScalingActive")["message"]
    assert " ".join(said.split()) in scaling(body)["message"]
    assert scaling(body)["reason"] == "ScalingMetricUnavailable"
    assert said in await announced(user, "ScalingMetricUnavailable")
