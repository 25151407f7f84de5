"""Marks on ControllerRevisions: which revisions were promoted and can be rolled back to, even if status is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from seatrial.api import kinds, phases, status_fields
from seatrial.children import diff
from seatrial.children.actions import Action
from seatrial.core.decide import Decision
from seatrial.core.state import RolloutState
from seatrial.manifests import controller_revision
from seatrial.manifests.controller_revision import PROMOTED_AT

UNKNOWN: Final = "1970-01-01T00:00:00Z"
"""Of a promotion whose time is not known."""


def actions(decision: Decision) -> Iterator[Action]:
    """Yield what makes every ControllerRevision say whether its revision was promoted.

    Stable's own says nothing yet: the Service's label names stable, and a first deployment costs no write more.
    """
    stable = decision.state.stable
    bodies = decision.snapshot.children.get(kinds.CONTROLLER_REVISION.kind, ())
    for revision, body in controller_revision.by_revision(bodies).items():
        if stable is None or revision == stable.revision or body["metadata"].get("deletionTimestamp"):
            continue
        mark = (body["metadata"].get("annotations") or {}).get(PROMOTED_AT, "")
        wanted = _promoted_at(decision.state, revision) if decision.state.promoted_before(revision) else ""
        if mark != wanted and not (mark and wanted == UNKNOWN):
            yield diff.annotated(body, PROMOTED_AT, wanted)


def _promoted_at(state: RolloutState, revision: str) -> str:
    promoted = (h for h in state.history if h.outcome is phases.Outcome.PROMOTED)
    at = next((h.finished_at for h in promoted if h.revision == revision and h.finished_at), None)
    return UNKNOWN if at is None else status_fields.format_time(at)
