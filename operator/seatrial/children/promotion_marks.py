"""Marks on ControllerRevisions: which revisions were promoted, when and in which order, and which were rejected.

A lost status is recovered from them, and `kubectl get controllerrevisions` shows the order: the revision that was
promoted last has the highest number of those that were promoted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from seatrial.api import kinds, phases, status_fields
from seatrial.api.objects import Body
from seatrial.children import diff
from seatrial.children.actions import Action
from seatrial.core import status_codec
from seatrial.core.decide import Decision
from seatrial.core.snapshot import Bodies
from seatrial.core.state import RolloutState
from seatrial.manifests import controller_revision, metadata
from seatrial.manifests.controller_revision import PROMOTED_AT, REJECTED

UNKNOWN: Final = "1970-01-01T00:00:00Z"
"""Of a promotion whose time is not known."""


def actions(decision: Decision) -> Iterator[Action]:
    """Yield what makes every ControllerRevision say whether its revision was promoted and when, or rejected."""
    state, bodies = decision.state, decision.snapshot.children.get(kinds.CONTROLLER_REVISION.kind, ())
    revisions = controller_revision.by_revision(bodies)
    for revision, body in revisions.items():
        if body["metadata"].get("deletionTimestamp"):
            continue
        noted = body["metadata"].get("annotations") or {}
        promotion = {} if _is_first_of_all(state, revisions) else _promotion(state, revision, noted)
        wanted = {**promotion, **_rejection(state, revision)}
        if any(noted.get(name, "") != text for name, text in wanted.items()):
            yield diff.annotate_action(_numbered(state, revision, body, bodies, promotion), wanted)


def _is_first_of_all(state: RolloutState, revisions: Mapping[str, Body]) -> bool:
    """Return whether stable is the only revision: its creation is its promotion, which costs no write more."""
    stable = state.stable
    return stable is None or (state.canary is None and revisions.keys() <= {stable.revision})


def _promotion(state: RolloutState, revision: str, noted: Mapping[str, str]) -> dict[str, str]:
    """Return the mark of a promotion; none where the time of it is known from before and now is not."""
    mark, wanted = noted.get(PROMOTED_AT, ""), _promoted_at(state, revision)
    return {} if mark and wanted == UNKNOWN else {PROMOTED_AT: wanted}


def _rejection(state: RolloutState, revision: str) -> dict[str, str]:
    rejection = state.rejection_of(revision)
    return {REJECTED: "" if rejection is None else status_codec.rejection_text(rejection)}


def _numbered(
    state: RolloutState, revision: str, body: Body, bodies: Bodies, promotion: Mapping[str, str]
) -> Body:
    """Return the ControllerRevision with a number above all that were promoted, if it was promoted last."""
    is_stable = state.stable is not None and state.stable.revision == revision
    changes = promotion.get(PROMOTED_AT, "") not in ("", _mark_of(body))
    return _with_number_of_last(state, body, bodies) if is_stable and changes else body


def _mark_of(body: Body) -> str:
    return str((body["metadata"].get("annotations") or {}).get(PROMOTED_AT, ""))


def _with_number_of_last(state: RolloutState, body: Body, bodies: Bodies) -> Body:
    """Return the ControllerRevision with a higher number than all that were promoted, as `kubectl rollout` counts."""
    known = {h.revision for h in state.history if h.outcome is phases.Outcome.PROMOTED}
    promoted = [b for b in bodies if _mark_of(b) or metadata.revision_of(b) in known]
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
