"""How many abnormal exits a canary is allowed while it has users."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from seatrial.api import phases, reasons
from seatrial.core import rollback
from seatrial.core.inputs import ReplicaPlan
from seatrial.core.snapshot import AbnormalExit, Diagnosis, Snapshot, Track
from seatrial.core.state import ModelRevision, Rollout, RolloutState
from seatrial.core.target import Target

USERS_SINCE = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
LATER = USERS_SINCE + timedelta(seconds=30)
REVISION = "369714a227"


def rollout(*, exits_before: int | None = None) -> Rollout:
    """One that has users."""
    return Rollout(
        revision=REVISION,
        phase=phases.RolloutPhase.SHIFTING,
        step=1,
        steps=2,
        weight=25,
        users_since=USERS_SINCE,
        exits_before=exits_before,
    )


def exited(*, restarts: int, reason: reasons.Reason | None = None) -> Track:
    """One pod that ended after it had users, and has been started again so often in all."""
    ended = AbnormalExit(at=LATER, pod="p-1", code=137, restarts=restarts, out_of_memory=True)
    trouble = None if reason is None else Diagnosis(reason=reason, message="it says why", pod="p-1")
    return Track(revision=REVISION, exists=True, wanted=1, pods=1, exits=(ended,), diagnosis=trouble)


def situation(track: Track, *, max_restarts: int) -> Snapshot:
    """The moment after the exit."""
    wish = Target(revision=REVISION, max_restarts=max_restarts)
    return Snapshot(wish=wish, counts=ReplicaPlan(at_step=(), full=1), now=LATER, tracks={REVISION: track})


def turned_back(track: Track, *, max_restarts: int, exits_before: int | None = None) -> bool:
    """Whether the rollout goes back."""
    one = rollout(exits_before=exits_before)
    state = RolloutState(rollout=one, canary=ModelRevision(revision=REVISION))
    at = situation(track, max_restarts=max_restarts)
    return rollback.why_not_with_users(state, one, at) is not None


@pytest.mark.parametrize("reason", [reasons.Reason.OUT_OF_MEMORY, reasons.Reason.CRASH_LOOP])
def test_exits_that_are_allowed_are_borne_while_the_pod_is_not_back_yet(reason: reasons.Reason) -> None:
    assert not turned_back(exited(restarts=1, reason=reason), max_restarts=1)
    assert turned_back(exited(restarts=2, reason=reason), max_restarts=1)


def test_a_model_that_cannot_be_loaded_is_not_borne() -> None:
    assert turned_back(exited(restarts=1, reason=reasons.Reason.MODEL_LOAD_FAILED), max_restarts=5)


def test_exits_from_before_the_users_do_not_count() -> None:
    assert not turned_back(exited(restarts=4), max_restarts=1, exits_before=3)
    assert turned_back(exited(restarts=5), max_restarts=1, exits_before=3)


def test_an_exit_of_another_pod_counts_although_the_first_ones_are_gone() -> None:
    assert turned_back(exited(restarts=1), max_restarts=0, exits_before=3)
