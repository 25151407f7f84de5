"""The answers to RolloutDecisions, and how many of them are kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.api.rollout_decision import DecisionPhase
from seatrial.children.actions import AnswerDecision, Delete, delete_action
from seatrial.core.decide import Decision
from seatrial.core.snapshot import Bodies, UserDecision

MAX_KEPT: Final = 20
"""Answered decisions kept beside an object. `historyLimit` counts revisions, and one may take many decisions;
who decided what a revision became stands in `status.history` anyway.
"""


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


def prune(decisions: Bodies) -> Iterator[Delete]:
    """Yield the deletion of answered decisions of one object beyond the newest."""
    answered = [body for body in decisions if (body.get("status") or {}).get("phase")]
    for body in sorted(answered, key=_age, reverse=True)[MAX_KEPT:]:
        if not body["metadata"].get("deletionTimestamp"):
            yield delete_action(body)


def _age(body: Body) -> tuple[str, str]:
    """Return creation time and name: times of the API server sort as text."""
    return str(body["metadata"].get("creationTimestamp", "")), str(body["metadata"]["name"])
