"""Pods that are refused at admission: when that is final, and when they are asked for again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from seatrial.api.reasons import Reason
from seatrial.core import canary_health, pod_retries
from seatrial.core.snapshot import Diagnosis, Track
from seatrial.core.transitions import Phase
from tests.builders import NEW, NOW, after, rollout, seen


def refused(reason: Reason = Reason.POD_REJECTED, **since: float) -> Track:
    """Return a canary whose pods have been refused since this long before NOW."""
    diagnosis = Diagnosis(reason=reason, message="no", since=NOW - timedelta(**since))
    return Track(revision=NEW, exists=True, wanted=1, diagnosis=diagnosis)


@pytest.mark.parametrize(
    ("track", "waits", "is_final"),
    [
        pytest.param(refused(seconds=59), {"seconds": 59}, False, id="for less than a minute"),
        pytest.param(refused(seconds=60), {"seconds": 60}, True, id="for a minute"),
        pytest.param(refused(hours=1), {"seconds": 5}, False, id="by a clock that is an hour behind"),
        pytest.param(refused(hours=-1), {"hours": 1}, False, id="by a clock that is an hour ahead"),
        pytest.param(
            refused(Reason.POD_CREATION_FAILED, hours=1), {"hours": 1}, False, id="for what may come"
        ),
        pytest.param(refused(Reason.QUOTA_EXCEEDED, hours=1), {"hours": 1}, False, id="by a quota"),
    ],
)
def test_only_forbidden_content_is_final_and_only_after_a_minute(
    track: Track, waits: dict[str, float], *, is_final: bool
) -> None:
    waiting = rollout(Phase.STARTING, progressed_at=NOW - timedelta(**waits))
    diagnosis = canary_health.terminal_diagnosis(waiting, track, seen().at())
    assert diagnosis == (track.diagnosis if is_final else None)


@pytest.mark.parametrize(
    ("seconds", "last", "following"),
    [
        (0, None, 15),
        (14, None, 15),
        (15, 15, 30),
        (44, 30, 45),
        (599, 585, 600),
        (600, 600, 900),
        (1000, 900, 1200),
    ],
)
def test_refused_pods_are_asked_for_again_often_at_first(
    seconds: float, last: float | None, following: float
) -> None:
    track, now = refused(Reason.QUOTA_EXCEEDED), after(seconds=seconds)
    assert pod_retries.last_retry_at(track, now) == (None if last is None else after(seconds=last))
    assert pod_retries.next_retry_at(track, now) == after(seconds=following)


def test_pods_that_are_not_refused_are_not_asked_for_again() -> None:
    assert pod_retries.last_retry_at(Track(revision=NEW), NOW) is None
    assert pod_retries.next_retry_at(Track(revision=NEW), NOW) is None
