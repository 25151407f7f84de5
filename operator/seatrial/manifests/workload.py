"""What runs and scales one revision: its Deployment, its autoscaler, the copies it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seatrial.api import names
from seatrial.api.objects import Body
from seatrial.api.owner import Owner
from seatrial.api.scaling import DisruptionBudget, Metric, Scaling
from seatrial.core import references
from seatrial.manifests import metadata, server_pod

COPY_OF = f"{names.GROUP}/copy-of"
"""Annotation of a copy: the ConfigMap that the spec refers to."""


RETRIED_AT = f"{names.GROUP}/retried-at"
"""Annotation of a Deployment: when its refused pods were last asked for again."""


def deployment(owner: Owner, revision: str, template: Body) -> Body:
    """Return the Deployment of a revision, without `replicas`: those are set at creation and through /scale only.

    One that a person paused would start no pods, and no rollout of ours would ever end.
    """
    return metadata.child(
        owner,
        api_version="apps/v1",
        kind="Deployment",
        name=owner.child(revision),
        revision=revision,
        spec={
            "selector": {"matchLabels": metadata.selector(owner, revision)},
            "template": template,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "revisionHistoryLimit": 0,
            "progressDeadlineSeconds": 2_147_483_647,
            "paused": False,
        },
    )


def image_in(deployment: Body) -> str:
    """Return the image that the pods of a Deployment run; empty if it has no container of ours."""
    pod = ((deployment.get("spec") or {}).get("template") or {}).get("spec") or {}
    containers = (c for c in pod.get("containers") or () if c.get("name") == server_pod.CONTAINER)
    return next((str(container.get("image", "")) for container in containers), "")


def autoscaler(owner: Owner, revision: str, *, scaling: Scaling, floor: int, may_shrink: bool) -> Body:
    """Return the HorizontalPodAutoscaler of a revision; every field is always set, so that none is left behind."""
    behavior: dict[str, Any] = dict(scaling.behavior)
    if not may_shrink:
        behavior = {**behavior, "scaleDown": {"selectPolicy": "Disabled"}}
    return metadata.child(
        owner,
        api_version="autoscaling/v2",
        kind="HorizontalPodAutoscaler",
        name=owner.child(revision),
        revision=revision,
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": owner.child(revision)},
            "minReplicas": floor,
            "maxReplicas": max(scaling.max_replicas or floor, floor),
            "metrics": [_metric(metric) for metric in scaling.effective_metrics],
            "behavior": _complete_behavior(behavior),
        },
    )


def _metric(metric: Metric) -> Body:
    if metric.raw is not None:
        return metric.raw
    target = {"type": "Utilization", "averageUtilization": metric.cpu}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def _complete_behavior(given: Mapping[str, Any]) -> Body:
    """Return the behavior with the defaults of the API, so that an omitted direction keeps no earlier value."""
    up = {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 100, "periodSeconds": 15},
        ],
    }
    down = {
        "stabilizationWindowSeconds": 300,
        "selectPolicy": "Max",
        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
    }
    return {
        "scaleUp": {**up, **_object(given.get("scaleUp"))},
        "scaleDown": {**down, **_object(given.get("scaleDown"))},
    }


def _object(part: Any) -> Mapping[str, Any]:
    return part if isinstance(part, Mapping) else {}


def configuration_copy(
    owner: Owner, revision: str, *, number: int, data: references.ReferencedData, original: str
) -> Body:
    """Return an immutable copy of a ConfigMap: what pods of this revision read, however late they start."""
    content: Body = {"data": dict(data.data)}
    if data.binary_data:
        content["binaryData"] = dict(data.binary_data)
    return metadata.child(
        owner,
        api_version="v1",
        kind="ConfigMap",
        name=f"{owner.child(revision)}-{number}",
        revision=revision,
        annotations={COPY_OF: original},
        immutable=True,
        **content,
    )


def disruption_budget(owner: Owner, revision: str, *, budget: DisruptionBudget) -> Body:
    """Return the budget of the pods of one revision: pods of another one, that may never be ready, do not use it up.

    A pod that is not ready serves nobody: it can always be evicted.
    """
    return metadata.child(
        owner,
        api_version="policy/v1",
        kind="PodDisruptionBudget",
        name=owner.child(revision),
        revision=revision,
        spec={
            "maxUnavailable": budget.max_unavailable,
            "selector": {"matchLabels": metadata.selector(owner, revision)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    )
