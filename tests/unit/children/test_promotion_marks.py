"""Which ControllerRevisions are marked as promoted, and with which time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from seatrial.api import phases
from seatrial.api.objects import Body
from seatrial.children import promotion_marks
from seatrial.children.actions import Apply
from seatrial.core.state import HistoryEntry, ModelRevision, Rejection, RolloutState
from seatrial.manifests.controller_revision import PROMOTED_AT
from tests.builders import seen
from tests.unit.reporting.decided import decided

STABLE, OLD = "aaaaaaaaaa", "bbbbbbbbbb"
PROMOTED, ROLLED_BACK = phases.Outcome.PROMOTED, phases.Outcome.ROLLED_BACK


def at(hour: int) -> datetime:
    return datetime(2026, 11, 21, hour, tzinfo=UTC)


def entry(hour: int, outcome: phases.Outcome, revision: str = OLD) -> HistoryEntry:
    return HistoryEntry(revision=revision, outcome=outcome, finished_at=at(hour))


def controller_revision(revision: str, mark: str, *, number: int = 1) -> Body:
    annotations = {PROMOTED_AT: mark} if mark else {}
    head = {"name": f"churn-{revision}", "namespace": "shop", "uid": "u", "resourceVersion": "1"}
    labels = {"seatrial.dev/revision": revision}
    metadata = {**head, "labels": labels, "annotations": annotations}
    head = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata}
    return {**head, "revision": number, "data": {}}


def changed_marks(
    history: tuple[HistoryEntry, ...], *existing: Body, rejected: bool = False
) -> dict[str, Any]:
    """Return the marks that are written, by ControllerRevision; only of those whose mark changes."""
    rejections = (Rejection(revision=OLD, reason="CrashLoop", at=at(14)),) if rejected else ()
    state = RolloutState(stable=ModelRevision(revision=STABLE), history=history, rejected=rejections)
    decision = decided(state, seen().having(children={"ControllerRevision": existing}).at())
    bodies = [action.body for action in promotion_marks.actions(decision) if isinstance(action, Apply)]
    return {body["metadata"]["name"]: body["metadata"]["annotations"].get(PROMOTED_AT, "") for body in bodies}


@pytest.mark.parametrize(
    ("history", "mark", "expected"),
    [
        pytest.param((entry(10, PROMOTED),), "", "2026-11-21T10:00:00Z", id="its first promotion"),
        pytest.param((entry(10, PROMOTED),), "2026-11-21T10:00:00Z", None, id="already marked"),
        pytest.param(
            (entry(12, PROMOTED), entry(10, PROMOTED)),
            "2026-11-21T10:00:00Z",
            "2026-11-21T12:00:00Z",
            id="promoted again",
        ),
        pytest.param(
            (entry(12, ROLLED_BACK), entry(10, PROMOTED)),
            "",
            "2026-11-21T10:00:00Z",
            id="a later rollback is not a promotion",
        ),
        pytest.param((entry(10, ROLLED_BACK),), "", None, id="never promoted"),
        pytest.param((), "2026-11-21T10:00:00Z", "", id="no longer in history"),
    ],
)
def test_a_controller_revision_is_marked_with_its_last_promotion(
    history: tuple[HistoryEntry, ...], mark: str, expected: str | None
) -> None:
    changed = changed_marks(history, controller_revision(OLD, mark))
    assert changed == ({} if expected is None else {f"churn-{OLD}": expected})


def test_the_mark_is_removed_when_the_revision_is_rejected() -> None:
    existing = controller_revision(OLD, "2026-11-21T10:00:00Z")
    assert changed_marks((entry(10, PROMOTED),), existing, rejected=True) == {f"churn-{OLD}": ""}


def test_the_controller_revision_of_a_first_deployment_is_not_marked() -> None:
    assert changed_marks((entry(10, PROMOTED, STABLE),), controller_revision(STABLE, "")) == {}


def test_the_controller_revision_of_stable_is_marked_once_there_is_another() -> None:
    others = (controller_revision(STABLE, ""), controller_revision(OLD, ""))
    assert changed_marks((entry(10, PROMOTED, STABLE),), *others) == {
        f"churn-{STABLE}": "2026-11-21T10:00:00Z"
    }


@pytest.mark.parametrize(
    ("stable", "old", "expected"),
    [
        pytest.param(1, 2, 3, id="promoted again after a later one"),
        pytest.param(2, 1, 2, id="promoted for the first time"),
    ],
)
def test_the_revision_that_was_promoted_last_has_the_highest_number(
    stable: int, old: int, expected: int
) -> None:
    history = (entry(12, PROMOTED, STABLE), entry(11, PROMOTED))
    bodies = (
        controller_revision(STABLE, "", number=stable),
        controller_revision(OLD, "2026-11-21T11:00:00Z", number=old),
    )
    state = RolloutState(stable=ModelRevision(revision=STABLE), history=history)
    (action,) = promotion_marks.actions(
        decided(state, seen().having(children={"ControllerRevision": bodies}).at())
    )
    assert isinstance(action, Apply)
    assert (action.body["metadata"]["name"], action.body["revision"]) == (f"churn-{STABLE}", expected)


def test_a_revision_that_was_never_promoted_raises_no_number() -> None:
    bodies = (controller_revision(STABLE, "", number=1), controller_revision(OLD, "", number=2))
    state = RolloutState(stable=ModelRevision(revision=STABLE), history=(entry(10, PROMOTED, STABLE),))
    (action,) = promotion_marks.actions(
        decided(state, seen().having(children={"ControllerRevision": bodies}).at())
    )
    assert isinstance(action, Apply)
    assert action.body["revision"] == 1


def test_a_mark_that_is_removed_keeps_the_number() -> None:
    bodies = (
        controller_revision(STABLE, "", number=3),
        controller_revision(OLD, "2026-11-21T10:00:00Z", number=2),
    )
    state = RolloutState(stable=ModelRevision(revision=STABLE))
    (action,) = promotion_marks.actions(
        decided(state, seen().having(children={"ControllerRevision": bodies}).at())
    )
    assert isinstance(action, Apply)
    assert (action.body["metadata"]["name"], action.body["revision"]) == (f"churn-{OLD}", 2)
