"""The clocks of a rollout from one look to the next: no hold, delay or deadline is changed by who sets a clock.

What is stored are times that people can read, and what counts are durations. Between two looks of one process its
monotonic clock tells how much time has passed: when the time of day has moved by more or less, the clocks that run are
moved along with it. Across a restart nobody can tell, so nothing that is stored may lie in the future, and time in
which nobody looked is no lack of progress.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from seatrial.api.phases import BuildPhase
from seatrial.core.evidence import memory_text
from seatrial.core.state import Build, HistoryEntry, ModelRevision, Rollout, RolloutState
from seatrial.core.transitions import Phase, at_rest

TOLERANCE: Final = timedelta(seconds=2)
"""Times are stored in whole seconds, and those of replicas differ a little."""
OF_ROLLOUT: Final = ("started_at", "step_started_at", "users_since", "paused_at", "progressed_at")
OF_BUILD: Final = ("started_at", "finished_at")
RUNNING_BUILDS: Final = frozenset({BuildPhase.PENDING, BuildPhase.RUNNING, BuildPhase.FAILED})
"""Phases of a build that ends, or is retried, after some time."""

Value = TypeVar("Value", Rollout, Build, ModelRevision, HistoryEntry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the clocks of a process show at one moment."""

    now: datetime
    """The time of day, which may be set."""
    elapsed: timedelta
    """The time since the process began, which nobody sets."""
    watched: timedelta
    """The part of `elapsed` in which the process ran and heard from the API server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The last look at an object: the state that it left stored, and the clocks at that moment."""

    state: RolloutState
    reading: Reading


def carried(state: RolloutState, reading: Reading, last: Look | None, *, delay: timedelta) -> RolloutState:
    """Return the stored state with its clocks as they are now; the same state unless a clock was set or nobody looked.

    `last` is None at the first look of a process; `delay` is how long pods stay after they lost their traffic.
    """
    now = reading.now.replace(microsecond=0)
    if last is None:
        return _not_in_the_future(_progress_begins_anew(state, now), now)
    elapsed = reading.elapsed - last.reading.elapsed
    step = _whole_seconds(reading.now - last.reading.now - elapsed)
    unwatched = _whole_seconds(elapsed - (reading.watched - last.reading.watched))
    if abs(step) >= TOLERANCE:
        state = _with_evidence_moved(_moved(state, last, step, delay=delay), state)
    if unwatched >= TOLERANCE:
        state = _without_unwatched(state, unwatched)
    return _not_in_the_future(state, now)


def _whole_seconds(span: timedelta) -> timedelta:
    return timedelta(seconds=round(span.total_seconds()))


def _progress_begins_anew(state: RolloutState, now: datetime) -> RolloutState:
    """Return the state in which the progress deadline counts from now: nobody knows for how long nobody looked."""
    rollout = state.rollout
    if rollout is None or rollout.progressed_at is None or rollout.phase is Phase.PAUSED:
        return state
    return replace(state, rollout=replace(rollout, progressed_at=now))


def _without_unwatched(state: RolloutState, unwatched: timedelta) -> RolloutState:
    """Return the state in which the progress deadline is later by the time in which nobody looked."""
    rollout = state.rollout
    if rollout is None or rollout.progressed_at is None or rollout.phase is Phase.PAUSED:
        return state
    return replace(state, rollout=replace(rollout, progressed_at=rollout.progressed_at + unwatched))


def _moved(state: RolloutState, last: Look, step: timedelta, *, delay: timedelta) -> RolloutState:
    """Return the state with the clocks that run moved by `step`, each once.

    Only a time that the last look left is moved: one that differs was stored since, by the clock as it is now.
    """
    known, before = last.state, last.reading.now

    def move(time: datetime | None, known_time: datetime | None) -> datetime | None:
        return time + step if time is not None and time == known_time else time

    def move_recent(time: datetime | None, known_time: datetime | None) -> datetime | None:
        recent = time is not None and before - time <= delay + TOLERANCE
        return move(time, known_time) if recent else time

    rollout, build = state.rollout, state.build
    if rollout is not None and known.rollout is not None and not at_rest(rollout):
        state = replace(state, rollout=_each(rollout, OF_ROLLOUT, move, known.rollout))
    if build is not None and known.build is not None and build.phase in RUNNING_BUILDS:
        state = replace(state, build=_each(build, OF_BUILD, move, known.build))
    if state.stable is not None and known.stable is not None:
        state = replace(state, stable=_each(state.stable, ("since",), move_recent, known.stable))
    if state.history and known.history:
        newest = _each(state.history[0], ("finished_at",), move_recent, known.history[0])
        state = replace(state, history=(newest, *state.history[1:]))
    return state


def _not_in_the_future(state: RolloutState, now: datetime) -> RolloutState:
    """Return the state without a clock that has yet to begin: the clock went back while nobody looked."""

    def limit(time: datetime | None, _known: datetime | None) -> datetime | None:
        return now if time is not None and time > now + TOLERANCE else time

    rollout, build, stable, history = state.rollout, state.build, state.stable, state.history
    limited = replace(
        state,
        rollout=rollout and _each(rollout, OF_ROLLOUT, limit, rollout),
        build=build and _each(build, OF_BUILD, limit, build),
        stable=stable and _each(stable, ("since",), limit, stable),
        history=tuple(_each(entry, ("finished_at",), limit, entry) for entry in history),
    )
    return state if limited == state else _with_evidence_moved(limited, state)


def _with_evidence_moved(after: RolloutState, before: RolloutState) -> RolloutState:
    """Return the state whose evidence belongs to its step, although the step begins at another time now."""
    rollout, earlier = after.rollout, before.rollout
    if rollout is None or earlier is None or not rollout.evidence:
        return after
    start, moved_to = earlier.step_started_at, rollout.step_started_at
    if start is None or moved_to is None or start == moved_to:
        return after
    evidence = memory_text.moved(rollout.evidence, start, moved_to)
    return replace(after, rollout=replace(rollout, evidence=evidence))


def _each(
    value: Value,
    fields: tuple[str, ...],
    change: Callable[[datetime | None, datetime | None], datetime | None],
    known: Value,
) -> Value:
    """Return `value` with each of its times changed; `change` receives the time and that of `known`."""
    times: dict[str, Any] = {name: change(getattr(value, name), getattr(known, name)) for name in fields}
    return replace(value, **times)
