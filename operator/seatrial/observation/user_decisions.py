"""RolloutDecisions that have no answer yet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from seatrial.api import kinds, rollout_decision, settings, validation
from seatrial.api.objects import Body
from seatrial.core.snapshot import Bodies, UserDecision
from seatrial.observation.observed import Observed


def user_decisions(observed: Observed, operator: settings.Settings) -> tuple[UserDecision, ...]:
    """Return the decisions about an object that have no answer yet."""
    verified = observed.decisions_trusted
    trusted = verified or operator.unverified_decisions
    return tuple(
        _user_decision(decision, trusted=trusted, verified=verified)
        for decision in _unanswered(observed.of(kinds.ROLLOUT_DECISION))
    )


def decisions_about_nothing(bodies: Bodies) -> tuple[UserDecision, ...]:
    """Return the decisions without an answer about an object that does not exist."""
    return tuple(_user_decision(decision, trusted=True, verified=True) for decision in _unanswered(bodies))


def _unanswered(bodies: Bodies) -> Iterator[rollout_decision.RolloutDecision]:
    waiting = (body for body in bodies if not (body.get("status") or {}).get("phase"))
    parsed = (decision for body in waiting if (decision := _parsed(body)) is not None)
    return (decision for decision in parsed if not decision.deleting)


def _parsed(body: Body) -> rollout_decision.RolloutDecision | None:
    """Return the decision; None for one that the API server accepted although it is invalid here."""
    try:
        return rollout_decision.parse(body)
    except validation.InvalidSpec:
        return None


def _user_decision(
    decision: rollout_decision.RolloutDecision, *, trusted: bool, verified: bool
) -> UserDecision:
    spec = decision.spec
    return UserDecision(
        uid=decision.uid,
        name=decision.key.name,
        action=spec.action,
        revision=spec.revision,
        at=decision.created_at or datetime.min.replace(tzinfo=UTC),
        decided_by=spec.decided_by if verified else f"{spec.decided_by} (unverified)",
        reason=spec.reason,
        step=spec.step,
        attempt=spec.attempt,
        to_revision=spec.to_revision or "",
        trusted=trusted,
    )
