"""The text of `seatrial plan`: what would happen, step by step, and what was taken for granted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from seatrial.api import durations, names, status_fields
from seatrial.api import status as api
from seatrial.api.objects import Body
from seatrial.api.phases import DisplayPhase
from seatrial.api.text import pluralize
from seatrial.children import actions
from seatrial.cli import warnings
from seatrial.simulation.cluster import Pace, Place
from seatrial.simulation.run import Moment, Pods

LONGEST = durations.LONGEST
"""The longest span that users can write; a rollout of several such holds is longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What the simulation could not know."""

    pace: Pace
    notes: tuple[str, ...] = ()
    foreign: frozenset[Place] = frozenset()
    """Objects of others, whose names no child can have."""


def text(title: str, moments: tuple[Moment, ...], assumed: Assumptions) -> str:
    """The whole timeline; the same text for the same moments."""
    shown = [moment for n, moment in enumerate(moments) if n == 0 or _says_more(moment, moments[n - 1])]
    start = moments[0].at
    lines = [f"{title}, from {status_fields.format_time(start)}", ""]
    for moment in shown:
        lines += [*_entry(moment, moment.at - start), ""]
    lines += [_sum(moments), _end(moments[-1]), *_made(moments), ""]
    lines += [*warnings.of(moments, assumed.foreign), *_taken_for_granted(assumed)]
    return "\n".join(lines) + "\n"


def _says_more(moment: Moment, before: Moment) -> bool:
    same = moment.status.message == before.status.message and moment.status.phase == before.status.phase
    return bool(moment.actions) or not same or moment.tracks != before.tracks


def _entry(moment: Moment, since: timedelta) -> Iterator[str]:
    status = moment.status
    after = f"+{_span(since)}"
    yield f"{after:<9} {moment.at:%H:%M:%SZ}  {_where(status):<16} {_tracks(moment)}; {_pods(moment.pods)}"
    yield f"    {status.message}"
    for action in moment.actions:
        yield f"    · {_told(action)}"


def _span(span: timedelta) -> str:
    """As users write it, or in days where they could not."""
    return f"{span.days}d" if span > LONGEST else durations.format_duration(span)


def _where(status: api.Status) -> str:
    """The phase, and the step of all, as the columns of kubectl say them."""
    step = status.summary.step if status.summary is not None else ""
    return f"{status.phase or '–'} {step}".rstrip()


def _pods(count: int) -> str:
    return pluralize(count, "pod")


def _tracks(moment: Moment) -> str:
    """Who has which share, asked for, and with how many pods."""
    shown = [("stable", moment.status.stable), ("canary", moment.status.canary)]
    parts = [
        f"{name} {track.revision} {track.weight} % on {_of_pods(moment.tracks.get(track.revision, Pods()))}"
        for name, track in shown
        if track is not None
    ]
    return ", ".join(parts) or "nobody serves"


def _of_pods(found: Pods) -> str:
    return _pods(found.all) if found.ready == found.all else f"{found.ready} of {_pods(found.all)}"


def _told(action: actions.Action) -> str:
    match action:
        case actions.Create(body):
            return f"create {_subject(body)}{_size(body)}"
        case actions.Apply(body):
            return f"change {_subject(body)}{_change(body)}"
        case actions.Scale(name=name, replicas=replicas):
            return f"scale Deployment {name} to {replicas}"
        case actions.Delete(kind=kind, name=name):
            return f"delete {kind} {name}"
        case actions.AnswerDecision(name=name, phase=phase, message=message):
            return f"answer RolloutDecision {name}: {phase}: {message}"


def _subject(body: Body) -> str:
    return f"{body['kind']} {body['metadata']['name']}"


def _size(body: Body) -> str:
    return f" with {_pods(body['spec']['replicas'])}" if body["kind"] == "Deployment" else _change(body)


def _change(body: Body) -> str:
    """What a reader wants to know of it: whom a Service selects, the bounds of an autoscaler."""
    spec = body.get("spec") or {}
    if body["kind"] == "Service":
        revision = spec["selector"].get(names.LABEL_REVISION)
        return f", selecting {revision or 'all revisions'}"
    if body["kind"] == "HorizontalPodAutoscaler":
        shrinks = spec["behavior"]["scaleDown"]["selectPolicy"] != "Disabled"
        return f", {spec['minReplicas']} to {spec['maxReplicas']} pods{'' if shrinks else ', never fewer for now'}"
    return ""


def _sum(moments: tuple[Moment, ...]) -> str:
    steps = max((m.status.rollout.steps for m in moments if m.status.rollout is not None), default=0)
    if len(moments) == 1 and not moments[0].actions:
        return f"nothing is done, {_pods(moments[0].pods)}"
    took = _span(moments[-1].at - moments[0].at)
    peak = _pods(max(moment.pods for moment in moments))
    stepwise = f"{pluralize(steps, 'step')}, " if steps else ""
    return f"{stepwise}at least {took}, {peak} at the peak"


def _end(last: Moment) -> str:
    status = last.status
    awaited = "" if status.phase is DisplayPhase.HEALTHY else "; only an event or a person moves it on"
    return f"ends {status.phase}{awaited}"


def _made(moments: tuple[Moment, ...]) -> Iterator[str]:
    made = [a.body for moment in moments for a in moment.actions if isinstance(a, actions.Create)]
    if made:
        yield "makes " + ", ".join(_subject(body) for body in made)


def _taken_for_granted(assumed: Assumptions) -> Iterator[str]:
    ready = durations.format_duration(assumed.pace.ready_after)
    build = durations.format_duration(assumed.pace.build)
    yield f"Assumed: pods are ready after {ready}, builds take {build}, the load stays as it is."
    yield from assumed.notes
