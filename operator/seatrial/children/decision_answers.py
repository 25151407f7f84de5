"""The answers to RolloutDecisions, and how many of them are kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Final

from seatrial.api.metadata import Key
from seatrial.api.objects import Body, parse_time
from seatrial.api.rollout_decision import DecisionPhase
from seatrial.children.actions import AnswerDecision, Delete, delete_action
from seatrial.core.decide import Decision
from seatrial.core.snapshot import Bodies, UserDecision

MAX_KEPT: Final = 20
"""Answered decisions kept beside an object: so many that explain its history, and so many others.

`historyLimit` counts revisions, and one may take many decisions; refused ones must not displace those that were taken.
"""
LONGEST_KEPT: Final = timedelta(days=30)
"""Age at which an answered decision goes that explains nothing in the history any more."""


def actions(decision: Decision) -> tuple[AnswerDecision, ...]:
    """Return what writes each answer on its RolloutDecision, after the status that carries its effect."""
    return tuple(
        AnswerDecision(
            namespace=decision.target.owner.namespace,
            name=outcome.decision.name,
            uid=outcome.decision.uid,
            phase=outcome.phase,
            message=outcome.message,
            at=decision.now,
        )
        for outcome in decision.outcomes
    )


def rejections(key: Key, decisions: tuple[UserDecision, ...], *, now: datetime) -> tuple[AnswerDecision, ...]:
    """Return what rejects every decision about an object that does not exist: its author may have mistyped it."""
    message = f"ModelDeployment {key.name} does not exist in namespace {key.namespace}"
    return tuple(
        AnswerDecision(
            namespace=key.namespace,
            name=decision.name,
            uid=decision.uid,
            phase=DecisionPhase.REFUSED,
            message=message,
            at=now,
        )
        for decision in decisions
    )


def prune(decisions: Bodies, *, revisions: Collection[str], now: datetime) -> Iterator[Delete]:
    """Yield the deletion of answered decisions of one object that are old, or beyond the newest.

    `revisions`: those in its state and history. Decisions that were taken about them are kept whatever their age.
    """
    answered = [body for body in decisions if (body.get("status") or {}).get("phase")]
    newest_first = sorted(answered, key=_creation, reverse=True)
    explaining = [body for body in newest_first if _explains(body, revisions)]
    others = [body for body in newest_first if not _explains(body, revisions)]
    old = [body for body in others[:MAX_KEPT] if _is_old(body, now)]
    for body in (*explaining[MAX_KEPT:], *others[MAX_KEPT:], *old):
        if not body["metadata"].get("deletionTimestamp"):
            yield delete_action(body)


def _explains(body: Body, revisions: Collection[str]) -> bool:
    """Return whether the decision is why a revision in the history is what it is."""
    taken = body["status"]["phase"] == DecisionPhase.TAKEN
    return taken and (body.get("spec") or {}).get("revision") in revisions


def _is_old(body: Body, now: datetime) -> bool:
    created = parse_time(body["metadata"].get("creationTimestamp"))
    return created is not None and now - created >= LONGEST_KEPT


def _creation(body: Body) -> tuple[str, str]:
    """Return creation time and name: times of the API server sort as text."""
    return str(body["metadata"].get("creationTimestamp", "")), str(body["metadata"]["name"])
