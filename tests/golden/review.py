"""A plan as a person reviews it: its situation, what the status says, what is done and announced, and what follows."""

from __future__ import annotations

import functools
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any, assert_never

from seatrial.api import status as api
from seatrial.api import status_fields
from seatrial.api.objects import Body
from seatrial.children import actions
from seatrial.cli import timeline, yaml_output
from seatrial.planner import Plan
from seatrial.reporting.events import Event, EventType
from seatrial.simulation.cluster import SimulatedCluster, apply_actions
from seatrial.simulation.timeline import TimelineEntry, timeline_of
from tests.golden import play
from tests.golden.play import Play
from tests.golden.situations import Situation

ABSENT = "absent"
NOISE = frozenset({"metadata.uid", "metadata.resourceVersion", "metadata.annotations[seatrial.dev/applied]"})
"""Fields that follow from the others."""
TELLING_FIELDS: dict[str, tuple[str, ...]] = {
    "ConfigMap": ("data",),
    "ControllerRevision": ("revision", "data.image"),
    "Deployment": ("spec.replicas",),
    "HorizontalPodAutoscaler": ("spec.minReplicas", "spec.maxReplicas", "spec.behavior.scaleDown"),
    "Job": ("spec.template.spec.containers[build].image",),
    "PodDisruptionBudget": ("spec.maxUnavailable",),
    "Service": ("spec.selector",),
}
"""By kind: what a reviewer wants to know of a new object; `children.yaml` shows one of each kind in full."""
CLOCKS = ("stepStartedAt", "usersSince", "pausedAt", "pausedSeconds", "progressedAt", "highWater")


@functools.cache
def planned(situation: Situation) -> tuple[Play, Plan]:
    """Return a situation and its plan."""
    scene = situation()
    return scene, play.simulation(scene.world).step(scene.world, scene.now).plan


def golden_text(situation: Situation) -> str:
    """Return what the golden file of a situation contains."""
    scene, plan = planned(situation)
    entries = timeline_of(play.simulation(scene.world).passes(scene.world, scene.now))
    parts = {
        "now": status_fields.format_time(scene.now),
        **_status(plan.status),
        "actions": [_action(action, scene) for action in plan.actions],
        "events": [_event(event) for event in plan.events],
        "wakeAt": None if plan.wake_at is None else status_fields.format_time(plan.wake_at),
    }
    shown = yaml_output.to_yaml({key: value for key, value in parts.items() if value})
    return f"{_source(situation)}{shown}{_timeline(entries)}"


def children_text(*situations: Situation) -> str:
    """Return one child of each kind in full, the first that is created from these situations on."""
    created: dict[str, Body] = {}
    for situation in situations:
        scene = situation()
        for one in play.simulation(scene.world).passes(scene.world, scene.now):
            bodies = [action.body for action in one.plan.actions if isinstance(action, actions.Create)]
            created = {body["kind"]: body for body in bodies} | created
    return "---\n".join(yaml_output.to_yaml(body) for body in created.values())


def _source(situation: Situation) -> str:
    """Return the Python that makes the situation, as a comment."""
    lines = [line for line in inspect.getsource(situation).splitlines() if not line.startswith("@")]
    return textwrap.indent("\n".join(lines), "# ", lambda _: True) + "\n"


def _timeline(entries: tuple[TimelineEntry, ...]) -> str:
    """Return what `seatrial plan` prints, as a YAML block without the messages: `tests/unit/cli` has those."""
    if len(entries) == 1:
        return ""
    printed = timeline.render("", entries, timeline.Assumptions(timings=play.TIMINGS)).splitlines()
    shown = [line for line in printed if re.match(r"\+|    ·|ends |.* at the peak$", line)]
    return "timeline: |\n" + textwrap.indent("\n".join(shown), "  ") + "\n"


def _status(status: api.Status) -> dict[str, Any]:
    """Return the parts of the status that tell one situation from another."""
    raw = status.to_dict()
    return {
        "phase": raw["phase"],
        "message": raw["message"],
        "conditions": {c["type"]: f"{c['status']}, {c['reason']}" for c in raw["conditions"]},
        "summary": ", ".join(f"{key} {value}" for key, value in raw["summary"].items() if key != "verdict"),
        "stable": _track(raw["stable"]) if "stable" in raw else "",
        "canary": _track(raw["canary"]) if "canary" in raw else "",
        "rollout": _rollout(raw["rollout"]) if "rollout" in raw else "",
        "clocks": _clocks(raw.get("rollout", {})),
        "build": _build(raw["build"]) if "build" in raw else "",
        "rejected": "; ".join(f"{entry['revision']} {entry['reason']}" for entry in raw.get("rejected", ())),
        "history": "; ".join(f"{entry['revision']} {entry['reason']}" for entry in raw.get("history", ())),
        "nextTransitionTime": raw.get("nextTransitionTime"),
    }


def _track(track: Body) -> str:
    actual = f" (actual {track['actualWeight']} %)" if "actualWeight" in track else ""
    failure = f", {track['failure']['reason']}" if "failure" in track else ""
    pods = f"{track['readyReplicas']}/{track['replicas']} pods ready"
    return f"{track['revision']}, {track['weight']} %{actual}, {pods}{failure}"


def _rollout(rollout: Body) -> str:
    parts = [
        f"{rollout['revision']} of {rollout.get('targetRevision') or 'no named target'}",
        f"{rollout['phase']}, step {rollout['step']}/{rollout['steps']}, weight {rollout['weight']}",
        f"attempt {rollout['attempt']}",
        *(f"{key} {rollout[key]}" for key in ("waitingFor", "pausedBy", "decidedBy") if rollout.get(key)),
        *(["fastTrack"] if rollout.get("fastTrack") else []),
    ]
    return ", ".join(parts)


def _clocks(rollout: Body) -> str:
    return ", ".join(f"{key} {rollout[key]}" for key in CLOCKS if rollout.get(key))


def _build(build: Body) -> str:
    reason = f", {build['reason']}" if build.get("reason") else ""
    return f"{build['id']}, {build['phase']}, attempt {build['attempt']}{reason}"


def _event(event: Event) -> str:
    warning = "Warning " if event.type is EventType.WARNING else ""
    return f"{warning}{event.reason}: {event.message}"


def _action(action: actions.Action, scene: Play) -> str | dict[str, Any]:
    match action:
        case actions.Create(body):
            return {f"Create {_name(body)}": _telling(body)}
        case actions.Apply(body):
            return {
                f"Apply {_name(body)}": _changes(
                    body, scene.world, apply_actions(scene.world, [action], scene.now)
                )
            }
        case actions.Scale(name=name, replicas=replicas):
            observed = scene.world.objects["Deployment", name]["spec"]["replicas"]
            return f"Scale Deployment {name}: {observed} → {replicas}"
        case actions.Delete(kind=kind, name=name):
            return f"Delete {kind} {name}"
        case actions.AnswerDecision(name=name, phase=phase, message=message):
            return f"AnswerDecision {name}: {phase}, {message}"
        case _:
            assert_never(action)


def _name(body: Body) -> str:
    return f"{body['kind']} {body['metadata']['name']}"


def _telling(body: Body) -> dict[str, Any]:
    fields = dict(_fields(body))
    wanted = TELLING_FIELDS[body["kind"]]
    return {path: value for path, value in fields.items() if path.startswith(wanted)}


def _changes(body: Body, before: SimulatedCluster, after: SimulatedCluster) -> dict[str, str]:
    """Return the fields that an Apply changes: path → old → new."""
    place = (body["kind"], body["metadata"]["name"])
    old, new = (dict(_fields(world.objects[place])) for world in (before, after))
    paths = [path for path in {**old, **new} if path not in NOISE and old.get(path) != new.get(path)]
    return {path: f"{old.get(path, ABSENT)} → {new.get(path, ABSENT)}" for path in paths}


def _fields(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf of an object with its path, as kubectl would write it; items of lists by their name."""
    match value:
        case dict():
            for key, below in value.items():
                step = f"[{key}]" if "/" in key else f".{key}" if path else key
                yield from _fields(below, f"{path}{step}")
        case list():
            for number, below in enumerate(value):
                label = below.get("name", number) if isinstance(below, dict) else number
                yield from _fields(below, f"{path}[{label}]")
        case _:
            yield path, value
