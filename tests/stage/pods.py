"""The demo's own pods in an existing cluster: restricted, and with errors explained."""

from __future__ import annotations

import time
from typing import Any, Final

from tests.cluster.errors import LabError
from tests.stage.given import GivenCluster

LOGIN: Final = "registry"
"""Name of the Secret with the user's login, in the demo's namespaces."""
NOT_PULLED: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "RegistryUnavailable"})


def container(name: str, image: str, command: list[str], **more: Any) -> dict[str, Any]:
    """Return a container without privileges."""
    security = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    resources = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}}
    base = {"name": name, "image": image, "command": command}
    return {**base, "securityContext": security, "resources": resources, **more}


def pod(namespace: str, name: str, *, with_login: bool, **spec: Any) -> dict[str, Any]:
    """Return a pod that meets the restricted standard, runs once and has no service account token."""
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
    """Wait until the pod is in this phase; raise LabError as soon as it cannot get there."""
    deadline = time.monotonic() + seconds
    while True:
        body = cluster.read("pod", name, "-n", namespace)
        current = body.get("status", {}).get("phase", "")
        if current == phase:
            return
        if trouble := trouble_of(body):
            raise LabError(trouble)
        if time.monotonic() > deadline:
            raise LabError(
                f"the pod {name} is not {phase} within {seconds:.0f} s: "
                f"{waiting(body) or current or 'it does not exist'}"
            )
        time.sleep(0.3)


def trouble_of(pod_body: dict[str, Any]) -> str:
    """Return why the pod has failed or its image cannot be pulled; empty if neither."""
    name = pod_body.get("metadata", {}).get("name", "")
    for status in _containers(pod_body):
        image, state = status.get("image", ""), status.get("state", {})
        waiting_state = state.get("waiting") or {}
        if waiting_state.get("reason") in NOT_PULLED:
            return (
                f"the nodes cannot pull {image}: {waiting_state.get('message') or waiting_state['reason']}; nodes and "
                "pods must reach the registry by that name (PULL_REGISTRY), trust its certificate, and have read access"
            )
        ended = state.get("terminated") or {}
        if ended.get("exitCode"):
            message = (ended.get("message") or ended.get("reason") or "").strip()[-300:]
            return f"{image} exits with code {ended['exitCode']} in the pod {name}: {message}"
    if pod_body.get("status", {}).get("phase") == "Failed":
        reason, message = pod_body["status"].get("reason"), pod_body["status"].get("message")
        return f"the pod {name} failed: {reason}: {message}"
    return ""


def waiting(pod_body: dict[str, Any]) -> str:
    """Return what a pod waits for, as the cluster reports it."""
    for condition in pod_body.get("status", {}).get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"no node can run it: {condition.get('message', '')}"
    for status in _containers(pod_body):
        if why := status.get("state", {}).get("waiting"):
            return f"{status['name']}: {why.get('reason', '')} {why.get('message', '')}".strip()
    return ""


def _containers(pod_body: dict[str, Any]) -> list[dict[str, Any]]:
    status = pod_body.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
