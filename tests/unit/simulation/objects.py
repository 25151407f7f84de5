"""Objects and clusters that the tests of the simulation start from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from seatrial.api import names
from seatrial.children import actions
from seatrial.simulation.cluster import SimulatedCluster, apply_actions
from seatrial.simulation.controllers import Timings, advance_time

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TIMINGS = Timings(ready_after=15 * SECOND, build=60 * SECOND)
LABELS = {names.LABEL_REVISION: "aaaaaaaaaa", names.LABEL_SERVER: "churn", names.LABEL_DEPLOYMENT: "churn"}
Body = dict[str, Any]


def deployment(replicas: int = 2, **more: Any) -> Body:
    """Return the Deployment of a revision."""
    metadata = {"name": "churn-aaaaaaaaaa", "namespace": "shop", "labels": LABELS}
    spec = {"replicas": replicas, "template": {"metadata": {"labels": LABELS}}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {**spec, **more}}


def autoscaler(minimum: int, maximum: int) -> Body:
    """Return the HorizontalPodAutoscaler of the Deployment."""
    metadata = {"name": "churn-aaaaaaaaaa", "namespace": "shop"}
    spec = {"scaleTargetRef": {"name": "churn-aaaaaaaaaa"}, "minReplicas": minimum, "maxReplicas": maximum}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata,
        "spec": spec,
    }


def apply(*plan_actions: actions.Action, start: SimulatedCluster | None = None) -> SimulatedCluster:
    """Return the cluster after these actions; it starts empty."""
    return apply_actions(start or SimulatedCluster({}), plan_actions, NOON)


def ready_cluster(*bodies: Body) -> SimulatedCluster:
    """Return a cluster of these objects in which all pods are ready."""
    cluster = apply(*(actions.Create(body) for body in bodies))
    return advance_time(advance_time(cluster, NOON, TIMINGS), NOON + TIMINGS.ready_after, TIMINGS)
