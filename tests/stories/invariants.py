"""What must hold at every moment of every story."""

from __future__ import annotations

from typing import Any

from seatrial.api import names
from seatrial.kube import kinds
from seatrial.kube.bodies import Body
from seatrial.kube.fake.server import FakeApiServer
from seatrial.planning import facts


class Watcher:
    """Looks at the cluster after every change and remembers what was wrong."""

    def __init__(self, server: FakeApiServer) -> None:
        self._server = server
        self.broken: list[str] = []
        self.seen = 0
        server.store.on_change.append(self._look)

    def check(self) -> None:
        """Nothing was ever wrong."""
        assert not self.broken, self.broken[:5]

    def _look(self, kind: kinds.Kind, change: Any) -> None:
        if change.after is None:
            return
        self.seen += 1
        if kind == kinds.MODEL_DEPLOYMENT:
            self._status(change.after)
        if kind == kinds.SERVICE:
            self._service(change.before, change.after)

    def _status(self, body: Body) -> None:
        status = body.get("status") or {}
        stable, canary = status.get("stable"), status.get("canary")
        rollout = status.get("rollout") or {}
        if stable and canary and stable.get("weight", 0) + canary.get("weight", 0) != 100:
            self.broken.append(f"shares do not sum to 100: {stable} {canary}")
        if rollout.get("weight", 0) > 0 and rollout.get("phase") == "Shifting" and not rollout.get("usersSince"):
            self.broken.append(f"weight without users: {rollout}")

    def _service(self, before: Body | None, after: Body) -> None:
        """A Service that now lets everybody in has a ready canary and no third revision behind it."""
        selector = (after.get("spec") or {}).get("selector") or {}
        wide = names.LABEL_SERVER in selector and names.LABEL_REVISION not in selector
        if not wide or (before is not None and before["spec"].get("selector") == selector):
            return
        pods = [p for p in self._pods() if facts.label(p, names.LABEL_SERVER) == selector[names.LABEL_SERVER]]
        revisions = {facts.label(p, names.LABEL_REVISION) for p in pods}
        ready = {facts.label(p, names.LABEL_REVISION) for p in pods if facts.is_ready(p)}
        canary = after["metadata"]["annotations"].get("seatrial.dev/canary", "")
        if canary not in ready:
            self.broken.append(f"users were sent to {canary}, which has no ready pod")
        if len(revisions) > 2:
            self.broken.append(f"a third revision got users: {revisions}")

    def _pods(self) -> list[Body]:
        return list(self._server.store.all(kinds.POD))
