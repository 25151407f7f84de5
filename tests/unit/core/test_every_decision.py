"""The decision of a pass under every snapshot, with builds and with people's decisions."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from seatrial.api import status as api
from seatrial.api.rollout_decision import DecisionPhase
from seatrial.core.decide import Decision, decide
from seatrial.core.inputs import Inputs
from seatrial.core.snapshot import Snapshot
from seatrial.core.state import RolloutState
from seatrial.core.stored import state_of
from seatrial.reporting.status import status
from tests.unit.core.generated import inputs, states


def decision_of(before: RolloutState, inputs: Inputs) -> Decision:
    """Return the decision of one pass; the inputs' own replica plan and build are not used."""
    return decide(before, inputs.target, inputs.snapshot, inputs.now)


def without_rejected_decisions(decision: Decision) -> Snapshot:
    """Return the snapshot of a pass whose rejected RolloutDecisions had their answer already."""
    accepted = [o.decision for o in decision.outcomes if o.phase is DecisionPhase.TAKEN]
    return replace(decision.snapshot, user_decisions=tuple(accepted))


@settings(max_examples=400, deadline=None)
@given(before=states(), inputs=inputs())
def test_a_second_pass_on_the_same_snapshot_changes_nothing(before: RolloutState, inputs: Inputs) -> None:
    once = decision_of(before, inputs)
    twice = decide(once.state, inputs.target, without_rejected_decisions(once), inputs.now)
    assert twice.state == once.state
    assert twice.split == once.split
    assert twice.ended_builds == ()


@settings(max_examples=200, deadline=None)
@given(before=states(), inputs=inputs())
def test_a_rejected_decision_changes_nothing(before: RolloutState, inputs: Inputs) -> None:
    decision = decision_of(before, inputs)
    without = decide(before, inputs.target, without_rejected_decisions(decision), inputs.now)
    assert without.state == decision.state


@settings(max_examples=200, deadline=None)
@given(before=states(), inputs=inputs())
def test_every_decision_of_a_person_has_an_outcome_with_a_message(
    before: RolloutState, inputs: Inputs
) -> None:
    outcomes = decision_of(before, inputs).outcomes
    answered = sorted(outcome.decision.uid for outcome in outcomes)
    assert answered == sorted(decision.uid for decision in inputs.snapshot.user_decisions)
    assert all(outcome.message for outcome in outcomes)


@settings(max_examples=400, deadline=None)
@given(before=states(), inputs=inputs())
def test_no_canary_without_available_pods_receives_traffic(before: RolloutState, inputs: Inputs) -> None:
    decision = decision_of(before, inputs)
    if decision.split is not None and decision.split.weight:
        assert decision.canary_track.available > 0


@settings(max_examples=200, deadline=None)
@given(before=states(), inputs=inputs())
def test_the_status_stores_the_whole_state(before: RolloutState, inputs: Inputs) -> None:
    decision = decision_of(before, inputs)
    stored = state_of(api.parse_status(status(decision, api.Status()).to_dict()))
    assert without_failure(stored) == without_failure(decision.state)


def without_failure(state: RolloutState) -> RolloutState:
    """Return the state without the canary's failure: the status shows the diagnosis of the pass instead."""
    return replace(state, canary=state.canary and replace(state.canary, failure=None))
