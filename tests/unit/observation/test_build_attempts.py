"""How many attempts at an image are over, from the Jobs that exist."""

from __future__ import annotations

import pytest

from seatrial.api import names
from seatrial.api.objects import Body
from seatrial.core.snapshot import Snapshot
from seatrial.observation.build_jobs import build_jobs
from seatrial.observation.observed import Observed


def job(attempt: int, *, over: bool = True, deleting: bool = False, build_id: str = "b1") -> Body:
    """Return the Job of one attempt."""
    name = f"churn-build-{build_id}-{attempt}"
    metadata = {"name": name, "labels": {names.LABEL_BUILD: build_id}}
    failed = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}] if over else []
    deletion = {"deletionTimestamp": "2026-11-21T12:00:00Z"} if deleting else {}
    return {"kind": "Job", "metadata": {**metadata, **deletion}, "status": {"conditions": failed}}


@pytest.mark.parametrize(
    ("jobs", "attempts_over"),
    [
        pytest.param((), 0, id="no Job"),
        pytest.param((job(4, build_id="b2"),), 0, id="a Job of another image"),
        pytest.param((job(2), job(10)), 10, id="all Jobs are over"),
        pytest.param((job(2), job(3, over=False)), 2, id="the newest Job runs"),
        pytest.param((job(2, over=False), job(3)), 3, id="an older Job still runs"),
        pytest.param(
            (job(3, over=False, deleting=True),), 3, id="a Job that is being deleted keeps its name"
        ),
    ],
)
def test_the_attempts_whose_jobs_are_over_are_not_reused(jobs: tuple[Body, ...], attempts_over: int) -> None:
    snapshot = Snapshot(jobs=build_jobs(Observed(children={"Job": jobs})))
    assert snapshot.attempts_over("b1") == attempts_over
