"""Answered decisions are kept for a while, the newest of each object; unanswered ones are never taken away."""

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


def test_the_newest_stay_and_the_others_go() -> None:
    every = tuple(_decision(number) for number in range(23))
    gone = [action.uid for action in decision_answers.prune(every)]
    assert sorted(gone) == ["uid-0", "uid-1", "uid-2"]


def test_what_waits_for_an_answer_is_neither_counted_nor_taken_away() -> None:
    waiting = tuple(_decision(number, phase="") for number in range(30))
    assert list(decision_answers.prune(waiting)) == []
    assert list(decision_answers.prune((*waiting, *map(_decision, range(30, 50))))) == []


def test_what_is_on_its_way_out_is_not_deleted_again() -> None:
    every = tuple(_decision(number) for number in range(21))
    every[0]["metadata"]["deletionTimestamp"] = "2026-01-01T13:00:00Z"
    assert list(decision_answers.prune(every)) == []
