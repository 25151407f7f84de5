"""The newest answered decisions are kept, and those that explain the history; unanswered ones are never deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from seatrial.api import names
from seatrial.api.objects import Body
from seatrial.children import decision_answers

CREATED = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOW, MONTH = CREATED + timedelta(hours=1), timedelta(days=30)
KNOWN, FORGOTTEN = "aaaaaaaaaa", "bbbbbbbbbb"


def pruned(*decisions: Body, now: datetime = NOW) -> list[str]:
    """Return the uids of the decisions that are deleted, in order; only KNOWN is in the history."""
    return sorted(action.uid for action in decision_answers.prune(decisions, revisions={KNOWN}, now=now))


def _decision(number: int, *, phase: str = "Refused", revision: str = KNOWN) -> Body:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.DECISION_KIND,
        "metadata": {
            "name": f"churn-{97 * number % 89}",
            "namespace": "shop",
            "uid": f"uid-{number}",
            "creationTimestamp": f"2026-01-01T12:00:{number:02}Z",
        },
        "spec": {"revision": revision},
        "status": {"phase": phase} if phase else {},
    }


def test_only_the_twenty_newest_answered_decisions_are_kept() -> None:
    assert pruned(*map(_decision, range(23))) == ["uid-0", "uid-1", "uid-2"]


def test_refused_decisions_do_not_displace_those_that_explain_the_history() -> None:
    taken = [_decision(number, phase="Taken") for number in range(23)]
    refused = [_decision(number) for number in range(23, 46)]
    assert pruned(*taken, *refused) == ["uid-0", "uid-1", "uid-2", "uid-23", "uid-24", "uid-25"]


def test_an_answered_decision_is_deleted_after_a_month() -> None:
    decisions = (_decision(0), _decision(1))
    assert pruned(*decisions, now=CREATED + MONTH - timedelta(seconds=1)) == []
    assert pruned(*decisions, now=CREATED + MONTH) == ["uid-0"]


def test_a_decision_that_was_taken_is_kept_as_long_as_its_revision_is_in_the_history() -> None:
    known, forgotten = _decision(0, phase="Taken"), _decision(1, phase="Taken", revision=FORGOTTEN)
    assert pruned(known, forgotten, now=NOW + MONTH) == ["uid-1"]


def test_an_old_decision_without_an_answer_is_kept() -> None:
    assert pruned(_decision(0, phase=""), now=NOW + 2 * MONTH) == []


def test_an_unanswered_decision_is_neither_counted_nor_deleted() -> None:
    waiting = tuple(_decision(number, phase="") for number in range(30))
    assert pruned(*waiting) == []
    assert pruned(*waiting, *map(_decision, range(30, 50))) == []


def test_a_decision_that_is_being_deleted_is_not_deleted_again() -> None:
    decisions = tuple(_decision(number) for number in range(21))
    decisions[0]["metadata"]["deletionTimestamp"] = "2026-01-01T13:00:00Z"
    assert pruned(*decisions) == []
