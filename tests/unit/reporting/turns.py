"""The situations that Events are about: each with the status that was stored before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from seatrial.api import conditions as api
from seatrial.api import phases
from seatrial.api.reasons import Reason
from seatrial.api.rollout_decision import Action, DecisionPhase
from seatrial.api.serving import Serving
from seatrial.api.status import Status
from seatrial.core.decide import Decision
from seatrial.core.decisions import DecisionOutcome
from seatrial.core.snapshot import UserDecision
from seatrial.core.state import HistoryEntry, RolloutState
from seatrial.core.target import Workload
from seatrial.core.transitions import Phase
from tests.builders import NEW, NOW, OLD, Seen, revision, seen, shifting, state
from tests.builders import rollout as rollout_in
from tests.unit.reporting import situations as given
from tests.unit.reporting.decided import decided

FRESH = Status()
SERVED = Status(
    conditions=(
        api.Condition(type=api.ConditionType.SERVING, status=api.ConditionStatus.TRUE, reason="Healthy"),
    )
)
DOWN = Status(
    conditions=(
        api.Condition(
            type=api.ConditionType.SERVING, status=api.ConditionStatus.FALSE, reason="StableUnhealthy"
        ),
    )
)
STARTING, SHIFTING, PAUSED = given.at(Phase.STARTING), shifting(), given.at(Phase.PAUSED, **given.TRAFFIC)
ROLLING_BACK = given.at(Phase.ROLLING_BACK, **given.CRASHED)
BUILDING = given.at(Phase.BUILDING)
UNREADY = seen().stable(ready=0, diagnosis=given.CRASH)


def changed(before: RolloutState, decision: Decision) -> Decision:
    """Return the decision as one that changed this state."""
    return replace(decision, before=before)


def answered(action: Action, phase: DecisionPhase, message: str = "", **fields: Any) -> Decision:
    """Return the decision that answers a RolloutDecision of jo's."""
    known = {
        "uid": "u",
        "name": "d",
        "revision": NEW,
        "at": NOW,
        "decided_by": "jo",
        "reason": "wrong prices",
    }
    decision = UserDecision(**{**known, "action": action, **fields})
    outcome = DecisionOutcome(decision=decision, phase=phase, message=message)
    return decided(SHIFTING, given.BESIDE.at(), outcomes=(outcome,))


def ended(before: RolloutState, entry: HistoryEntry, here: Seen | None = None, **after_it: Any) -> Decision:
    """Return the decision in which a rollout ended."""
    known = seen().stable() if here is None else here
    state_after = state(rollout_in(Phase.STABLE), history=(entry,), **after_it)
    return changed(before, decided(state_after, known.at()))


def invalid() -> Decision:
    """Return the decision about an invalid spec."""
    inputs = seen().stable().at(revision=OLD, invalid="spec.model: is required")
    return decided(state(given.STABLE), inputs, apply_error=given.INVALID)


def with_secret() -> Decision:
    """Return the decision in which a rollout begins because a Secret has changed."""
    serving = Serving.model_validate({"envFrom": [{"secretRef": {"name": "keys"}}]})
    inputs = seen().stable().at(workload=Workload(serving=serving), build_id=revision(OLD).build_id)
    return changed(state(given.STABLE), decided(STARTING, inputs))


PROMOTED = given.ended(outcome=phases.Outcome.PROMOTED, reason=Reason.PROMOTED)
CRASHED = given.ended(outcome=phases.Outcome.ROLLED_BACK, **given.CRASHED)
LEFT = given.ended(outcome=phases.Outcome.SUPERSEDED, **given.SUPERSEDED)
TURNS: dict[str, tuple[Decision, Status]] = {
    "invalid spec": (invalid(), FRESH),
    "decision accepted": (answered(Action.ABORT, DecisionPhase.TAKEN), FRESH),
    "decision rejected": (
        answered(Action.SKIP, DecisionPhase.REFUSED, "step 2 is not held; step 1 is"),
        FRESH,
    ),
    "rollback accepted": (answered(Action.ROLLBACK, DecisionPhase.TAKEN, to_revision=OLD, reason=""), FRESH),
    "missing ConfigMap": (given.resting(seen().stable().having(missing=(given.CONFIG_MAP,))), FRESH),
    "build waits for a Secret": (given.building(None, given.SECRET), FRESH),
    "stable goes down": (given.resting(UNREADY), SERVED),
    "stable is back": (given.resting(), DOWN),
    "build fails": (changed(BUILDING, given.building(given.FAILED)), FRESH),
    "first traffic": (changed(STARTING, given.shift()), FRESH),
    "another actual share": (changed(STARTING, given.shift(given.BESIDE)), FRESH),
    "resumed": (changed(PAUSED, given.shift()), FRESH),
    "canary loses its pods": (
        changed(SHIFTING, given.shift(seen().stable().canary(ready=0), weight=0)),
        FRESH,
    ),
    "paused by the spec": (changed(SHIFTING, given.paused(**given.SPEC_PAUSE, **given.TRAFFIC)), FRESH),
    "paused by a person": (
        changed(
            SHIFTING, given.paused(**given.PERSON_PAUSE, **given.TRAFFIC, message="paused by jo (lunch)")
        ),
        FRESH,
    ),
    "rolls back": (changed(SHIFTING, given.rolling_back()), FRESH),
    "rolls back, aborted": (changed(SHIFTING, given.rolling_back(**given.ABORTED)), FRESH),
    "rolls back, superseded": (changed(SHIFTING, given.rolling_back(**given.SUPERSEDED)), FRESH),
    "first promotion": (ended(given.first(Phase.PROMOTING), PROMOTED, stable=revision(NEW)), FRESH),
    "promotion": (ended(SHIFTING, PROMOTED, stable=revision(NEW)), FRESH),
    "promotion without replicas": (
        ended(SHIFTING, replace(PROMOTED, message="checks skipped: the spec asks for zero replicas")),
        FRESH,
    ),
    "rejected after a rollback": (ended(ROLLING_BACK, CRASHED), FRESH),
    "rejected at once": (ended(BUILDING, CRASHED), FRESH),
    "superseded after a rollback": (ended(ROLLING_BACK, LEFT), FRESH),
    "superseded at once": (ended(BUILDING, LEFT), FRESH),
    "Secret changed": (with_secret(), Status(observed_generation=1)),
}
