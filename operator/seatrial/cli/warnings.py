"""What somebody who reads a timeline should not overlook: shares that are not met, gaps, troubles."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.api import status as api
from seatrial.api import status_fields
from seatrial.children import actions
from seatrial.simulation.cluster import Place, place_of
from seatrial.simulation.run import Moment, Pods


def of(moments: tuple[Moment, ...], foreign: frozenset[Place]) -> Iterator[str]:
    """One line for each thing to know, in the order in which a reader meets it."""
    yield from _names_taken(moments, foreign)
    yield from dict.fromkeys(_shares_not_met(moments))
    yield from _gaps(moments)
    for moment in moments:
        for sentence in moment.warnings:
            yield f"Warning: at {moment.at:%H:%M:%SZ} {sentence}"


def _names_taken(moments: tuple[Moment, ...], foreign: frozenset[Place]) -> Iterator[str]:
    made = {place_of(a.body) for moment in moments for a in moment.actions if isinstance(a, actions.Create)}
    for kind, name in sorted(made & foreign):
        yield (
            f"Warning: {kind} {name} is there and has not the labels of this object: if it is somebody else's, "
            "the rollout stops there with NameConflict; rename one of the two"
        )


def _shares_not_met(moments: tuple[Moment, ...]) -> Iterator[str]:
    for moment in moments:
        rollout, canary = moment.status.rollout, moment.status.canary
        if rollout is None or canary is None or not rollout.weight or canary.actual_weight is None:
            continue
        if canary.actual_weight != rollout.weight:
            yield (
                f"Warning: a share of {rollout.weight} % is really one of {canary.actual_weight} %: it is that of the "
                f"ready pods, and {_what_helps(moment.status, rollout.weight, canary.actual_weight)}"
            )


def _what_helps(status: api.Status, asked: int, actual: int) -> str:
    stable, canary = status.stable, status.canary
    if stable and canary and actual < asked and canary.ready_replicas >= stable.ready_replicas:
        return "the canary has at most as many as stable: it gets more when it takes over"
    return "more replicas come nearer"


def _gaps(moments: tuple[Moment, ...]) -> Iterator[str]:
    """From when to when nobody is served, once somebody was or could be: there is a stable revision."""
    before, since = moments[0].status.stable is not None, None
    for moment in moments:
        serves = _serves(moment)
        if serves and since is not None:
            yield f"Warning: nobody is served from {status_fields.format_time(since)} to {status_fields.format_time(moment.at)}"
            since = None
        elif before and not serves:
            since = since or moment.at
        before = before or serves
    if since is not None:
        yield f"Warning: nobody is served from {status_fields.format_time(since)} on"


def _serves(moment: Moment) -> bool:
    """A revision that has a share has a ready pod."""
    tracks = (moment.status.stable, moment.status.canary)
    return any(
        track is not None and track.weight and moment.tracks.get(track.revision, Pods()).ready
        for track in tracks
    )
