"""The timeline of a simulation: its passes, merged into one entry for each time at which something changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from seatrial.api import names
from seatrial.api import status as api
from seatrial.api.objects import label_of
from seatrial.children.actions import Action
from seatrial.observation import pod_diagnosis
from seatrial.reporting.events import EventType
from seatrial.simulation.cluster import SimulatedCluster
from seatrial.simulation.run import Pass
from seatrial.simulation.server_pods import server_pods


@dataclass(frozen=True, slots=True, kw_only=True)
class PodCount:
    """The server pods of one revision."""

    ready: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """Everything that happens at one time."""

    time: datetime
    status: api.Status
    actions: tuple[Action, ...]

    pods: int
    """The most server pods that exist at this time."""

    pods_by_revision: Mapping[str, PodCount]
    """Server pods of each revision, after the last pass at this time."""

    warnings: tuple[str, ...] = ()
    """Reasons and messages of the Warning Events that the operator emits."""


def timeline_of(passes: Iterable[Pass]) -> tuple[TimelineEntry, ...]:
    """Return one entry for each time at which status, actions or pods change."""
    entries: tuple[TimelineEntry, ...] = ()
    for step in passes:
        entries = _with_entry(entries, _entry(step))
    return entries


def _with_entry(entries: tuple[TimelineEntry, ...], entry: TimelineEntry) -> tuple[TimelineEntry, ...]:
    if not entries:
        return (entry,)
    last = entries[-1]
    if last.time == entry.time:
        return (*entries[:-1], _merged(last, entry))
    unchanged = (
        last.status == entry.status and not entry.actions and last.pods_by_revision == entry.pods_by_revision
    )
    return entries if unchanged else (*entries, entry)


def _merged(first: TimelineEntry, second: TimelineEntry) -> TimelineEntry:
    """Return the entry of two passes at the same time."""
    return replace(
        second,
        actions=(*first.actions, *second.actions),
        pods=max(first.pods, second.pods),
        warnings=(*first.warnings, *second.warnings),
    )


def _entry(step: Pass) -> TimelineEntry:
    plan = step.plan
    return TimelineEntry(
        time=step.time,
        status=plan.status,
        actions=plan.actions,
        pods=len(server_pods(step.after.of_kind("Pod"))),
        pods_by_revision=_pods_by_revision(step.after),
        warnings=tuple(
            f"{event.reason}: {event.message}" for event in plan.events if event.type is EventType.WARNING
        ),
    )


def _pods_by_revision(cluster: SimulatedCluster) -> dict[str, PodCount]:
    counts: dict[str, PodCount] = {}
    for pod in server_pods(cluster.of_kind("Pod")):
        revision = label_of(pod, names.LABEL_REVISION)
        count = counts.get(revision, PodCount())
        counts[revision] = PodCount(ready=count.ready + pod_diagnosis.is_ready(pod), total=count.total + 1)
    return counts
