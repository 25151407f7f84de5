"""The warnings of a timeline: weights that the router cannot meet, gaps in service, name conflicts, Warning Events."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.api import status as api
from seatrial.api import status_fields
from seatrial.children import actions
from seatrial.simulation.cluster import ObjectRef, ref_of
from seatrial.simulation.timeline import PodCount, TimelineEntry

Entries = tuple[TimelineEntry, ...]


def timeline_warnings(entries: Entries, foreign: frozenset[ObjectRef]) -> Iterator[str]:
    """Yield one line for each warning."""
    yield from _name_conflicts(entries, foreign)
    yield from dict.fromkeys(_unmet_weights(entries))
    yield from _service_gaps(entries)
    for entry in entries:
        for sentence in entry.warnings:
            yield f"Warning: at {entry.time:%H:%M:%SZ} {sentence}"


def _name_conflicts(entries: Entries, foreign: frozenset[ObjectRef]) -> Iterator[str]:
    created = {ref_of(a.body) for entry in entries for a in entry.actions if isinstance(a, actions.Create)}
    for kind, name in sorted(created & foreign):
        yield (
            f"Warning: {kind} {name} exists and does not have the labels of this ModelDeployment. If it belongs to "
            "somebody else, the rollout stops there with NameConflict; give one of the two another name"
        )


def _unmet_weights(entries: Entries) -> Iterator[str]:
    for entry in entries:
        rollout, canary = entry.status.rollout, entry.status.canary
        if rollout is None or canary is None or not rollout.weight or canary.actual_weight is None:
            continue
        if canary.actual_weight != rollout.weight:
            yield (
                f"Warning: a weight of {rollout.weight} % gives the canary {canary.actual_weight} % of traffic, its "
                f"share of the ready pods; {_remedy(entry.status, rollout.weight, canary.actual_weight)}"
            )


def _remedy(status: api.Status, weight: int, actual_weight: int) -> str:
    stable, canary = status.stable, status.canary
    if stable and canary and actual_weight < weight and canary.ready_replicas >= stable.ready_replicas:
        return "the canary has at most as many pods as stable until it is promoted"
    return "more replicas come closer"


def _service_gaps(entries: Entries) -> Iterator[str]:
    """Yield the times without a ready pod that receives traffic, once a revision was stable."""
    served, gap_start = entries[0].status.stable is not None, None
    for entry in entries:
        serves = _serves(entry)
        if serves and gap_start is not None:
            start, end = status_fields.format_time(gap_start), status_fields.format_time(entry.time)
            yield f"Warning: no pod serves requests from {start} to {end}"
            gap_start = None
        elif served and not serves:
            gap_start = gap_start or entry.time
        served = served or serves
    if gap_start is not None:
        yield f"Warning: no pod serves requests from {status_fields.format_time(gap_start)} on"


def _serves(entry: TimelineEntry) -> bool:
    """Return whether a revision that receives traffic has a ready pod."""
    tracks = (entry.status.stable, entry.status.canary)
    return any(
        track is not None and track.weight and entry.pods_by_revision.get(track.revision, PodCount()).ready
        for track in tracks
    )
