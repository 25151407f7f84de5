"""Every phase under every snapshot: no decision leaves the table, goes in a circle, or routes traffic to no pod."""

from __future__ import annotations

from hypothesis import given, settings

from seatrial.api import phases
from seatrial.core.inputs import Inputs
from seatrial.core.rollout import advance
from seatrial.core.state import RolloutState
from seatrial.core.transitions import TABLE
from tests.unit.core.generated import inputs, states


@settings(max_examples=600, deadline=None)
@given(before=states(), inputs=inputs())
def test_no_decision_leaves_the_table_or_goes_in_a_circle(before: RolloutState, inputs: Inputs) -> None:
    once = advance(before, inputs)
    assert advance(once, inputs) == once


@settings(max_examples=600, deadline=None)
@given(before=states(), inputs=inputs())
def test_no_canary_without_available_pods_receives_traffic(before: RolloutState, inputs: Inputs) -> None:
    after_pass = advance(before, inputs)
    if (
        after_pass.rollout is not None
        and TABLE[after_pass.rollout.phase].may_receive_traffic
        and after_pass.rollout.weight
    ):
        assert inputs.canary(after_pass).available > 0


@settings(max_examples=300, deadline=None)
@given(before=states(), inputs=inputs())
def test_stable_changes_only_by_a_promotion_that_history_records(
    before: RolloutState, inputs: Inputs
) -> None:
    after_pass = advance(before, inputs)
    stable_before = "" if before.stable is None else before.stable.revision
    if after_pass.stable is not None and after_pass.stable.revision != stable_before:
        assert after_pass.history[0].outcome is phases.Outcome.PROMOTED
        assert after_pass.history[0].revision == after_pass.stable.revision
    assert after_pass.stable is not None or before.stable is None
