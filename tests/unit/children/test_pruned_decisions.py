"""The newest answered decisions of an object are kept; unanswered ones are never deleted."""

from __future__ import annotations

from seatrial.api import names
from seatrial.api.objects import Body
from seatrial.children import decision_answers


def _decision(number: int, *, phase: str = "Refused") -> Body:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.DECISION_KIND,
        "metadata": {
            "name": f"churn-{97 * number % 89}",
            "namespace": "shop",
            "uid": f"uid-{number}",
            "creationTimestamp": f"2026-01-01T12:00:{number:02}Z",
        },
        "status": {"phase": phase} if phase else {},
    }


def test_only_the_twenty_newest_answered_decisions_are_kept() -> None:
    decisions = tuple(_decision(number) for number in range(23))
    deleted = [action.uid for action in decision_answers.prune(decisions)]
    assert sorted(deleted) == ["uid-0", "uid-1", "uid-2"]


def test_an_unanswered_decision_is_neither_counted_nor_deleted() -> None:
    waiting = tuple(_decision(number, phase="") for number in range(30))
    assert list(decision_answers.prune(waiting)) == []
    assert list(decision_answers.prune((*waiting, *map(_decision, range(30, 50))))) == []


def test_a_decision_that_is_being_deleted_is_not_deleted_again() -> None:
    decisions = tuple(_decision(number) for number in range(21))
    decisions[0]["metadata"]["deletionTimestamp"] = "2026-01-01T13:00:00Z"
    assert list(decision_answers.prune(decisions)) == []
