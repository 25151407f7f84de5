"""Marks on ControllerRevisions: which revisions were promoted or rejected is known even if status is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from seatrial.api import kinds, phases, status_fields
from seatrial.children import diff
from seatrial.children.actions import Action
from seatrial.core import status_codec
from seatrial.core.decide import Decision
from seatrial.core.state import RolloutState
from seatrial.manifests import controller_revision
from seatrial.manifests.controller_revision import PROMOTED_AT, REJECTED

UNKNOWN: Final = "1970-01-01T00:00:00Z"
"""Of a promotion whose time is not known."""


def actions(decision: Decision) -> Iterator[Action]:
    """Yield what makes every ControllerRevision say whether its revision was promoted, or rejected."""
    bodies = decision.snapshot.children.get(kinds.CONTROLLER_REVISION.kind, ())
    for revision, body in controller_revision.by_revision(bodies).items():
        if body["metadata"].get("deletionTimestamp"):
            continue
        noted = body["metadata"].get("annotations") or {}
        wanted = {**_promotion(decision.state, revision, noted), **_rejection(decision.state, revision)}
        if any(noted.get(name, "") != text for name, text in wanted.items()):
            yield diff.annotate_action(body, wanted)


def _promotion(state: RolloutState, revision: str, noted: Mapping[str, str]) -> dict[str, str]:
    """Return the mark of a promotion; none while nothing is stable, as nobody knows then.

    Stable's own says nothing yet: the Service's label names stable, and a first deployment costs no write more.
    """
    if state.stable is None or revision == state.stable.revision:
        return {}
    wanted = _promoted_at(state, revision) if state.promoted_before(revision) else ""
    return {} if wanted == UNKNOWN and noted.get(PROMOTED_AT) else {PROMOTED_AT: wanted}


def _rejection(state: RolloutState, revision: str) -> dict[str, str]:
    rejection = state.rejection_of(revision)
    return {REJECTED: "" if rejection is None else status_codec.rejection_text(rejection)}


def _promoted_at(state: RolloutState, revision: str) -> str:
    promoted = (h for h in state.history if h.outcome is phases.Outcome.PROMOTED)
    at = next((h.finished_at for h in promoted if h.revision == revision and h.finished_at), None)
    return UNKNOWN if at is None else status_fields.format_time(at)
