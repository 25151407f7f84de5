"""The decision of a pass under every snapshot, with builds and with people's decisions."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.api import status as api
from seatrial.api.rollout_decision import DecisionPhase
from seatrial.core.decide import Decision, decide
from seatrial.core.snapshot import Snapshot
from seatrial.core.state import RolloutState
from seatrial.core.stored import state_of
from seatrial.reporting.status import status
from tests.unit.core.generated import snapshots_with_decisions, states, targets, times

decisions = st.builds(decide, states(), targets(), snapshots_with_decisions(), times)


def without_rejected_decisions(decision: Decision) -> Snapshot:
    """Return the snapshot of a pass whose rejected RolloutDecisions had their answer already."""
    accepted = [o.decision for o in decision.outcomes if o.phase is DecisionPhase.TAKEN]
    return replace(decision.snapshot, user_decisions=tuple(accepted))


@settings(max_examples=100, deadline=None)
@given(decision=decisions)
def test_a_second_pass_on_the_same_snapshot_changes_nothing(decision: Decision) -> None:
    again = decide(decision.state, decision.target, without_rejected_decisions(decision), decision.now)
    assert again.state == decision.state
    assert again.split == decision.split
    assert again.ended_builds == ()


@settings(max_examples=100, deadline=None)
@given(decision=decisions)
def test_a_rejected_decision_changes_nothing(decision: Decision) -> None:
    without = decide(decision.before, decision.target, without_rejected_decisions(decision), decision.now)
    assert without.state == decision.state


@settings(max_examples=100, deadline=None)
@given(decision=decisions)
def test_every_decision_of_a_person_has_an_outcome_with_a_message(decision: Decision) -> None:
    answered = {outcome.decision.uid for outcome in decision.outcomes}
    assert answered == {user_decision.uid for user_decision in decision.snapshot.user_decisions}
    assert all(outcome.message for outcome in decision.outcomes)


@settings(max_examples=100, deadline=None)
@given(decision=decisions)
def test_no_canary_without_available_pods_receives_traffic(decision: Decision) -> None:
    if decision.split is not None and decision.split.weight:
        assert decision.canary_track.available > 0


@settings(max_examples=100, deadline=None)
@given(decision=decisions)
def test_the_status_stores_the_whole_state(decision: Decision) -> None:
    stored = state_of(api.parse_status(status(decision, api.Status()).to_dict()))
    assert without_failure(stored) == without_failure(decision.state)


def without_failure(state: RolloutState) -> RolloutState:
    """Return the state without the canary's failure: the status shows the diagnosis of the pass instead."""
    return replace(state, canary=state.canary and replace(state.canary, failure=None))
