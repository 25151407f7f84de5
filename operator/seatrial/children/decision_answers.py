"""RolloutDecisions in and out: which wait for an answer, and how the answer is written on them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from seatrial.api import rollout_decision, validation
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.children import actions
from seatrial.core.decisions import DecisionOutcome, UserDecision
from seatrial.observation.observed import Bodies, Observed, Platform

KEPT: Final = 20
"""Settled decisions that stay beside an object. `historyLimit` counts revisions, and one may take many decisions;
who decided what a revision became stands in `status.history` anyway.
"""


def pending(observed: Observed, parts: Platform) -> tuple[UserDecision, ...]:
    """The decisions of this object without an answer."""
    trusted = observed.decisions_trusted or parts.settings.unverified_decisions
    waiting = _waiting(observed.decisions)
    return tuple(_order(one, trusted=trusted, vouched=observed.decisions_trusted) for one in waiting)


def _parsed(body: Body) -> rollout_decision.RolloutDecision | None:
    """A decision that the API server let through although it is refused here has nobody to answer to."""
    try:
        return rollout_decision.parse(body)
    except validation.InvalidSpec:
        return None


def _order(one: rollout_decision.RolloutDecision, *, trusted: bool, vouched: bool) -> UserDecision:
    spec = one.spec
    return UserDecision(
        uid=one.uid,
        name=one.key.name,
        action=spec.action,
        revision=spec.revision,
        at=one.created_at or datetime.min.replace(tzinfo=UTC),
        decided_by=spec.decided_by if vouched else f"{spec.decided_by} (unverified)",
        reason=spec.reason,
        step=spec.step,
        attempt=spec.attempt,
        to_revision=spec.to_revision or "",
        trusted=trusted,
    )


def reject_for_missing_object(key: Key, seen: Bodies, *, now: datetime) -> tuple[actions.AnswerDecision, ...]:
    """What refuses every decision that waits for an answer of an object that is not there."""
    message = f"there is no ModelDeployment {key.name} in namespace {key.namespace}"
    waiting = (_order(one, trusted=True, vouched=True) for one in _waiting(seen))
    return answer_actions(
        key,
        tuple(
            DecisionOutcome(order=order, phase=rollout_decision.DecisionPhase.REFUSED, message=message)
            for order in waiting
        ),
        now=now,
    )


def _waiting(seen: Bodies) -> Iterator[rollout_decision.RolloutDecision]:
    bodies = (body for body in seen if not (body.get("status") or {}).get("phase"))
    parsed = (one for body in bodies if (one := _parsed(body)) is not None)
    return (one for one in parsed if not one.deleting)


def answer_actions(
    key: Key, answers: tuple[DecisionOutcome, ...], *, now: datetime
) -> tuple[actions.AnswerDecision, ...]:
    """What writes each answer on its decision, after the status that carries its effect."""
    return tuple(
        actions.AnswerDecision(
            namespace=key.namespace,
            name=answer.order.name,
            uid=answer.order.uid,
            phase=answer.phase,
            message=answer.message,
            at=now,
        )
        for answer in answers
    )


def prune(decisions: Bodies) -> Iterator[actions.Delete]:
    """What takes away the settled decisions of one object beyond the newest."""
    settled = [body for body in decisions if (body.get("status") or {}).get("phase")]
    newest_first = sorted(settled, key=_age, reverse=True)
    for body in newest_first[KEPT:]:
        if not body["metadata"].get("deletionTimestamp"):
            yield actions.delete_action(body)


def _age(body: Body) -> tuple[str, str]:
    """Times of the API server sort as texts."""
    return str(body["metadata"].get("creationTimestamp", "")), str(body["metadata"]["name"])
