"""Small objects for the tests of the client package."""

from __future__ import annotations

from typing import Any

from seatrial.api import kinds
from seatrial.api.objects import Body
from tests.apiserver import FakeApiServer


def settings(name: str = "settings", **data: str) -> Body:
    """A ConfigMap."""
    metadata: Body = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"a": "1"}}


def labelled(name: str, **labels: str) -> Body:
    """A ConfigMap with labels."""
    body = settings(name)
    body["metadata"]["labels"] = labels
    return body


def deployment(name: str = "churn", *, replicas: int = 2, image: str = "churn:1", **spec: Any) -> Body:
    """A Deployment."""
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "server", "image": image}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec},
    }


def job(name: str = "build", *, request: str = "", **spec: Any) -> Body:
    """A Job whose request stands in its environment."""
    container = {"name": "build", "image": "build:1", "env": [{"name": "REQUEST", "value": request}]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"backoffLimit": 0, "template": template, **spec},
    }


def autoscaler(name: str = "churn", **spec: Any) -> Body:
    """An autoscaler of the Deployment of the same name."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 3, **spec},
    }


def status_of(api: FakeApiServer, kind: kinds.Kind, name: str) -> Body:
    body = api.look(kind, "default", name)
    assert body is not None
    status: Body = body["status"]
    return status


def states(api: FakeApiServer) -> list[Any]:
    """The state of each pod's container."""
    return [pod["status"]["containerStatuses"][0]["state"] for pod in api.all(kinds.POD)]


def conditions(status: Body) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c.get("reason", "")) for c in status.get("conditions") or []}
