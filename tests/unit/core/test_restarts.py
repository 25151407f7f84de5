"""How many abnormal exits of its containers a canary is allowed while it receives traffic."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from seatrial.api import reasons
from seatrial.core.rules import canary_crashed
from seatrial.core.snapshot import AbnormalExit, Diagnosis, Track
from tests.builders import NEW, after, seen, shifting

Reason = reasons.Reason
EXIT_AT = after(seconds=30)


def exited(*, restarts: int, reason: Reason | None = None) -> Track:
    """Return a track of one pod whose container ended under traffic and has been restarted this often in all."""
    ended = AbnormalExit(at=EXIT_AT, pod="p-1", code=137, restarts=restarts, out_of_memory=True)
    diagnosis = None if reason is None else Diagnosis(reason=reason, message="why it fails", pod="p-1")
    return Track(revision=NEW, exists=True, wanted=1, pods=1, exits=(ended,), diagnosis=diagnosis)


def rolls_back(track: Track, *, max_restarts: int, exits_before: int = 0) -> bool:
    """Return whether the canary is rolled back for its exits."""
    state = shifting(exits_before={"p-1": exits_before} if exits_before else {})
    assert state.rollout is not None
    inputs = seen().track(track).at(EXIT_AT, max_restarts=max_restarts)
    return canary_crashed(state, state.rollout, inputs) is not None


@pytest.mark.parametrize("reason", [Reason.OUT_OF_MEMORY, Reason.CRASH_LOOP])
def test_allowed_exits_do_not_roll_back_while_the_container_restarts(reason: Reason) -> None:
    assert not rolls_back(exited(restarts=1, reason=reason), max_restarts=1)
    assert rolls_back(exited(restarts=2, reason=reason), max_restarts=1)


def test_a_model_that_cannot_be_loaded_rolls_back_however_many_exits_are_allowed() -> None:
    assert rolls_back(exited(restarts=1, reason=Reason.MODEL_LOAD_FAILED), max_restarts=5)


def test_exits_before_the_first_traffic_do_not_count() -> None:
    assert not rolls_back(exited(restarts=4), max_restarts=1, exits_before=3)
    assert rolls_back(exited(restarts=5), max_restarts=1, exits_before=3)


def test_an_exit_of_a_new_pod_counts_although_the_pods_that_exited_before_are_gone() -> None:
    state = shifting(exits_before={"p-0": 3})
    assert state.rollout is not None
    inputs = seen().track(exited(restarts=1)).at(EXIT_AT, max_restarts=0)
    assert canary_crashed(state, state.rollout, inputs) is not None


@pytest.mark.parametrize("hours", [-1, 1])
def test_an_exit_counts_whatever_the_clock_of_its_node_shows(hours: int) -> None:
    ended = AbnormalExit(at=EXIT_AT + timedelta(hours=hours), pod="p-1", code=137, restarts=1)
    assert rolls_back(Track(revision=NEW, exists=True, wanted=1, pods=1, exits=(ended,)), max_restarts=0)
    before = replace(ended, restarts=3)
    track = Track(revision=NEW, exists=True, wanted=1, pods=1, exits=(before,))
    assert not rolls_back(track, max_restarts=0, exits_before=3)
