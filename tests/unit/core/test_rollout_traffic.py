"""Which share of traffic the canary receives, and what the router has to show before the rollout continues."""

from __future__ import annotations

from datetime import timedelta

import pytest

from seatrial.api import phases
from seatrial.core.decide import decide
from seatrial.core.inputs import Inputs
from seatrial.core.rollout import advance
from seatrial.core.state import Rollout, RolloutState
from seatrial.core.target import Step
from seatrial.core.traffic import Split
from seatrial.core.transitions import Phase, hold_ends_at
from tests.builders import NEW, NEWER, NOW, OLD, Seen, after, rollout, seen, shifting, state
from tests.unit.core.rollouts import paused, promoting, starting


def advanced(before: RolloutState, inputs: Inputs) -> Rollout:
    """Return the rollout after one pass."""
    after_pass = advance(before, inputs).rollout
    assert after_pass is not None
    return after_pass


def weight_after(before: RolloutState, inputs: Inputs) -> int:
    """Return the canary's weight after one pass."""
    return advanced(before, inputs).weight


def test_the_weight_of_a_step_waits_for_its_pods() -> None:
    before = shifting(step=2, weight=20)
    assert weight_after(before, seen().stable().canary(ready=2).at(after(minutes=3))) == 20
    assert weight_after(before, seen().stable().canary(ready=3).at(after(minutes=3))) == 50


def test_traffic_leaves_with_the_decision_to_roll_back() -> None:
    assert weight_after(shifting(), seen().stable().crashing().at(after(seconds=30))) == 0


def test_a_canary_without_pods_loses_its_traffic_and_receives_it_again_when_a_pod_is_back() -> None:
    without_pods = advance(shifting(), seen().stable().canary(ready=0).at(after(seconds=30)))
    assert without_pods.rollout is not None
    assert (without_pods.rollout.phase, without_pods.rollout.weight) == (Phase.SHIFTING, 0)
    back = advanced(without_pods, seen().stable().canary().at(after(seconds=50)))
    assert (back.weight, back.step_started_at) == (20, after(seconds=50))


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.PROMOTING])
def test_a_canary_without_pods_loses_its_traffic_in_every_phase(phase: Phase) -> None:
    pause = {"paused_at": NOW, "paused_by": phases.PausedBy.DECISION} if phase is Phase.PAUSED else {}
    before = state(rollout(phase, step=1, weight=20, users_since=NOW, step_started_at=NOW, **pause))
    assert weight_after(before, seen().stable().canary(ready=0).at(after(seconds=5))) == 0


def test_a_canary_receives_all_traffic_while_only_it_has_an_available_pod() -> None:
    assert weight_after(shifting(), seen().stable(ready=0).canary().at(after(seconds=5))) == 100


def test_a_failing_canary_keeps_the_traffic_while_stable_has_no_available_pod() -> None:
    failing = seen().stable(ready=0).exits(after(seconds=10))
    assert weight_after(shifting(), failing.at(after(seconds=30))) == 100


def test_edited_steps_keep_the_weight_and_continue_at_the_first_step_that_has_it() -> None:
    edited = tuple(Step(weight=weight, hold=timedelta(minutes=1)) for weight in (20, 30, 40, 60))
    inputs = seen().stable().canary(ready=3).at(after(seconds=1), steps=edited)
    continued = advanced(shifting(weight=25), inputs)
    assert (continued.step, continued.weight, continued.steps) == (2, 30, 4)


def test_paused_time_does_not_count_towards_the_hold() -> None:
    snapshot = seen().stable().canary().sharing(20)
    resumed = advanced(paused(paused_at=after(minutes=1)), snapshot.at(after(hours=1)))
    assert (resumed.step_started_at, resumed.paused_seconds) == (NOW, 59 * 60)
    assert hold_ends_at(resumed, timedelta(minutes=1)) == NOW + timedelta(hours=1)


def test_a_pause_may_last_for_days() -> None:
    snapshot = seen().stable().canary().sharing(20)
    resumed = advanced(paused(paused_at=after(minutes=1)), snapshot.at(after(days=5)))
    assert hold_ends_at(resumed, timedelta(minutes=2)) == after(days=5, minutes=1)


def test_a_canary_without_steps_receives_all_traffic_with_its_first_pod_where_stable_has_none() -> None:
    first_pod = advanced(starting(steps=0), seen().stable(ready=0).canary(ready=1).at(after(seconds=5)))
    assert (first_pod.phase, first_pod.weight) == (Phase.PROMOTING, 100)
    assert first_pod.users_since == after(seconds=5)


def test_a_canary_without_steps_waits_for_all_its_pods_while_stable_serves() -> None:
    waiting = advanced(starting(steps=0), seen().stable(ready=1).canary(ready=2).at())
    assert (waiting.phase, waiting.weight) == (Phase.STARTING, 0)


def test_recreate_sends_no_traffic_before_all_new_pods_are_available() -> None:
    waiting = advanced(starting(steps=0), seen().stable(ready=0).canary(ready=1).at(recreate=True))
    assert (waiting.phase, waiting.users_since) == (Phase.STARTING, None)


def test_a_canary_that_is_being_promoted_receives_its_traffic_again_when_only_it_is_available() -> None:
    before = promoting(weight=0)
    assert weight_after(before, seen().stable(ready=0).canary(ready=1).at(after(seconds=5))) == 100
    assert weight_after(before, seen().stable(ready=1).canary(ready=1).at(after(seconds=5))) == 0


AT_20 = seen().stable().sharing(20)
ROLLING_BACK = state(rollout(Phase.ROLLING_BACK, users_since=NOW))


@pytest.mark.parametrize(
    ("before", "snapshot", "urgent"),
    [
        pytest.param(shifting(), AT_20.canary(), False, id="the canary keeps its share"),
        pytest.param(shifting(), AT_20.crashing(), True, id="the canary crashes under traffic"),
        pytest.param(shifting(), AT_20.canary(ready=0), True, id="the canary has no pod"),
        pytest.param(
            shifting(),
            seen().stable().crashing().having(split=None),
            True,
            id="the canary crashes and nobody knows what the router does",
        ),
        pytest.param(ROLLING_BACK, AT_20.canary(), True, id="the first try to take its traffic has failed"),
        pytest.param(ROLLING_BACK, seen().stable().canary(), False, id="its traffic has moved already"),
        pytest.param(
            shifting(step=2), AT_20.canary(ready=3), False, id="the canary is to receive more traffic"
        ),
        pytest.param(starting(), seen().stable().crashing(), False, id="a canary without traffic crashes"),
    ],
)
def test_writes_are_urgent_while_they_take_traffic_from_the_canary(
    before: RolloutState, snapshot: Seen, urgent: bool
) -> None:
    inputs = snapshot.at(after(seconds=30))
    decision = decide(before, inputs.target, inputs.snapshot, inputs.now)
    assert decision.takes_traffic_from_canary is urgent


def test_a_promotion_takes_no_traffic_from_the_canary() -> None:
    split = Split(stable=OLD, canary=NEW, weight=50)
    assert [Split(stable=NEW).share_of(split.canary), split.share_of(OLD), split.share_of(NEWER)] == [
        100,
        50,
        0,
    ]


def test_the_delay_of_a_rollback_begins_once_the_traffic_is_seen_to_have_moved() -> None:
    begun = advance(shifting(), AT_20.crashing().at(after(seconds=30)))
    assert begun.rollout is not None
    assert (begun.rollout.weight, begun.rollout.step_started_at) == (0, None)
    still_there = advanced(begun, AT_20.crashing().at(after(seconds=40)))
    moved = advanced(begun, seen().stable().crashing().at(after(seconds=50)))
    assert (still_there.step_started_at, moved.step_started_at) == (None, after(seconds=50))
