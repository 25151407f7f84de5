"""How many attempts at an image are over."""

from __future__ import annotations

import pytest

from seatrial.api import names
from seatrial.api.objects import Body
from seatrial.observation import build_jobs
from seatrial.observation.observed import Observed


def _job(attempt: int, *, over: bool = True, going: bool = False, build_id: str = "b1") -> Body:
    name = f"churn-build-{build_id}-{attempt}"
    metadata = {"name": name, "labels": {names.LABEL_BUILD: build_id}}
    ends = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}] if over else []
    deleted = {"deletionTimestamp": "2026-11-21T12:00:00Z"} if going else {}
    return {"kind": "Job", "metadata": {**metadata, **deleted}, "status": {"conditions": ends}}


@pytest.mark.parametrize(
    ("seen", "over"),
    [
        pytest.param((), 0, id="none"),
        pytest.param((_job(4, build_id="b2"),), 0, id="of another image"),
        pytest.param((_job(2), _job(10)), 10, id="all are over"),
        pytest.param((_job(2), _job(3, over=False)), 2, id="the newest runs and is followed"),
        pytest.param((_job(2, over=False), _job(3)), 3, id="an older one does not count"),
        pytest.param((_job(3, over=False, going=True),), 3, id="one that is deleted still has its name"),
    ],
)
def test_attempts_that_are_over_are_left_behind(seen: tuple[Body, ...], over: int) -> None:
    assert build_jobs.attempts_at(Observed(jobs=seen), "b1") == over
