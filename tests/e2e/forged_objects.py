"""Objects like those of the operator, and what a thief of its token would change in them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tests.unit.chart.chart_rendering import Body

OURS = {
    "app.kubernetes.io/managed-by": "seatrial",
    "seatrial.dev/deployment": "churn",
    "seatrial.dev/server": "churn",
}
OWNER = {
    "apiVersion": "seatrial.dev/v1alpha1",
    "kind": "ModelDeployment",
    "name": "churn",
    "uid": "00000000-0000-0000-0000-000000000001",
    "controller": True,
}
SERVER = {"seatrial.dev/server": "churn"}


def child(api_version: str, kind: str, name: str = "churn-1", **content: Any) -> Body:
    metadata = {"name": name, "labels": dict(OURS), "ownerReferences": [dict(OWNER)]}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **copy.deepcopy(content)}


CONTAINER = {
    "name": "server",
    "image": "registry.example/churn",
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}
POD = {
    "automountServiceAccountToken": False,
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [CONTAINER],
}


def deployment() -> Body:
    spec = {"selector": {"matchLabels": SERVER}, "template": {"metadata": {"labels": OURS}, "spec": POD}}
    return child("apps/v1", "Deployment", spec=spec)


def job() -> Body:
    template = {"metadata": {"labels": OURS}, "spec": {**POD, "restartPolicy": "Never"}}
    return child("batch/v1", "Job", spec={"template": template})


def service() -> Body:
    return child("v1", "Service", spec={"selector": SERVER, "ports": [{"port": 80}]})


def autoscaler() -> Body:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "churn-1"}
    return child(
        "autoscaling/v2", "HorizontalPodAutoscaler", spec={"scaleTargetRef": target, "maxReplicas": 3}
    )


def budget() -> Body:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": SERVER}}
    return child("policy/v1", "PodDisruptionBudget", spec=spec)


def config_map() -> Body:
    return child("v1", "ConfigMap", data={"a": "1"})


def controller_revision() -> Body:
    return child("apps/v1", "ControllerRevision", revision=1, data={})


CHILDREN = (deployment, job, service, autoscaler, budget, config_map, controller_revision)


def changed(body: Body, patch: Mapping[str, Any]) -> Body:
    """Return the object with a merge patch applied; None removes a field."""
    for key, value in patch.items():
        if isinstance(value, Mapping) and isinstance(body.get(key), dict):
            changed(body[key], value)
        elif value is None:
            body.pop(key, None)
        else:
            body[key] = value
    return body


def pod(**patch: Any) -> Body:
    return {"spec": {"template": {"spec": patch}}}


def container(**patch: Any) -> Body:
    return pod(containers=[{**CONTAINER, **patch}])


def privileges(**patch: Any) -> Body:
    return container(securityContext={**CONTAINER["securityContext"], **patch})  # type: ignore[dict-item]


def mounted(**source: Any) -> Body:
    return pod(volumes=[{"name": "v", **source}])
