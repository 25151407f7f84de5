"""What must hold at every moment of every story."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

from seatrial.api import names
from seatrial.api.objects import Body, label_of, parse_time
from seatrial.kube import kinds
from seatrial.kube.transport import Request
from seatrial.observation import pod_diagnosis
from tests.apiserver.server import FakeApiServer

_OF_DEPLOYMENT = re.compile(r"/namespaces/([^/]+)/deployments/([^/]+)(/scale)?$")
_OF_OBJECT = re.compile(r"/modeldeployments/([^/]+)(/status)?$")
KEPT_FOR = timedelta(seconds=30)
"""The default of `scaleDownDelay`; no story has a shorter one but those that say so."""


class Watcher:
    """Looks at the cluster after every change, judges every write, and remembers what was wrong."""

    def __init__(self, server: FakeApiServer) -> None:
        self._server = server
        self.broken: list[str] = []
        self.seen = 0
        self.kept_for = KEPT_FOR
        self.outages_allowed = False
        """Recreate, and zero replicas: users are told to wait."""
        self._reached: dict[tuple[str, str], datetime] = {}
        """Namespace and revision → when a Service last let users in."""
        server.store.on_change.append(self._look)

    def check(self) -> None:
        """Nothing was ever wrong."""
        assert not self.broken, self.broken[:5]

    # what is written

    def judge(self, request: Request) -> None:
        """An operator is about to write."""
        if (found := _OF_OBJECT.search(request.path)) and not found[2]:
            self.broken.append(f"the operator wrote more than a status: {request.method} {request.path}")
        if (found := _OF_DEPLOYMENT.search(request.path)) and self._takes_all(request):
            self._judge_end(found[1], found[2])
        if found and request.method == "DELETE":
            self._judge_deletion(found[1], found[2])

    @staticmethod
    def _takes_all(request: Request) -> bool:
        if request.method == "DELETE":
            return True
        body = json.loads(request.body or b"{}")
        return request.path.endswith("/scale") and (body.get("spec") or {}).get("replicas") == 0

    def _judge_end(self, namespace: str, name: str) -> None:
        """A track that loses all its pods has had no users for as long as was promised."""
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
        if self._is_reached(namespace, owner, revision) and ready:
            self.broken.append(f"{name} lost its pods while it had users")
        left = self._reached.get((namespace, revision))
        if left is not None and self._server_time() < left + self.kept_for and ready:
            self.broken.append(f"{name} lost its pods {self._server_time() - left} after its users")

    def _judge_deletion(self, namespace: str, name: str) -> None:
        """Pods go before their Deployment: without a controller they stop the budget, and every drain with it."""
        body = self._server.look(kinds.DEPLOYMENT, namespace, name)
        revision = "" if body is None else label_of(body, names.LABEL_REVISION)
        left = [p for p in self._pods() if label_of(p, names.LABEL_REVISION) == revision]
        if revision and any(label_of(p, names.LABEL_SERVER) for p in left):
            self.broken.append(f"{name} was deleted while it had pods")

    def _server_time(self) -> datetime:
        now = parse_time(self._server.now())
        assert now is not None
        return now

    def _is_reached(self, namespace: str, owner: str, revision: str) -> bool:
        service = self._server.look(kinds.SERVICE, namespace, owner) or {}
        return revision in _reached_by(service)

    # what is

    def _look(self, kind: kinds.Kind, change: Any) -> None:
        if kind == kinds.SERVICE and change.before is not None:
            self._note_leaving(change.before, change.after)
        if change.after is None:
            return
        self.seen += 1
        if kind == kinds.MODEL_DEPLOYMENT:
            self._status(change.before, change.after)
        if kind == kinds.SERVICE:
            self._service(change.before, change.after)

    def _note_leaving(self, before: Body, after: Body | None) -> None:
        for revision in _reached_by(before) - _reached_by(after or {}):
            self._reached[(before["metadata"]["namespace"], revision)] = self._server_time()

    def _status(self, before: Body | None, after: Body) -> None:
        status, former = after.get("status") or {}, (before or {}).get("status") or {}
        stable, canary = status.get("stable"), status.get("canary")
        rollout = status.get("rollout") or {}
        if stable and canary and stable.get("weight", 0) + canary.get("weight", 0) != 100:
            self.broken.append(f"shares do not sum to 100: {stable} {canary}")
        if (
            rollout.get("weight", 0) > 0
            and rollout.get("phase") == "Shifting"
            and not rollout.get("usersSince")
        ):
            self.broken.append(f"weight without users: {rollout}")
        grown = (canary or {}).get("weight", 0) > (former.get("canary") or {}).get("weight", 0)
        if grown and not self._ready(rollout.get("revision", "")):
            self.broken.append(f"the weight was raised on no ready pod: {rollout}")

    def _ready(self, revision: str) -> int:
        return sum(
            label_of(p, names.LABEL_REVISION) == revision and pod_diagnosis.is_ready(p) for p in self._pods()
        )

    def _service(self, before: Body | None, after: Body) -> None:
        """A Service that now lets everybody in has a ready canary and no third revision behind it."""
        selector = (after.get("spec") or {}).get("selector") or {}
        wide = names.LABEL_SERVER in selector and names.LABEL_REVISION not in selector
        if not wide or (before is not None and before["spec"].get("selector") == selector):
            return
        pods = [p for p in self._pods() if label_of(p, names.LABEL_SERVER) == selector[names.LABEL_SERVER]]
        revisions = {label_of(p, names.LABEL_REVISION) for p in pods}
        ready = {label_of(p, names.LABEL_REVISION) for p in pods if pod_diagnosis.is_ready(p)}
        canary = after["metadata"]["annotations"].get("seatrial.dev/canary", "")
        if canary not in ready:
            self.broken.append(f"users were sent to {canary}, which has no ready pod")
        if len(revisions) > 2:
            self.broken.append(f"a third revision got users: {revisions}")

    def _pods(self) -> list[Body]:
        return list(self._server.store.all(kinds.POD))


def _reached_by(service: Body) -> set[str]:
    """The revisions that a Service lets users in to."""
    selector = (service.get("spec") or {}).get("selector") or {}
    if names.LABEL_SERVER not in selector:
        return set()
    if names.LABEL_REVISION in selector:
        return {selector[names.LABEL_REVISION]}
    head = service["metadata"]
    found = {head["labels"].get(names.LABEL_STABLE), head["annotations"].get("seatrial.dev/canary")}
    return {str(revision) for revision in found if revision}
