"""Marks on ControllerRevisions: which revisions were promoted, when, and in which order.

A lost status is recovered from them, and `kubectl get controllerrevisions` shows the order: the revision that was
promoted last has the highest number of those that were promoted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from seatrial.api import kinds, names, phases, status_fields
from seatrial.api.objects import Body, label_of
from seatrial.children import diff
from seatrial.children.actions import Action
from seatrial.core.decide import Decision
from seatrial.core.snapshot import Bodies
from seatrial.core.state import RolloutState
from seatrial.manifests import controller_revision
from seatrial.manifests.controller_revision import PROMOTED_AT

UNKNOWN: Final = "1970-01-01T00:00:00Z"
"""Of a promotion whose time is not known."""


def actions(decision: Decision) -> Iterator[Action]:
    """Yield what makes every ControllerRevision say whether and when its revision was promoted.

    The first one of all says nothing while it is alone: the Service's label names stable, its creation is its
    promotion, and a first deployment costs no write more.
    """
    stable, canary = decision.state.stable, decision.state.canary
    bodies = decision.snapshot.children.get(kinds.CONTROLLER_REVISION.kind, ())
    revisions = controller_revision.by_revision(bodies)
    if stable is None or (canary is None and revisions.keys() <= {stable.revision}):
        return
    for revision, body in revisions.items():
        if body["metadata"].get("deletionTimestamp"):
            continue
        mark, wanted = _mark_of(body), _promoted_at(decision.state, revision)
        if mark != wanted and not (mark and wanted == UNKNOWN):
            is_promoted_last = bool(wanted) and revision == stable.revision
            numbered = _with_number_of_last(decision.state, body, bodies) if is_promoted_last else body
            yield diff.annotate_action(numbered, PROMOTED_AT, wanted)


def _mark_of(body: Body) -> str:
    return str((body["metadata"].get("annotations") or {}).get(PROMOTED_AT, ""))


def _with_number_of_last(state: RolloutState, body: Body, bodies: Bodies) -> Body:
    """Return the ControllerRevision with a higher number than all that were promoted, as `kubectl rollout` counts."""
    known = {h.revision for h in state.history if h.outcome is phases.Outcome.PROMOTED}
    promoted = [b for b in bodies if _mark_of(b) or label_of(b, names.LABEL_REVISION) in known]
    number = controller_revision.number_of(body)
    if number >= max(map(controller_revision.number_of, promoted), default=0):
        return body
    return {**body, "revision": 1 + max(map(controller_revision.number_of, bodies))}


def _promoted_at(state: RolloutState, revision: str) -> str:
    """Return the mark of a revision; empty unless it was promoted and not rejected since."""
    if not state.promoted_before(revision):
        return ""
    promoted = (h for h in state.history if h.outcome is phases.Outcome.PROMOTED)
    at = next((h.finished_at for h in promoted if h.revision == revision and h.finished_at), None)
    return UNKNOWN if at is None else status_fields.format_time(at)
