"""Who has which share of the users, decision by decision."""

from __future__ import annotations

from datetime import timedelta

import pytest

from seatrial.api import phases
from seatrial.core import rollout, transitions
from seatrial.core.snapshot import Snapshot
from seatrial.core.state import RolloutState
from seatrial.core.target import Step
from seatrial.core.transitions import Phase
from tests.builders import NOW, after, seen, shifting, state
from tests.builders import rollout as staged
from tests.unit.core.rollouts import paused, promoting, starting


def _weight(before: RolloutState, snapshot: Snapshot) -> int:
    then = rollout.advance(before, snapshot).rollout
    assert then is not None
    return then.weight


def test_the_weight_of_a_step_waits_for_its_pods() -> None:
    at_step_two = shifting(step=2, weight=20)
    assert _weight(at_step_two, seen().stable().canary(ready=2).at(after(minutes=3))) == 20
    assert _weight(at_step_two, seen().stable().canary(ready=3).at(after(minutes=3))) == 50


def test_users_leave_with_the_decision_to_go_back() -> None:
    assert _weight(shifting(), seen().stable().crashing().at(after(seconds=30))) == 0


def test_users_leave_a_canary_whose_last_pod_has_gone_and_return_when_it_is_back() -> None:
    alone = seen().stable().canary(ready=0)
    without = rollout.advance(shifting(), alone.at(after(seconds=30)))
    assert without.rollout is not None
    assert (without.rollout.phase, without.rollout.weight) == (Phase.SHIFTING, 0)
    back = rollout.advance(without, seen().stable().canary().at(after(seconds=50))).rollout
    assert back is not None
    assert (back.weight, back.step_started_at) == (20, after(seconds=50))


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.PROMOTING])
def test_users_leave_a_canary_without_pods_in_every_phase(phase: Phase) -> None:
    held = {"paused_at": NOW, "paused_by": phases.PausedBy.DECISION} if phase is Phase.PAUSED else {}
    before = state(staged(phase, step=1, weight=20, users_since=NOW, step_started_at=NOW, **held))
    assert _weight(before, seen().stable().canary(ready=0).at(after(seconds=5))) == 0


def test_a_canary_that_alone_answers_has_all_users() -> None:
    assert _weight(shifting(), seen().stable(ready=0).canary().at(after(seconds=5))) == 100


def test_a_failing_canary_keeps_the_users_while_stable_has_no_pod_for_them() -> None:
    sick = seen().stable(ready=0).exits(after(seconds=10))
    assert _weight(shifting(), sick.at(after(seconds=30))) == 100


def test_edited_steps_keep_the_weight_and_go_on_at_the_first_step_that_has_it() -> None:
    more = tuple(Step(weight=weight, hold=timedelta(minutes=1)) for weight in (20, 30, 40, 60))
    then = rollout.advance(
        shifting(weight=25), seen().stable().canary(ready=3).at(after(seconds=1), steps=more)
    )
    assert then.rollout is not None
    assert (then.rollout.step, then.rollout.weight, then.rollout.steps) == (2, 30, 4)


def test_a_pause_does_not_count_as_time_held() -> None:
    shared = seen().stable().canary().sharing(20).at(after(hours=1))
    resumed = rollout.advance(paused(paused_at=after(minutes=1)), shared)
    assert resumed.rollout is not None
    assert (resumed.rollout.step_started_at, resumed.rollout.paused_seconds) == (NOW, 59 * 60)
    assert transitions.hold_ends_at(resumed.rollout, timedelta(minutes=1)) == NOW + timedelta(hours=1)


def test_a_pause_may_last_for_days() -> None:
    shared = seen().stable().canary().sharing(20).at(after(days=5))
    resumed = rollout.advance(paused(paused_at=after(minutes=1)), shared).rollout
    assert resumed is not None
    assert transitions.hold_ends_at(resumed, timedelta(minutes=2)) == after(days=5, minutes=1)


def test_a_canary_without_steps_has_the_users_as_soon_as_one_pod_answers_where_stable_has_none() -> None:
    alone = seen().stable(ready=0).canary(ready=1)
    then = rollout.advance(starting(steps=0), alone.at(after(seconds=5))).rollout
    assert then is not None
    assert (then.phase, then.weight, then.users_since) == (Phase.PROMOTING, 100, after(seconds=5))


def test_a_canary_without_steps_waits_for_all_its_pods_while_stable_answers() -> None:
    then = rollout.advance(starting(steps=0), seen().stable(ready=1).canary(ready=2).at()).rollout
    assert then is not None
    assert (then.phase, then.weight) == (Phase.STARTING, 0)


def test_recreate_gives_no_users_to_a_part_of_the_new_pods() -> None:
    then = rollout.advance(
        starting(steps=0), seen().stable(ready=0).canary(ready=1).at(recreate=True)
    ).rollout
    assert then is not None
    assert (then.phase, then.users_since) == (Phase.STARTING, None)


def test_a_canary_that_takes_over_gets_the_users_back_when_it_alone_answers() -> None:
    taken_in = promoting().rollout
    assert taken_in is not None
    before = state(taken_in.model_copy(update={"weight": 0}))
    assert _weight(before, seen().stable(ready=0).canary(ready=1).at(after(seconds=5))) == 100
    assert _weight(before, seen().stable(ready=1).canary(ready=1).at(after(seconds=5))) == 0
