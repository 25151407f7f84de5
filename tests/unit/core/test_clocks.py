"""The clocks of a rollout are carried from one look to the next, whatever was done to the time of day."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from seatrial.api.phases import BuildPhase
from seatrial.core.clocks import Look, Reading, carried
from seatrial.core.state import Build, Rollout, RolloutState
from seatrial.core.transitions import Phase
from tests.builders import NOW, after, rollout, shifting, state
from tests.unit.core.rollouts import paused, starting

DELAY = timedelta(seconds=30)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def reading(
    elapsed: timedelta, *, step: timedelta = timedelta(0), unwatched: timedelta = timedelta(0)
) -> Reading:
    """Return what the clocks show this long after NOW, when the process began."""
    return Reading(now=NOW + elapsed + step, elapsed=elapsed, watched=elapsed - unwatched)


def look(stored: RolloutState) -> Look:
    """Return a look at NOW that left this state."""
    return Look(state=stored, reading=reading(timedelta(0)))


def rollout_of(after_look: RolloutState) -> Rollout:
    """Return the rollout of a state that has one."""
    assert after_look.rollout is not None
    return after_look.rollout


@pytest.mark.parametrize("step", [-HOUR, HOUR], ids=["back", "forward"])
def test_a_clock_that_was_set_moves_the_clocks_that_run(step: timedelta) -> None:
    before = shifting()
    moved = rollout_of(carried(before, reading(MINUTE, step=step), look(before), delay=DELAY))
    assert (moved.started_at, moved.step_started_at, moved.users_since) == (NOW + step,) * 3


def test_time_that_passes_moves_nothing() -> None:
    before = shifting()
    assert carried(before, reading(HOUR), look(before), delay=DELAY) is before


def test_clocks_are_moved_once_when_the_answer_to_the_write_was_lost() -> None:
    before = shifting()
    now = reading(MINUTE, step=HOUR)
    moved = carried(before, now, look(before), delay=DELAY)
    assert carried(moved, now, look(before), delay=DELAY) == moved


def test_a_clock_that_was_stored_after_the_step_is_not_moved() -> None:
    before = shifting()
    stored_since = shifting(step_started_at=after(hours=1, seconds=30))
    moved = rollout_of(carried(stored_since, reading(MINUTE, step=HOUR), look(before), delay=DELAY))
    assert moved.step_started_at == after(hours=1, seconds=30)


def test_a_build_that_waits_for_its_retry_is_moved_and_one_that_succeeded_is_not() -> None:
    def finished_at(phase: BuildPhase) -> datetime | None:
        before = state(rollout(Phase.BUILDING), build=Build(id="b", phase=phase, finished_at=NOW))
        moved = carried(before, reading(MINUTE, step=HOUR), look(before), delay=DELAY)
        return None if moved.build is None else moved.build.finished_at

    assert finished_at(BuildPhase.FAILED) == NOW + HOUR
    assert finished_at(BuildPhase.SUCCEEDED) == NOW


def test_what_became_stable_long_ago_is_not_written_again_at_rest() -> None:
    before = state(rollout(Phase.STABLE))
    long_ago = replace(before, stable=before.stable and replace(before.stable, since=NOW - HOUR))
    assert carried(long_ago, reading(MINUTE, step=HOUR), look(long_ago), delay=DELAY) == long_ago


def test_the_progress_clock_begins_anew_at_the_first_look_of_a_process() -> None:
    before = starting(progressed_at=NOW - HOUR)
    assert rollout_of(carried(before, reading(MINUTE), None, delay=DELAY)).progressed_at == NOW + MINUTE


def test_time_in_which_nobody_watched_is_no_lack_of_progress() -> None:
    before = starting(progressed_at=NOW)
    now = reading(HOUR, unwatched=timedelta(minutes=50))
    assert rollout_of(carried(before, now, look(before), delay=DELAY)).progressed_at == after(minutes=50)


@pytest.mark.parametrize("last", [True, False], ids=["in the process", "first look"])
def test_the_progress_clock_of_a_paused_rollout_stands_still_anyway(last: bool) -> None:
    before = paused(progressed_at=NOW)
    now = reading(HOUR, unwatched=timedelta(minutes=50))
    assert carried(before, now, look(before) if last else None, delay=DELAY) is before


FUTURE: dict[str, Any] = {"step_started_at": after(hours=2), "started_at": after(hours=2)}


def test_no_clock_begins_in_the_future_when_the_clock_went_back_while_nobody_looked() -> None:
    limited = rollout_of(carried(shifting(**FUTURE), reading(MINUTE), None, delay=DELAY))
    assert (limited.step_started_at, limited.started_at) == (NOW + MINUTE, NOW + MINUTE)
