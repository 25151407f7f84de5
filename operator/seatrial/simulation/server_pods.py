"""Simulated server pods: which a Deployment has, which it creates and deletes, and when they become ready. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from seatrial.api import names, status_fields
from seatrial.api.objects import Body, label_of, parse_time
from seatrial.manifests import server
from seatrial.observation import pod_diagnosis


def pods_of(pods: tuple[Body, ...], deployment: Body) -> tuple[Body, ...]:
    """Return the server pods of a Deployment's revision."""
    revision = label_of(deployment, names.LABEL_REVISION)
    return tuple(pod for pod in server_pods(pods) if label_of(pod, names.LABEL_REVISION) == revision)


def orphaned_pods(pods: tuple[Body, ...], deployments: tuple[Body, ...]) -> tuple[Body, ...]:
    """Return the server pods whose Deployment no longer exists."""
    revisions = {label_of(deployment, names.LABEL_REVISION) for deployment in deployments}
    return tuple(pod for pod in server_pods(pods) if label_of(pod, names.LABEL_REVISION) not in revisions)


def server_pods(pods: tuple[Body, ...]) -> tuple[Body, ...]:
    """Return the pods of the model server, of every revision."""
    return tuple(pod for pod in pods if label_of(pod, names.LABEL_SERVER))


def deletion_order(pods: tuple[Body, ...]) -> list[Body]:
    """Return the pods in the order in which a Deployment deletes them: unready before ready, then newest first."""
    newest_first = sorted(pods, key=_creation_time_and_name, reverse=True)
    return sorted(newest_first, key=pod_diagnosis.is_ready)


def _creation_time_and_name(pod: Body) -> tuple[str, str]:
    return str(pod["metadata"].get("creationTimestamp", "")), pod["metadata"]["name"]


def new_pods(deployment: Body, existing: tuple[Body, ...], *, now: datetime, count: int) -> tuple[Body, ...]:
    """Return `count` new pods of a Deployment, with names that differ from those of the existing pods."""
    used = {pod["metadata"]["name"] for pod in existing}
    count = max(count, 0)
    candidates = (f"{deployment['metadata']['name']}-{n}" for n in range(1, len(used) + count + 1))
    free = [name for name in candidates if name not in used]
    return tuple(_pending_pod(deployment, name, now) for name in free[:count])


def pods_from_counts(deployment: Body, now: datetime) -> tuple[Body, ...]:
    """Return the pods that a Deployment must have according to its own replica counts."""
    count = int((deployment.get("spec") or {}).get("replicas", 1))
    ready = int((deployment.get("status") or {}).get("readyReplicas", 0))
    pods = new_pods(deployment, (), now=now, count=count)
    return tuple(_ready_pod(pod) if number < ready else pod for number, pod in enumerate(pods))


def _pending_pod(deployment: Body, name: str, now: datetime) -> Body:
    template = deployment["spec"]["template"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": deployment["metadata"].get("namespace", ""),
            "name": name,
            "labels": dict(template["metadata"]["labels"]),
            "creationTimestamp": status_fields.format_time(now),
            "ownerReferences": [{"kind": "Deployment", "uid": deployment["metadata"].get("uid", "")}],
        },
        "status": {"phase": "Pending"},
    }


def ready_time(pod: Body, ready_after: timedelta) -> datetime | None:
    """Return when a starting server pod becomes ready; None if it is ready, has failed or is no server pod."""
    if (
        not label_of(pod, names.LABEL_SERVER)
        or pod_diagnosis.is_ready(pod)
        or pod_diagnosis.diagnosis_of(pod)
    ):
        return None
    container = pod_diagnosis.container_status(pod, server.CONTAINER)
    if pod["metadata"].get("deletionTimestamp") or container.get("started"):
        return None
    created = parse_time(pod["metadata"].get("creationTimestamp"))
    return None if created is None else created + ready_after


def pod_at(pod: Body, now: datetime, ready_after: timedelta) -> Body:
    """Return the pod as the kubelet reports it at `now`."""
    time = ready_time(pod, ready_after)
    return pod if time is None or time > now else _ready_pod(pod)


def _ready_pod(pod: Body) -> Body:
    container = {"name": server.CONTAINER, "restartCount": 0, "ready": True, "state": {"running": {}}}
    return {
        **pod,
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [container],
        },
    }
