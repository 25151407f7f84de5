"""The fake HorizontalPodAutoscaler controller: keeps its target within its bounds and at the requested replicas."""

from __future__ import annotations

from typing import Final

from seatrial.api import kinds, objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body, ObjectKey
from seatrial.kube import failures
from tests.apiserver.deployment_controller import MANAGER
from tests.apiserver.server import FakeApiServer
from tests.apiserver.store import Change
from tests.apiserver.work_queue import WorkQueue

SYNC_SECONDS: Final = 1.0


class AutoscalerController:
    """Keeps every autoscaler's Deployment between min and max replicas; ignores zero replicas."""

    def __init__(self, server: FakeApiServer, *, seconds: float = SYNC_SECONDS) -> None:
        self._server = server
        self._queue = WorkQueue(self._reconcile, seconds=seconds)
        self._requested: dict[ObjectKey, int] = {}
        server.store.on_change.append(self._on_change)

    def want(self, namespace: str, name: str, replicas: int) -> None:
        """Let the metrics request this many replicas from now on."""
        self._requested[ObjectKey(namespace, name)] = replicas
        self._queue.add(ObjectKey(namespace, name))

    def _on_change(self, kind: Kind, change: Change) -> None:
        body = change.after
        if body is None:
            return
        if kind == kinds.HPA:
            self._queue.add(objects.key_of(body))
        elif kind == kinds.DEPLOYMENT:
            for scaler in self._server.all(kinds.HPA, body["metadata"]["namespace"]):
                if scaler["spec"]["scaleTargetRef"]["name"] == body["metadata"]["name"]:
                    self._queue.add(objects.key_of(scaler))

    def _reconcile(self, key: ObjectKey) -> None:
        scaler = self._server.look(kinds.HPA, *key)
        if scaler is None:
            return
        target = self._server.look(kinds.DEPLOYMENT, key.namespace, scaler["spec"]["scaleTargetRef"]["name"])
        if target is None:
            self._update_status(scaler, 0, 0, active=False, reason="FailedGetScale")
            return
        current: int = target["spec"]["replicas"]
        if current == 0:
            self._update_status(scaler, 0, 0, active=False, reason="ScalingDisabled")
            return
        requested = _allowed(scaler, self._requested.get(key, current), current)
        if requested != current:
            self._scale(target, requested)
        self._update_status(scaler, current, requested, active=True, reason="ValidMetricFound")

    def _scale(self, target: Body, replicas: int) -> None:
        try:
            self._server.scale(kinds.DEPLOYMENT, *objects.key_of(target), replicas=replicas, manager=MANAGER)
        except failures.ApiError:
            return

    def _update_status(
        self, scaler: Body, current: int, requested: int, *, active: bool, reason: str
    ) -> None:
        previous = scaler.get("status", {}).get("conditions") or []
        condition = {"type": "ScalingActive", "status": str(active), "reason": reason}
        unchanged = next((c for c in previous if {k: c.get(k) for k in condition} == condition), None)
        condition = unchanged or {**condition, "lastTransitionTime": self._server.now()}
        status = {"currentReplicas": current, "desiredReplicas": requested, "conditions": [condition]}
        self._server.set_status(kinds.HPA, *objects.key_of(scaler), status=status, manager=MANAGER)


def _allowed(scaler: Body, requested: int, current: int) -> int:
    spec = scaler["spec"]
    behavior = spec.get("behavior") or {}
    if requested < current and (behavior.get("scaleDown") or {}).get("selectPolicy") == "Disabled":
        requested = current
    if requested > current and (behavior.get("scaleUp") or {}).get("selectPolicy") == "Disabled":
        requested = current
    return int(max(spec.get("minReplicas", 1), min(spec["maxReplicas"], requested)))
