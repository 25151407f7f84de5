"""The invariants that must hold after every change and at every write of every story."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from typing import Any

from seatrial.api import kinds, names
from seatrial.api.objects import Body, label_of
from seatrial.kube.transport import Request
from seatrial.observation import pod_diagnosis
from tests.apiserver.server import FakeApiServer

_DEPLOYMENT_PATH = re.compile(r"/namespaces/([^/]+)/deployments/([^/]+)(/scale)?$")
_MODEL_DEPLOYMENT_PATH = re.compile(r"/modeldeployments/([^/]+)(/status)?$")
DEFAULT_SCALE_DOWN_DELAY = timedelta(seconds=30)
"""The default of `spec.rollout.scaleDownDelay`; a story with another one sets `scale_down_delay`."""


ROUNDING = timedelta(seconds=1)
"""Times are stored in whole seconds."""


class InvariantChecker:
    """Checks the cluster after every change and every write before it is sent; collects the violations."""

    def __init__(self, server: FakeApiServer) -> None:
        self._server = server
        self.violations: list[str] = []
        self.scale_down_delay = DEFAULT_SCALE_DOWN_DELAY
        self.outages_allowed = False
        """Set by stories with strategy Recreate or zero replicas."""
        self._traffic_ended_at: dict[tuple[str, str], float] = {}
        """(namespace, revision) → when its Service last selected the revision, in seconds of the loop: no clock
        that is set changes them."""
        server.store.on_change.append(self._check_change)

    def assert_no_violations(self) -> None:
        """Fail with the first violations, if there are any."""
        assert not self.violations, self.violations[:5]

    # writes

    def check_write(self, request: Request) -> None:
        """Check a write that an operator is about to send."""
        if (match := _MODEL_DEPLOYMENT_PATH.search(request.path)) and not match[2]:
            self.violations.append(f"the operator wrote more than a status: {request.method} {request.path}")
        if (match := _DEPLOYMENT_PATH.search(request.path)) and self._removes_all_pods(request):
            self._check_removal_of_pods(match[1], match[2])
        if match and request.method == "DELETE":
            self._check_deletion(match[1], match[2])

    @staticmethod
    def _removes_all_pods(request: Request) -> bool:
        if request.method == "DELETE":
            return True
        body = json.loads(request.body or b"{}")
        return request.path.endswith("/scale") and (body.get("spec") or {}).get("replicas") == 0

    def _check_removal_of_pods(self, namespace: str, name: str) -> None:
        """A track loses its pods only after `scaleDownDelay` without traffic."""
        body = self._server.look(kinds.DEPLOYMENT, namespace, name)
        if body is None or self.outages_allowed:
            return
        revision = label_of(body, names.LABEL_REVISION)
        owner = label_of(body, names.LABEL_DEPLOYMENT)
        ready = [
            p
            for p in self._pods()
            if label_of(p, names.LABEL_REVISION) == revision and pod_diagnosis.is_ready(p)
        ]
        if self._receives_traffic(namespace, owner, revision) and ready:
            self.violations.append(f"{name} lost its pods while it received traffic")
        ended_at = self._traffic_ended_at.get((namespace, revision))
        since = timedelta(seconds=_loop_time() - (ended_at or 0.0))
        if ended_at is not None and since < self.scale_down_delay - ROUNDING and ready:
            self.violations.append(f"{name} lost its pods {since} after its traffic")

    def _check_deletion(self, namespace: str, name: str) -> None:
        """A Deployment is deleted after its pods: pods without a controller block evictions and every drain."""
        body = self._server.look(kinds.DEPLOYMENT, namespace, name)
        revision = "" if body is None else label_of(body, names.LABEL_REVISION)
        pods = [p for p in self._pods() if label_of(p, names.LABEL_REVISION) == revision]
        if revision and any(label_of(p, names.LABEL_SERVER) for p in pods):
            self.violations.append(f"{name} was deleted while it had pods")

    def _receives_traffic(self, namespace: str, owner: str, revision: str) -> bool:
        service = self._server.look(kinds.SERVICE, namespace, owner) or {}
        return revision in _selected_revisions(service)

    # changes

    def _check_change(self, kind: kinds.Kind, change: Any) -> None:
        if kind == kinds.SERVICE and change.before is not None:
            self._record_end_of_traffic(change.before, change.after)
        if change.after is None:
            return
        if kind == kinds.MODEL_DEPLOYMENT:
            self._check_status(change.before, change.after)
        if kind == kinds.SERVICE:
            self._check_service(change.before, change.after)

    def _record_end_of_traffic(self, before: Body, after: Body | None) -> None:
        for revision in _selected_revisions(before) - _selected_revisions(after or {}):
            self._traffic_ended_at[(before["metadata"]["namespace"], revision)] = _loop_time()

    def _check_status(self, before: Body | None, after: Body) -> None:
        status, previous = after.get("status") or {}, (before or {}).get("status") or {}
        stable, canary = status.get("stable"), status.get("canary")
        rollout = status.get("rollout") or {}
        if stable and canary and stable.get("weight", 0) + canary.get("weight", 0) != 100:
            self.violations.append(f"weights do not sum to 100: {stable} {canary}")
        if (
            rollout.get("weight", 0) > 0
            and rollout.get("phase") == "Shifting"
            and not rollout.get("usersSince")
        ):
            self.violations.append(f"weight without usersSince: {rollout}")
        is_raised = (canary or {}).get("weight", 0) > (previous.get("canary") or {}).get("weight", 0)
        if is_raised and not self._ready_pods(rollout.get("revision", "")):
            self.violations.append(f"the weight was raised without a ready pod: {rollout}")

    def _ready_pods(self, revision: str) -> int:
        return sum(
            label_of(p, names.LABEL_REVISION) == revision and pod_diagnosis.is_ready(p) for p in self._pods()
        )

    def _check_service(self, before: Body | None, after: Body) -> None:
        """A Service that starts to select all revisions has a ready canary and pods of at most two revisions."""
        selector = (after.get("spec") or {}).get("selector") or {}
        selects_all = names.LABEL_SERVER in selector and names.LABEL_REVISION not in selector
        if not selects_all or (before is not None and before["spec"].get("selector") == selector):
            return
        pods = [p for p in self._pods() if label_of(p, names.LABEL_SERVER) == selector[names.LABEL_SERVER]]
        revisions = {label_of(p, names.LABEL_REVISION) for p in pods}
        ready = {label_of(p, names.LABEL_REVISION) for p in pods if pod_diagnosis.is_ready(p)}
        canary = after["metadata"]["annotations"].get("seatrial.dev/canary", "")
        if canary not in ready:
            self.violations.append(f"traffic was sent to {canary}, which has no ready pod")
        if len(revisions) > 2:
            self.violations.append(f"a third revision received traffic: {revisions}")

    def _pods(self) -> list[Body]:
        return list(self._server.store.all(kinds.POD))


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _selected_revisions(service: Body) -> set[str]:
    """Return the revisions that receive traffic from a Service."""
    selector = (service.get("spec") or {}).get("selector") or {}
    if names.LABEL_SERVER not in selector:
        return set()
    if names.LABEL_REVISION in selector:
        return {selector[names.LABEL_REVISION]}
    metadata = service["metadata"]
    revisions = {
        metadata["labels"].get(names.LABEL_STABLE),
        metadata["annotations"].get("seatrial.dev/canary"),
    }
    return {str(revision) for revision in revisions if revision}
