"""The text of `seatrial plan`: what happens when, with how many pods, and what the plan assumes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from seatrial.api import durations, names, status_fields
from seatrial.api import status as api
from seatrial.api.objects import Body
from seatrial.api.phases import DisplayPhase
from seatrial.api.text import pluralize
from seatrial.children import actions
from seatrial.cli.warnings import timeline_warnings
from seatrial.simulation.cluster import ObjectRef
from seatrial.simulation.controllers import Timings
from seatrial.simulation.timeline import PodCount, TimelineEntry

LONGEST = durations.LONGEST
"""The longest duration that users can write. A rollout of several such holds takes longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What the simulation cannot know."""

    timings: Timings
    notes: tuple[str, ...] = ()

    foreign: frozenset[ObjectRef] = frozenset()
    """Objects that are not children of the ModelDeployment; no child can take their names."""


def render(title: str, entries: tuple[TimelineEntry, ...], assumptions: Assumptions) -> str:
    """Return the whole timeline; equal entries give equal text."""
    start = entries[0].time
    lines = [f"{title}, from {status_fields.format_time(start)}", ""]
    previous: list[str] = []
    for entry in entries:
        first_line, *details = _entry_lines(entry)
        if entry.actions or [first_line, *details] != previous:
            offset = f"+{_duration(entry.time - start)}"
            lines += [f"{offset:<9} {entry.time:%H:%M:%SZ}  {first_line}", *details, ""]
        previous = [first_line, *details]
    lines += [_summary(entries), _end(entries[-1]), *_created_objects(entries), ""]
    lines += [*timeline_warnings(entries, assumptions.foreign), *_assumption_lines(assumptions)]
    return "\n".join(lines) + "\n"


def _entry_lines(entry: TimelineEntry) -> Iterator[str]:
    """Yield the lines of an entry without its time; an entry that reads like the previous one is not shown."""
    yield f"{_phase_and_step(entry.status):<16} {_traffic(entry)}; {_pods(entry.pods)}"
    yield f"    {entry.status.message}"
    for action in entry.actions:
        yield f"    · {_action(action)}"


def _duration(duration: timedelta) -> str:
    """Return the duration as users write it; in days if it is longer than they can write."""
    return f"{duration.days}d" if duration > LONGEST else durations.format_duration(duration)


def _phase_and_step(status: api.Status) -> str:
    """Return phase and step as the columns of `kubectl get` show them."""
    step = status.summary.step if status.summary is not None else ""
    return f"{status.phase or '–'} {step}".rstrip()


def _pods(count: int) -> str:
    return pluralize(count, "pod")


def _traffic(entry: TimelineEntry) -> str:
    """Return the weight and the pods of stable and canary."""
    tracks = [("stable", entry.status.stable), ("canary", entry.status.canary)]
    parts = [
        f"{name} {track.revision} {track.weight} % on {_ready_pods(entry, track.revision)}"
        for name, track in tracks
        if track is not None
    ]
    return ", ".join(parts) or "no revision serves"


def _ready_pods(entry: TimelineEntry, revision: str) -> str:
    count = entry.pods_by_revision.get(revision, PodCount())
    return _pods(count.total) if count.ready == count.total else f"{count.ready} of {_pods(count.total)}"


def _action(action: actions.Action) -> str:
    match action:
        case actions.Create(body):
            return f"create {_kind_and_name(body)}{_created_details(body)}"
        case actions.Apply(body):
            return f"update {_kind_and_name(body)}{_details(body)}"
        case actions.Scale(name=name, replicas=replicas):
            return f"scale Deployment {name} to {replicas}"
        case actions.Delete(kind=kind, name=name):
            return f"delete {kind} {name}"
        case actions.AnswerDecision(name=name, phase=phase, message=message):
            return f"answer RolloutDecision {name}: {phase}: {message}"
        case _:
            assert_never(action)


def _kind_and_name(body: Body) -> str:
    return f"{body['kind']} {body['metadata']['name']}"


def _created_details(body: Body) -> str:
    return f" with {_pods(body['spec']['replicas'])}" if body["kind"] == "Deployment" else _details(body)


def _details(body: Body) -> str:
    """Return what matters about a child: the pods that a Service selects, the bounds of an autoscaler."""
    spec = body.get("spec") or {}
    if body["kind"] == "Service":
        revision = spec["selector"].get(names.LABEL_REVISION)
        return f", selecting {revision or 'all revisions'}"
    if body["kind"] == "HorizontalPodAutoscaler":
        scales_down = spec["behavior"]["scaleDown"]["selectPolicy"] != "Disabled"
        note = "" if scales_down else ", not scaling down for now"
        return f", {spec['minReplicas']} to {spec['maxReplicas']} pods{note}"
    return ""


def _summary(entries: tuple[TimelineEntry, ...]) -> str:
    if len(entries) == 1 and not entries[0].actions:
        return f"nothing changes, {_pods(entries[0].pods)}"
    steps = max(
        (entry.status.rollout.steps for entry in entries if entry.status.rollout is not None), default=0
    )
    duration = _duration(entries[-1].time - entries[0].time)
    peak = _pods(max(entry.pods for entry in entries))
    prefix = f"{pluralize(steps, 'step')}, " if steps else ""
    return f"{prefix}at least {duration}, {peak} at the peak"


def _end(last: TimelineEntry) -> str:
    phase = last.status.phase
    hint = (
        ""
        if phase in {DisplayPhase.HEALTHY, DisplayPhase.STOPPED}
        else "; only an event or a decision changes this"
    )
    return f"ends {phase}{hint}"


def _created_objects(entries: tuple[TimelineEntry, ...]) -> Iterator[str]:
    created = [a.body for entry in entries for a in entry.actions if isinstance(a, actions.Create)]
    if created:
        yield "creates " + ", ".join(_kind_and_name(body) for body in created)


def _assumption_lines(assumptions: Assumptions) -> Iterator[str]:
    ready_after = durations.format_duration(assumptions.timings.ready_after)
    build = durations.format_duration(assumptions.timings.build)
    yield f"Assumed: pods are ready after {ready_after}, builds take {build}, the load is constant."
    yield from assumptions.notes
