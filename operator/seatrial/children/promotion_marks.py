"""Which templates are of revisions that served: what can be gone back to, also when the status is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from seatrial.api import phases, status_fields
from seatrial.children import diff
from seatrial.children.actions import Action
from seatrial.children.context import Scene
from seatrial.core.state import RolloutState
from seatrial.manifests import workload
from seatrial.observation import revisions

UNKNOWN: Final = "1970-01-01T00:00:00Z"
"""Of a promotion whose time nobody remembers."""


def changes(scene: Scene) -> Iterator[Action]:
    """What makes every kept template say whether its revision was promoted.

    Stable's own says nothing yet: the label of the Service tells who is stable, and a first deploy costs no write more.
    """
    stable = scene.state.stable
    for revision, body in revisions.templates(scene.observed).items():
        if stable is None or revision == stable.revision or body["metadata"].get("deletionTimestamp"):
            continue
        said = (body["metadata"].get("annotations") or {}).get(workload.PROMOTED_AT, "")
        wanted = _promoted_at(scene.state, revision) if scene.state.promoted_before(revision) else ""
        if said != wanted and not (said and wanted == UNKNOWN):
            yield diff.annotated(body, workload.PROMOTED_AT, wanted)


def _promoted_at(state: RolloutState, revision: str) -> str:
    promoted = (h for h in state.history if h.outcome is phases.Outcome.PROMOTED)
    at = next((h.finished_at for h in promoted if h.revision == revision and h.finished_at), None)
    return UNKNOWN if at is None else status_fields.format_time(at)
