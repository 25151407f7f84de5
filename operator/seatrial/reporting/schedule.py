"""When to look again although nothing has happened by then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from seatrial.core import builds, judgement
from seatrial.core.canary_health import refusal_is_final_at
from seatrial.core.decide import Decision
from seatrial.core.pod_retries import next_retry_at
from seatrial.core.state import Rollout
from seatrial.core.target import step_of
from seatrial.core.transitions import TABLE, Phase, at_rest, hold_ends_at
from seatrial.reporting import autoscaler

FIRST_LOOK: Final = timedelta(seconds=1)
"""After the pass that begins to judge a canary comes one that lets its metrics be read, whatever happens meanwhile."""


def wake_at(decision: Decision) -> datetime | None:
    """Return the first moment after now at which a decision may change by itself.

    A whole second: decisions see the time without fractions, and would ask for the same moment until the next one.
    """
    moments = [moment for moment in _moments(decision) if moment is not None and moment > decision.now]
    return _rounded_up(min(moments)) if moments else None


def _rounded_up(moment: datetime) -> datetime:
    return moment if not moment.microsecond else moment.replace(microsecond=0) + timedelta(seconds=1)


def next_transition(decision: Decision) -> datetime | None:
    """Return when the rollout moves by itself; None when only an event or a person can move it."""
    moments = [moment for moment in _of_rollout(decision) if moment is not None and moment > decision.now]
    return min(moments, default=None)


def _moments(decision: Decision) -> Iterator[datetime | None]:
    yield from _of_rollout(decision)
    rollout = decision.state.rollout
    if (
        rollout is not None
        and TABLE[rollout.phase].runs_progress_deadline
        and rollout.progressed_at is not None
    ):
        yield rollout.progressed_at + decision.target.progress_deadline
    if rollout is not None and rollout.phase is Phase.SHIFTING and _is_held(decision, rollout):
        yield from judgement.deadlines(rollout, decision.target)
    if rollout is not None and judgement.is_judged(rollout) and not _was_judged(decision):
        yield decision.now + FIRST_LOOK
    if rollout is not None and not at_rest(rollout):
        yield refusal_is_final_at(rollout, decision.canary_track)
    for track in (decision.stable_track, decision.canary_track):
        yield next_retry_at(track, decision.now) if track is not None and track.wanted else None
    yield decision.idle_pods_leave_at
    yield autoscaler.look_again_at(decision)


def _was_judged(decision: Decision) -> bool:
    before = decision.before.rollout
    return before is not None and judgement.is_judged(before)


def _of_rollout(decision: Decision) -> Iterator[datetime | None]:
    rollout, build = decision.state.rollout, decision.state.build
    if rollout is None:
        return
    if rollout.phase is Phase.SHIFTING and _is_held(decision, rollout):
        yield hold_ends_at(rollout, step_of(decision.target, rollout).hold)
    draining = rollout.phase is Phase.ROLLING_BACK and rollout.users_since is not None and not rollout.weight
    if draining and decision.split_is_applied and rollout.step_started_at is not None:
        yield rollout.step_started_at + decision.target.scale_down_delay
    if rollout.phase is Phase.BUILDING and build is not None and not decision.snapshot.missing_for_build:
        yield builds.retry_at(build)


def _is_held(decision: Decision, rollout: Rollout) -> bool:
    """Return whether the step has its weight: its hold does not count while pods for it start."""
    in_range = 0 < rollout.step <= len(decision.target.steps)
    reached = in_range and rollout.weight >= step_of(decision.target, rollout).weight
    return reached and decision.split_is_applied
