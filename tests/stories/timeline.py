"""What happens in a story and when, in seconds of the loop: no clock that a story sets changes them."""

from __future__ import annotations

import asyncio
from typing import Any

from seatrial.api import kinds, names
from seatrial.api.objects import Body, label_of
from tests.stories.world import World


class Timeline:
    """The changes of phase, weight and replicas in a world, with their times."""

    def __init__(self, world: World) -> None:
        self.events: list[tuple[float, str]] = []
        self._revisions: dict[str, str] = {}
        """Name of each revision in the order of its appearance: hashes would only differ in what is printed."""
        world.server.store.on_change.append(self._record)

    def assert_equals(self, other: Timeline, *, within: float) -> None:
        """Fail unless the same happened in the same order, each event within so many seconds of the other's."""
        assert [what for _, what in self.events] == [what for _, what in other.events]
        late = [
            f"{what}: {there - here:+.1f} s"
            for (here, what), (there, _) in zip(self.events, other.events, strict=True)
            if abs(there - here) > within
        ]
        assert late == []

    def _record(self, kind: kinds.Kind, change: Any) -> None:
        before, after = change.before or {}, change.after or {}
        if kind == kinds.MODEL_DEPLOYMENT:
            self._note(_rollout_of(before), _rollout_of(after))
        if kind == kinds.DEPLOYMENT:
            self._note(self._replicas_of(before), self._replicas_of(after))

    def _note(self, before: str, after: str) -> None:
        if after and after != before:
            self.events.append((asyncio.get_running_loop().time(), after))

    def _replicas_of(self, body: Body) -> str:
        if not body:
            return ""
        revision = label_of(body, names.LABEL_REVISION)
        name = self._revisions.setdefault(revision, f"revision {len(self._revisions) + 1}")
        return f"{name} has {body['spec']['replicas']} replicas"


def _rollout_of(body: Body) -> str:
    rollout = (body.get("status") or {}).get("rollout") or {}
    return f"{rollout['phase']} at {rollout.get('weight', 0)} %" if rollout else ""
