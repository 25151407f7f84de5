"""The fake's HorizontalPodAutoscaler controller: it holds its target between its bounds, or where it is told."""

from __future__ import annotations

from typing import Final

from seatrial.api import kinds, objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body, ObjectKey
from seatrial.kube import failures
from tests.apiserver.deployment_controller import MANAGER
from tests.apiserver.server import FakeApiServer
from tests.apiserver.store import Change
from tests.apiserver.work_queue import Reactor

SYNC_SECONDS: Final = 1.0


class AutoscalerController:
    """Every autoscaler's Deployment has between min and max replicas; 0 is left alone."""

    def __init__(self, server: FakeApiServer, *, seconds: float = SYNC_SECONDS) -> None:
        self._server = server
        self._reactor = Reactor(self._look, seconds=seconds)
        self._wanted: dict[ObjectKey, int] = {}
        server.store.on_change.append(self._notice)

    def want(self, namespace: str, name: str, replicas: int) -> None:
        """The metrics ask for this many replicas from now on."""
        self._wanted[ObjectKey(namespace, name)] = replicas
        self._reactor.poke(ObjectKey(namespace, name))

    def _notice(self, kind: Kind, change: Change) -> None:
        body = change.after
        if body is None:
            return
        if kind == kinds.HPA:
            self._reactor.poke(objects.key_of(body))
        elif kind == kinds.DEPLOYMENT:
            for scaler in self._server.all(kinds.HPA, body["metadata"]["namespace"]):
                if scaler["spec"]["scaleTargetRef"]["name"] == body["metadata"]["name"]:
                    self._reactor.poke(objects.key_of(scaler))

    def _look(self, key: ObjectKey) -> None:
        scaler = self._server.look(kinds.HPA, *key)
        if scaler is None:
            return
        target = self._server.look(kinds.DEPLOYMENT, key.namespace, scaler["spec"]["scaleTargetRef"]["name"])
        if target is None:
            self._tell(scaler, 0, 0, active=False, reason="FailedGetScale")
            return
        present: int = target["spec"]["replicas"]
        if present == 0:
            self._tell(scaler, 0, 0, active=False, reason="ScalingDisabled")
            return
        wanted = _allowed(scaler, self._wanted.get(key, present), present)
        if wanted != present:
            self._scale(target, wanted)
        self._tell(scaler, present, wanted, active=True, reason="ValidMetricFound")

    def _scale(self, target: Body, replicas: int) -> None:
        try:
            self._server.scale(kinds.DEPLOYMENT, *objects.key_of(target), replicas=replicas, manager=MANAGER)
        except failures.ApiError:
            return

    def _tell(self, scaler: Body, present: int, wanted: int, *, active: bool, reason: str) -> None:
        before = scaler.get("status", {}).get("conditions") or []
        condition = {"type": "ScalingActive", "status": str(active), "reason": reason}
        known = next((c for c in before if {k: c.get(k) for k in condition} == condition), None)
        told = known or {**condition, "lastTransitionTime": self._server.now()}
        status = {"currentReplicas": present, "desiredReplicas": wanted, "conditions": [told]}
        self._server.set_status(kinds.HPA, *objects.key_of(scaler), status=status, manager=MANAGER)


def _allowed(scaler: Body, wanted: int, present: int) -> int:
    spec = scaler["spec"]
    behavior = spec.get("behavior") or {}
    if wanted < present and (behavior.get("scaleDown") or {}).get("selectPolicy") == "Disabled":
        wanted = present
    if wanted > present and (behavior.get("scaleUp") or {}).get("selectPolicy") == "Disabled":
        wanted = present
    return int(max(spec.get("minReplicas", 1), min(spec["maxReplicas"], wanted)))
