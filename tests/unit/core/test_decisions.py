"""What a person decides: the effect of each accepted decision, the reason of each rejected one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from seatrial.api import phases, reasons, rollout_decision
from seatrial.core import user_decisions
from seatrial.core.inputs import Inputs
from seatrial.core.rollout import advance
from seatrial.core.snapshot import UserDecision
from seatrial.core.state import Build, HistoryEntry, Rejection, RolloutState
from seatrial.core.transitions import Phase
from seatrial.core.user_decisions import DecisionOutcome
from tests.builders import NEW, NEWER, NOW, OLD, after, image, rollout, seen, shifting, state
from tests.unit.core.rollouts import paused

Action = rollout_decision.Action
DecisionPhase = rollout_decision.DecisionPhase


def decision(action: Action, **changes: Any) -> UserDecision:
    """Return a decision of jo's about NEW, made NOW."""
    known = {"uid": "d-1", "name": "d", "action": action, "revision": NEW, "at": NOW, "decided_by": "jo"}
    return UserDecision(**{**known, **changes})


def rollback_to(to_revision: str, **changes: Any) -> UserDecision:
    """Return a Rollback from OLD, which serves, to another revision."""
    return decision(Action.ROLLBACK, to_revision=to_revision, **{"revision": OLD, **changes})


def take(
    user_decision: UserDecision, before: RolloutState, inputs: Inputs | None = None
) -> tuple[RolloutState, DecisionOutcome]:
    """Return the state after one decision, and its outcome."""
    snapshot = inputs or seen().stable().canary().at(after(seconds=30))
    state, (outcome,) = user_decisions.take((user_decision,), before, snapshot)
    return state, outcome


def phase_of(state: RolloutState) -> Phase | None:
    """Return the phase of the rollout."""
    return state.rollout.phase if state.rollout else None


def accepted(user_decision: UserDecision, before: RolloutState, inputs: Inputs | None = None) -> RolloutState:
    """Return the state after a decision that has to be accepted."""
    state, outcome = take(user_decision, before, inputs)
    assert outcome.phase is DecisionPhase.TAKEN, outcome.message
    return state


REJECTED = Rejection(revision=NEW, reason=reasons.Reason.CRASH_LOOP, attempt=1)
PROMOTED = HistoryEntry(revision=NEWER, outcome=phases.Outcome.PROMOTED)


def rejected() -> RolloutState:
    """Return a state in which NEW is rejected and NEWER was promoted before OLD."""
    return state(rollout(Phase.REJECTED), rejected=(REJECTED,), history=(PROMOTED,))


def paused_by_decision() -> RolloutState:
    """Return a state in which a person paused NEW."""
    return paused(paused_by=phases.PausedBy.DECISION)


EFFECTS = [
    pytest.param(decision(Action.ABORT), shifting(), Phase.ROLLING_BACK, id="an Abort rolls back"),
    pytest.param(
        decision(Action.ABORT),
        paused_by_decision(),
        Phase.ROLLING_BACK,
        id="an Abort rolls a paused rollout back",
    ),
    pytest.param(decision(Action.PROMOTE), shifting(), Phase.PROMOTING, id="a Promote promotes"),
    pytest.param(
        decision(Action.PROMOTE), paused_by_decision(), Phase.PROMOTING, id="a Promote ends a pause"
    ),
    pytest.param(decision(Action.PAUSE), shifting(), Phase.PAUSED, id="a Pause pauses"),
    pytest.param(decision(Action.RESUME), paused_by_decision(), Phase.SHIFTING, id="a Resume continues"),
    pytest.param(decision(Action.SKIP, step=1), shifting(), Phase.SHIFTING, id="a Skip begins the next step"),
    pytest.param(
        decision(Action.SKIP, step=2),
        shifting(step=2, weight=50),
        Phase.PROMOTING,
        id="a Skip of the last step promotes",
    ),
    pytest.param(decision(Action.RETRY), rejected(), Phase.BUILDING, id="a Retry begins a new rollout"),
]


@pytest.mark.parametrize(("user_decision", "before", "phase"), EFFECTS)
def test_an_accepted_decision_has_its_effect_and_is_recorded(
    user_decision: UserDecision, before: RolloutState, phase: Phase
) -> None:
    state = accepted(user_decision, before)
    assert state.rollout is not None
    assert state.rollout.phase is phase
    author = "" if user_decision.action in {Action.SKIP, Action.RESUME} else "jo"
    assert (state.rollout.decisions, state.rollout.decided_by) == (("d-1",), author)


@pytest.mark.parametrize(("user_decision", "before", "phase"), EFFECTS)
def test_an_accepted_decision_has_no_second_effect(
    user_decision: UserDecision, before: RolloutState, phase: Phase
) -> None:
    once = accepted(user_decision, before)
    assert accepted(user_decision, once) == once


REJECTIONS = [
    pytest.param(
        decision(Action.ABORT), RolloutState(), "no rollout exists yet", id="an Abort before any rollout"
    ),
    pytest.param(
        decision(Action.ABORT),
        state(rollout(Phase.STABLE)),
        "create a Rollback",
        id="an Abort at rest",
    ),
    pytest.param(
        decision(Action.ABORT),
        RolloutState(stable=state().stable),
        "no rollout is in progress",
        id="an Abort after the status was lost",
    ),
    pytest.param(
        decision(Action.ABORT, revision=NEWER),
        shifting(),
        f"{NEWER} is not being rolled out; {NEW} is",
        id="an Abort of another revision",
    ),
    pytest.param(
        decision(Action.ABORT, attempt=2), shifting(), "attempt 1 is", id="an Abort of another attempt"
    ),
    pytest.param(
        decision(Action.ABORT, at=after(seconds=-1)),
        shifting(),
        "older than the rollout",
        id="an Abort of an older rollout",
    ),
    pytest.param(
        decision(Action.ABORT, trusted=False),
        shifting(),
        "decidedBy is not verified",
        id="an Abort whose author is not verified",
    ),
    pytest.param(
        decision(Action.PROMOTE),
        state(rollout(Phase.ROLLING_BACK)),
        "already rolling back",
        id="a Promote of a rollout that rolls back",
    ),
    pytest.param(
        decision(Action.SKIP, step=2), shifting(), "step 1 is", id="a Skip of a step that is not held"
    ),
    pytest.param(
        decision(Action.SKIP, step=1),
        state(rollout(Phase.STARTING)),
        "no step is held",
        id="a Skip before the first step",
    ),
    pytest.param(
        decision(Action.RESUME), shifting(), "is not paused", id="a Resume of a rollout that is not paused"
    ),
    pytest.param(
        decision(Action.RETRY), shifting(), "is not rejected", id="a Retry of a revision that is not rejected"
    ),
    pytest.param(
        decision(Action.RETRY),
        state(rollout(Phase.ROLLING_BACK)),
        "still rolling back; create the Retry again once it is rejected",
        id="a Retry of a revision that still rolls back",
    ),
    pytest.param(
        decision(Action.RETRY, attempt=3), rejected(), "attempt 1 was", id="a Retry of another attempt"
    ),
    pytest.param(
        rollback_to(OLD, revision=NEWER),
        rejected(),
        f"{NEWER} does not serve; {OLD} does",
        id="a Rollback from a revision that does not serve",
    ),
    pytest.param(rollback_to(OLD), rejected(), "serves already", id="a Rollback to the revision that serves"),
    pytest.param(
        rollback_to(NEWER),
        rejected(),
        f"the ControllerRevision of {NEWER} is gone; apply its spec instead",
        id="a Rollback to a revision without its ControllerRevision",
    ),
    pytest.param(
        rollback_to(NEW),
        rejected(),
        "apply its spec and create a Retry",
        id="a Rollback to a rejected revision",
    ),
    pytest.param(
        rollback_to("dddddddddd"),
        rejected(),
        "possible targets: none",
        id="a Rollback to a revision that was never promoted",
    ),
]


@pytest.mark.parametrize(("user_decision", "before", "why"), REJECTIONS)
def test_a_rejected_decision_changes_nothing_and_says_why(
    user_decision: UserDecision, before: RolloutState, why: str
) -> None:
    state, outcome = take(user_decision, before)
    assert (state, outcome.phase) == (before, DecisionPhase.REFUSED)
    assert why in outcome.message


@pytest.mark.parametrize("action", [Action.RESUME, Action.PROMOTE])
def test_no_decision_continues_a_rollout_that_the_spec_pauses(action: Action) -> None:
    before = paused()
    state, outcome = take(decision(action), before, seen().stable().canary().at(paused=True))
    assert (state, outcome.phase) == (before, DecisionPhase.REFUSED)
    assert outcome.message == "spec.paused is true; set spec.paused to false"


def test_an_abort_is_taken_before_a_promote_of_the_same_time() -> None:
    both = (decision(Action.PROMOTE), decision(Action.ABORT, uid="d-2"))
    state, outcomes = user_decisions.take(both, shifting(), seen().stable().canary().at(after(seconds=1)))
    assert phase_of(state) is Phase.ROLLING_BACK
    assert [(outcome.decision.action, outcome.phase) for outcome in outcomes] == [
        (Action.ABORT, DecisionPhase.TAKEN),
        (Action.PROMOTE, DecisionPhase.REFUSED),
    ]


def test_a_promote_stays_in_force_during_a_pause() -> None:
    promoting = accepted(decision(Action.PROMOTE), shifting())
    snapshot = seen().stable().canary()
    held = advance(promoting, snapshot.at(after(seconds=40), paused=True))
    assert phase_of(held) is Phase.PAUSED
    assert phase_of(advance(held, snapshot.at(after(seconds=50)))) is Phase.PROMOTING


def test_a_rollback_rejects_the_revision_that_serves_and_takes_no_steps() -> None:
    inputs = seen().stable().having(images={NEWER: image(NEWER)}).at(after(hours=1))
    state = accepted(rollback_to(NEWER, reason="complaints"), rejected(), inputs)
    rejection = state.rejection_of(OLD)
    assert state.rollout is not None
    assert (state.rollout.phase, state.rollout.revision) == (Phase.BUILDING, NEWER)
    assert (state.rollout.steps, state.rollout.fast_track) == (0, True)
    assert rejection is not None
    assert (rejection.reason, rejection.decided_by) == (reasons.Reason.ROLLED_BACK, "jo")
    assert all(part in rejection.message for part in (NEWER, "jo", "complaints"))


def test_a_retry_counts_the_attempt_and_builds_anew() -> None:
    failed = Build(id="x", phase=phases.BuildPhase.FAILED)
    before = replace(rejected(), build=failed)
    state = accepted(decision(Action.RETRY), before)
    assert state.rollout is not None
    assert (state.rollout.attempt, state.build, state.rejected) == (2, None, ())


def test_a_rollback_is_accepted_where_the_status_was_lost_and_no_rollout_is_stored() -> None:
    recovered = replace(state(), history=(PROMOTED,))
    inputs = seen().stable().having(images={NEWER: image(NEWER)}).at()
    after_rollback = accepted(rollback_to(NEWER), recovered, inputs).rollout
    assert after_rollback is not None
    assert (after_rollback.phase, after_rollback.decisions) == (Phase.BUILDING, ("d-1",))


def test_a_retry_of_a_revision_that_was_promoted_before_takes_its_steps_again() -> None:
    before = replace(rejected(), history=(HistoryEntry(revision=NEW, outcome=phases.Outcome.PROMOTED),))
    retried = accepted(decision(Action.RETRY), before).rollout
    assert retried is not None
    assert (retried.steps, retried.fast_track) == (2, False)


def test_a_retry_of_the_revision_that_still_serves_keeps_it_without_a_rollout() -> None:
    still_serving = Rejection(revision=OLD, reason=reasons.Reason.ROLLED_BACK, attempt=1)
    before = state(rollout(Phase.REJECTED, revision=NEWER), rejected=(still_serving,))
    inputs = seen().stable().at(revision=OLD)
    retried = accepted(decision(Action.RETRY, revision=OLD), before, inputs)
    assert retried.rejected == ()
    assert phase_of(advance(retried, inputs)) is Phase.STABLE
