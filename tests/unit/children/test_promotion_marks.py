"""Which templates say that their revision served, and since when."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from seatrial.children.context import Scene

from seatrial.api import phases
from seatrial.api.objects import Body
from seatrial.children import actions, promotion_marks
from seatrial.core.state import HistoryEntry, ModelRevision, Rejection, RolloutState
from seatrial.manifests import workload

STABLE, OLD = "aaaaaaaaaa", "bbbbbbbbbb"
PROMOTED, ROLLED_BACK = phases.Outcome.PROMOTED, phases.Outcome.ROLLED_BACK


def at(hour: int) -> datetime:
    return datetime(2026, 11, 21, hour, tzinfo=UTC)


def entry(hour: int, outcome: phases.Outcome, revision: str = OLD) -> HistoryEntry:
    return HistoryEntry(revision=revision, outcome=outcome, finished_at=at(hour))


def template(revision: str, mark: str) -> Body:
    notes = {workload.PROMOTED_AT: mark} if mark else {}
    head = {"name": f"churn-{revision}", "namespace": "shop", "uid": "u", "resourceVersion": "1"}
    labels = {"seatrial.dev/revision": revision}
    metadata = {**head, "labels": labels, "annotations": notes}
    return {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata, "data": {}}


def marks(history: tuple[HistoryEntry, ...], *kept: Body, rejected: bool = False) -> dict[str, Any]:
    """Name → the mark that is written, of the templates whose mark changes."""
    refused = (Rejection(revision=OLD, reason="CrashLoop", at=at(14)),) if rejected else ()
    state = RolloutState(stable=ModelRevision(revision=STABLE), history=history, rejected=refused)
    scene = SimpleNamespace(state=state, observed=SimpleNamespace(revisions=kept))
    done = [cast("actions.Apply", action).body for action in promotion_marks.changes(cast("Scene", scene))]
    return {
        body["metadata"]["name"]: body["metadata"]["annotations"].get(workload.PROMOTED_AT, "")
        for body in done
    }


@pytest.mark.parametrize(
    ("history", "mark", "expected"),
    [
        pytest.param((entry(10, PROMOTED),), "", "2026-11-21T10:00:00Z", id="it gave up its place"),
        pytest.param((entry(10, PROMOTED),), "2026-11-21T10:00:00Z", None, id="it says so already"),
        pytest.param(
            (entry(12, PROMOTED), entry(10, PROMOTED)),
            "2026-11-21T10:00:00Z",
            "2026-11-21T12:00:00Z",
            id="it served once more since",
        ),
        pytest.param(
            (entry(12, ROLLED_BACK), entry(10, PROMOTED)),
            "",
            "2026-11-21T10:00:00Z",
            id="a later failure is not when it was promoted",
        ),
        pytest.param((entry(10, ROLLED_BACK),), "", None, id="it never served"),
        pytest.param((), "2026-11-21T10:00:00Z", "", id="history has forgotten it"),
    ],
)
def test_a_template_says_when_its_revision_was_last_promoted(
    history: tuple[HistoryEntry, ...], mark: str, expected: str | None
) -> None:
    changed = marks(history, template(OLD, mark))
    assert changed == ({} if expected is None else {f"churn-{OLD}": expected})


def test_the_mark_goes_when_the_revision_is_rejected() -> None:
    kept = template(OLD, "2026-11-21T10:00:00Z")
    assert marks((entry(10, PROMOTED),), kept, rejected=True) == {f"churn-{OLD}": ""}


def test_stable_s_own_template_says_nothing() -> None:
    assert marks((entry(10, PROMOTED, STABLE),), template(STABLE, "")) == {}
