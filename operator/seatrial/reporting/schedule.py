"""When to look again although nothing has happened by then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from seatrial.api import status as api
from seatrial.children import Scene, is_written, leaves_at
from seatrial.core import builds, transitions
from seatrial.core.target import step_of
from seatrial.core.transitions import Phase
from seatrial.observation.target import missing_for_build
from seatrial.reporting import autoscaler

CLOCK_RUNS = frozenset({Phase.STARTING, Phase.SHIFTING, Phase.PROMOTING})
"""Where the progress deadline counts; a pause stops it."""


def wake_at(scene: Scene) -> datetime | None:
    """The first moment after now at which a decision may change by itself."""
    moments = [moment for moment in _moments(scene) if moment is not None and moment > scene.snapshot.now]
    return min(moments, default=None)


def next_transition(scene: Scene) -> datetime | None:
    """When the rollout moves on by itself; None when only an event or a person can move it."""
    moments = [moment for moment in _of_rollout(scene) if moment is not None and moment > scene.snapshot.now]
    return min(moments, default=None)


def _moments(scene: Scene) -> Iterator[datetime | None]:
    yield from _of_rollout(scene)
    rollout = scene.state.rollout
    if rollout is not None and rollout.phase in CLOCK_RUNS and rollout.progressed_at is not None:
        yield rollout.progressed_at + scene.snapshot.wish.progress_deadline
    yield leaves_at(scene)
    yield autoscaler.noticed_at(scene)


def _of_rollout(scene: Scene) -> Iterator[datetime | None]:
    rollout, build = scene.state.rollout, scene.state.build
    if rollout is None:
        return
    started = rollout.step_started_at
    if rollout.phase is Phase.SHIFTING and _is_held(scene, rollout):
        yield transitions.hold_ends_at(rollout, step_of(scene.snapshot.wish, rollout).hold)
    draining = rollout.phase is Phase.ROLLING_BACK and rollout.users_since is not None and not rollout.weight
    if draining and is_written(scene) and started is not None:
        yield started + scene.snapshot.wish.scale_down_delay
    lacking = missing_for_build(scene.desired, scene.observed, scene.parts)
    if rollout.phase is Phase.BUILDING and build is not None and not lacking:
        yield builds.retry_at(build)


def _is_held(scene: Scene, rollout: api.RolloutStatus) -> bool:
    """The step has its weight: its hold counts, which it does not while pods for it start."""
    within = 0 < rollout.step <= len(scene.snapshot.wish.steps)
    has_it = within and rollout.weight >= step_of(scene.snapshot.wish, rollout).weight
    return has_it and is_written(scene)
