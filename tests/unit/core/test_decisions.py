"""What a person decides: each order's effect, each refusal's reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from seatrial.api import phases, reasons, rollout_decision
from seatrial.core import decisions, rollout
from seatrial.core.decisions import UserDecision
from seatrial.core.snapshot import Snapshot
from seatrial.core.state import Build, HistoryEntry, Rejection, RolloutState
from seatrial.core.transitions import Phase
from tests.builders import NEW, NEWER, NOW, OLD, after, image, seen, shifting, state
from tests.builders import rollout as staged

Action = rollout_decision.Action
TAKEN, REFUSED = rollout_decision.DecisionPhase.TAKEN, rollout_decision.DecisionPhase.REFUSED


def order(action: Action, **changes: Any) -> UserDecision:
    known = {"uid": "o-1", "name": "o", "action": action, "revision": NEW, "at": NOW, "decided_by": "jo"}
    return UserDecision(**{**known, **changes})


def back(to: str, **changes: Any) -> UserDecision:
    """A way back from what is served, unless `changes` say otherwise."""
    return order(Action.ROLLBACK, to_revision=to, **{"revision": OLD, **changes})


def answer(
    one: UserDecision, before: RolloutState, situation: Snapshot | None = None
) -> tuple[RolloutState, decisions.DecisionOutcome]:
    at = situation or seen().stable().canary().at(after(seconds=30))
    then, answers = decisions.take((one,), before, at)
    return then, answers[0]


def phase_of(then: RolloutState) -> Phase | None:
    return then.rollout.phase if then.rollout else None


REJECTED = Rejection(revision=NEW, reason=reasons.Reason.CRASH_LOOP, attempt=1)
SERVED = HistoryEntry(revision=NEWER, outcome=phases.Outcome.PROMOTED)


def at_rest() -> RolloutState:
    return state(staged(Phase.REJECTED), rejected=(REJECTED,), history=(SERVED,))


def paused(**changes: Any) -> RolloutState:
    held = {"step": 1, "weight": 20, "users_since": NOW, "step_started_at": NOW, "paused_at": NOW}
    return state(staged(Phase.PAUSED, **{**held, "paused_by": phases.PausedBy.DECISION, **changes}))


EFFECTS = [
    pytest.param(order(Action.ABORT), shifting(), Phase.ROLLING_BACK, id="abort goes back"),
    pytest.param(order(Action.ABORT), paused(), Phase.ROLLING_BACK, id="abort ends a pause"),
    pytest.param(order(Action.PROMOTE), shifting(), Phase.PROMOTING, id="promote takes over"),
    pytest.param(order(Action.PROMOTE), paused(), Phase.PROMOTING, id="promote ends a pause"),
    pytest.param(order(Action.PAUSE), shifting(), Phase.PAUSED, id="pause holds"),
    pytest.param(order(Action.RESUME), paused(), Phase.SHIFTING, id="resume goes on"),
    pytest.param(order(Action.SKIP, step=1), shifting(), Phase.SHIFTING, id="skip goes to the next step"),
    pytest.param(
        order(Action.SKIP, step=2),
        shifting(step=2, weight=50),
        Phase.PROMOTING,
        id="skip of the last step takes over",
    ),
    pytest.param(order(Action.RETRY), at_rest(), Phase.BUILDING, id="retry begins again"),
]


@pytest.mark.parametrize(("one", "before", "phase"), EFFECTS)
def test_an_order_that_applies_is_taken_and_remembered(
    one: UserDecision, before: RolloutState, phase: Phase
) -> None:
    then, said = answer(one, before)
    assert (said.phase, phase_of(then)) == (TAKEN, phase)
    assert then.rollout is not None
    author = "" if one.action in {Action.SKIP, Action.RESUME} else "jo"
    assert (then.rollout.decisions, then.rollout.decided_by) == (("o-1",), author)


@pytest.mark.parametrize(("one", "before", "phase"), EFFECTS)
def test_an_order_that_was_taken_has_no_second_effect(
    one: UserDecision, before: RolloutState, phase: Phase
) -> None:
    once, _ = answer(one, before)
    twice, said = answer(one, once)
    assert (twice, said.phase) == (once, TAKEN)


REFUSALS = [
    pytest.param(order(Action.ABORT), RolloutState(), "there is no rollout yet", id="before any rollout"),
    pytest.param(order(Action.ABORT), state(staged(Phase.STABLE)), "action Rollback", id="at rest"),
    pytest.param(
        order(Action.ABORT, revision=NEWER), shifting(), "on its way is b", id="of another revision"
    ),
    pytest.param(order(Action.ABORT, attempt=2), shifting(), "attempt 1", id="of another attempt"),
    pytest.param(
        order(Action.ABORT, at=after(seconds=-1)), shifting(), "older than", id="of an older rollout"
    ),
    pytest.param(order(Action.ABORT, trusted=False), shifting(), "nobody vouches", id="of nobody"),
    pytest.param(
        order(Action.PROMOTE), state(staged(Phase.ROLLING_BACK)), "rolling back already", id="too late"
    ),
    pytest.param(order(Action.SKIP, step=2), shifting(), "at step 1", id="skip of another step"),
    pytest.param(
        order(Action.SKIP, step=1),
        state(staged(Phase.STARTING)),
        "no step is held",
        id="skip before a step",
    ),
    pytest.param(order(Action.RESUME), shifting(), "nothing is paused", id="resume of what goes on"),
    pytest.param(order(Action.RETRY), shifting(), "is not rejected", id="retry of what was not rejected"),
    pytest.param(
        order(Action.RETRY),
        state(staged(Phase.ROLLING_BACK)),
        "still going back; create a Retry again once the phase is Degraded",
        id="retry of what is not home yet",
    ),
    pytest.param(order(Action.RETRY, attempt=3), at_rest(), "attempt 1", id="retry of another attempt"),
    pytest.param(back(OLD, revision=NEWER), at_rest(), "served is a", id="back from another"),
    pytest.param(back(OLD), at_rest(), "served already", id="back to itself"),
    pytest.param(
        back(NEWER),
        at_rest(),
        "the template of revision cccccccccc is gone; apply its spec",
        id="template gone",
    ),
    pytest.param(
        back(NEW),
        at_rest(),
        "was rejected itself (CrashLoop: ); apply its spec and create a RolloutDecision with action Retry",
        id="back to what failed",
    ),
    pytest.param(
        back("dddddddddd"),
        at_rest(),
        "not in history as promoted; one can go back to: none",
        id="back to a stranger",
    ),
    pytest.param(
        order(Action.ABORT),
        RolloutState(stable=state().stable),
        "no rollout is on its way",
        id="status lost",
    ),
]


@pytest.mark.parametrize(("one", "before", "why"), REFUSALS)
def test_an_order_that_does_not_apply_is_refused_with_the_reason(
    one: UserDecision, before: RolloutState, why: str
) -> None:
    then, said = answer(one, before)
    assert (then, said.phase) == (before, REFUSED)
    assert why in said.message


@pytest.mark.parametrize("action", [Action.RESUME, Action.PROMOTE])
def test_what_the_spec_pauses_no_order_moves(action: Action) -> None:
    before = paused(paused_by=phases.PausedBy.SPEC)
    then, said = answer(order(action), before, seen().stable().canary().at(paused=True))
    assert (then, said.message) == (before, "spec.paused is true; set it to false")


def test_an_abort_beats_a_promotion_of_the_same_moment() -> None:
    both = (order(Action.PROMOTE), order(Action.ABORT, uid="o-2"))
    then, answers = decisions.take(both, shifting(), seen().stable().canary().at(after(seconds=1)))
    assert phase_of(then) is Phase.ROLLING_BACK
    assert [(a.order.action, a.phase) for a in answers] == [(Action.ABORT, TAKEN), (Action.PROMOTE, REFUSED)]


def test_a_promotion_outlasts_a_pause() -> None:
    promoted, _ = answer(order(Action.PROMOTE), shifting())
    facts = seen().stable().canary()
    held = rollout.advance(promoted, facts.at(after(seconds=40), paused=True))
    assert phase_of(held) is Phase.PAUSED
    assert phase_of(rollout.advance(held, facts.at(after(seconds=50)))) is Phase.PROMOTING


def test_a_rollback_rejects_what_is_served_and_goes_back_without_steps() -> None:
    one = back(NEWER, reason="complaints")
    kept = seen().stable().having(images={NEWER: image(NEWER)}).at(after(hours=1))
    then, said = answer(one, at_rest(), kept)
    rejection = then.rejection_of(OLD)
    assert (said.phase, phase_of(then)) == (TAKEN, Phase.BUILDING)
    assert rejection is not None
    assert rejection.message == f"taken back to {NEWER} by jo: complaints"


def test_a_retry_counts_and_builds_anew() -> None:
    failed = Build(id="x", phase=phases.BuildPhase.FAILED)
    then, _ = answer(order(Action.RETRY), state(staged(Phase.REJECTED), rejected=(REJECTED,), build=failed))
    assert then.rollout is not None
    assert (then.rollout.attempt, then.build, then.rejected) == (2, None, ())


def test_a_refused_rollback_names_what_one_can_go_back_to() -> None:
    one = back("dddddddddd")
    _, said = answer(one, at_rest(), seen().stable().having(images={NEWER: image(NEWER)}).at())
    assert said.message.endswith("one can go back to: cccccccccc")


def test_a_rollback_works_where_the_status_was_lost_and_no_rollout_is_remembered() -> None:
    lost = replace(state(), history=(SERVED,))
    one = back(NEWER)
    then, said = answer(one, lost, seen().stable().having(images={NEWER: image(NEWER)}).at())
    assert (said.phase, phase_of(then)) == (TAKEN, Phase.BUILDING)
    assert then.rollout is not None
    assert then.rollout.decisions == ("o-1",)


def test_a_retry_of_what_served_once_takes_its_steps_again() -> None:
    before = state(
        staged(Phase.REJECTED),
        rejected=(REJECTED,),
        history=(HistoryEntry(revision=NEW, outcome=phases.Outcome.PROMOTED),),
    )
    then, _ = answer(order(Action.RETRY), before)
    assert then.rollout is not None
    assert (then.rollout.steps, then.rollout.fast_track) == (2, False)


def test_a_retry_of_what_could_not_be_left_keeps_it_without_a_rollout() -> None:
    stuck = Rejection(revision=OLD, reason=reasons.Reason.ROLLED_BACK, attempt=1)
    before = state(staged(Phase.REJECTED, revision=NEWER), rejected=(stuck,))
    at = seen().stable().at(revision=OLD)
    then, said = answer(order(Action.RETRY, revision=OLD), before, at)
    assert (said.phase, then.rejected) == (TAKEN, ())
    assert phase_of(rollout.advance(then, at)) is Phase.STABLE
