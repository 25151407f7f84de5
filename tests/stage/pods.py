"""Pods of the demo's own in a cluster of the user's: as restricted as can be, and what keeps one from running."""

from __future__ import annotations

import time
from typing import Any, Final

from tests.cluster.errors import LabError
from tests.stage.given import GivenCluster

LOGIN: Final = "registry"
"""The Secret with the user's login, in the demo's namespaces."""
NOT_PULLED: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "RegistryUnavailable"})


def container(name: str, image: str, command: list[str], **more: Any) -> dict[str, Any]:
    """A container without any right."""
    shut = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    resources = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}}
    base = {"name": name, "image": image, "command": command}
    return {**base, "securityContext": shut, "resources": resources, **more}


def pod(namespace: str, name: str, *, with_login: bool, **spec: Any) -> dict[str, Any]:
    """A pod that satisfies the restricted standard, runs once and has no token."""
    base = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "imagePullSecrets": [{"name": LOGIN}] if with_login else [],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    head = {"namespace": namespace, "name": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": head, "spec": {**base, **spec}}


def until(cluster: GivenCluster, namespace: str, name: str, *, phase: str, seconds: float) -> None:
    """The pod is in this phase. Raises LabError as soon as it is known that it will not be."""
    deadline = time.monotonic() + seconds
    while True:
        seen = cluster.read("pod", name, "-n", namespace)
        now = seen.get("status", {}).get("phase", "")
        if now == phase:
            return
        if trouble := trouble_of(seen):
            raise LabError(trouble)
        if time.monotonic() > deadline:
            raise LabError(
                f"the pod {name} does not get on within {seconds:.0f} s: {waiting(seen) or now or 'it is gone'}"
            )
        time.sleep(0.3)


def trouble_of(seen: dict[str, Any]) -> str:
    """A sentence when the pod has failed, or its image cannot be pulled; else empty."""
    for one in _containers(seen):
        why = one.get("state", {}).get("waiting") or {}
        if why.get("reason") in NOT_PULLED:
            return (
                f"the nodes cannot pull {one['image']}: {why.get('message') or why['reason']}; nodes and pods must "
                f"reach the registry by that name (PULL_REGISTRY), trust it, and be allowed to read"
            )
        ended = one.get("state", {}).get("terminated") or {}
        if ended.get("exitCode"):
            said = (ended.get("message") or ended.get("reason") or "").strip()[-300:]
            return (
                f"{one['image']} ends with {ended['exitCode']} in the pod {seen['metadata']['name']}: {said}"
            )
    if seen.get("status", {}).get("phase") == "Failed":
        status = seen["status"]
        return f"the pod {seen['metadata']['name']} failed: {status.get('reason')}: {status.get('message')}"
    return ""


def waiting(seen: dict[str, Any]) -> str:
    """What a pod that is not ready waits for, in the cluster's own words."""
    for condition in seen.get("status", {}).get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"no node takes it: {condition.get('message', '')}"
    for one in _containers(seen):
        if why := one.get("state", {}).get("waiting"):
            return f"{one['name']}: {why.get('reason', '')} {why.get('message', '')}".strip()
    return ""


def _containers(seen: dict[str, Any]) -> list[dict[str, Any]]:
    status = seen.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
