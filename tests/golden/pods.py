"""Failures of a server pod, as the kubelet reports them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seatrial.api.objects import Body
from seatrial.manifests import server

Change = Callable[[Body], Body]


def _with(pod: Body, container: dict[str, Any], *, restarts: int = 0) -> Body:
    status = {"name": server.CONTAINER, "restartCount": restarts, "ready": False, **container}
    conditions = [{"type": "Ready", "status": "False"}]
    return {**pod, "status": {"phase": "Running", "conditions": conditions, "containerStatuses": [status]}}


def crashing(pod: Body) -> Body:
    """Return the pod with a container that keeps exiting."""
    words = "Traceback (most recent call last):\n  File ...\nKeyError: 'age'"
    return _with(
        pod,
        {
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {
                "terminated": {
                    "exitCode": 1,
                    "reason": "Error",
                    "message": words,
                    "finishedAt": "2026-11-21T12:00:00Z",
                }
            },
        },
        restarts=3,
    )


def killed_for_memory(at: str) -> Change:
    """Return the change to a pod that was OOM-killed once and runs again."""

    def change(pod: Body) -> Body:
        ended = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": at}
        dead = {"state": {"running": {}}, "lastState": {"terminated": ended}}
        return _with(pod, dead, restarts=1)

    return change


def unable_to_pull(pod: Body) -> Body:
    """Return the pod with an image that cannot be pulled."""
    message = "Back-off pulling image: unauthorized"
    return _with(pod, {"state": {"waiting": {"reason": "ImagePullBackOff", "message": message}}})


def without_a_node(pod: Body) -> Body:
    """Return the pod without a node that has room for it."""
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/3 nodes are available: 3 Insufficient memory.",
    }
    return {**pod, "status": {"phase": "Pending", "conditions": [condition]}}


def not_ready(pod: Body) -> Body:
    """Return the pod after it has started and stopped answering."""
    return _with(pod, {"started": True, "state": {"running": {}}})
