"""How long it takes: from apply to children and Healthy, from an image to its canary, from an abort to stable."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from seatrial.api import kinds, names
from seatrial.api.objects import Body
from tests.bench import milestones, plain
from tests.bench.figures import milliseconds, p50, p95
from tests.bench.report import Row
from tests.bench.stage import Size, Stage
from tests.live import cluster_user

OURS: Final = ("deployment", "service")
PLAIN: Final = ("plain_replica_set", "plain_service")
LONG: Final = [{"weight": 50, "hold": "1h"}]
STEP_GAP: Final = 0.5
"""Seconds between one object's step and the next one's."""
USER: Final = "lab:admin"

Ask = Callable[[str], Awaitable[Any]]


def expect_objects(stage: Stage) -> None:
    stage.timeline.watch_for(
        deployment=milestones.child(kinds.DEPLOYMENT),
        service=milestones.child(kinds.SERVICE),
        healthy=milestones.healthy,
        plain_replica_set=milestones.child(kinds.REPLICA_SET, milestones.PLAIN),
        plain_service=milestones.child(kinds.SERVICE, milestones.PLAIN),
        plain_healthy=milestones.plain_available,
    )


async def _asked(name: str, ask: Ask, begun: dict[str, float]) -> None:
    begun[name] = time.monotonic()
    await ask(name)


async def _in_turn(wanted: Iterable[str], gap: float, ask: Ask) -> dict[str, float]:
    """Asked one after the other, at a fixed pace."""
    begun: dict[str, float] = {}
    due = time.monotonic()
    for name in wanted:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await _asked(name, ask, begun)
        due += gap
    return begun


async def at_once(wanted: Iterable[str], ask: Ask) -> dict[str, float]:
    begun: dict[str, float] = {}
    await asyncio.gather(*(_asked(name, ask, begun) for name in wanted))
    return begun


async def paced(stage: Stage, size: Size) -> list[Row]:
    """One object after the other: ours, then the floor's."""
    user, timeline = stage.user, stage.timeline
    expect_objects(stage)
    wanted = [f"paced-{number}" for number in range(size.paced)]
    before = await stage.operator.writes()
    ours = await _in_turn(wanted, size.gap, lambda name: user.apply(name, cluster_user.spec()))
    await timeline.all("healthy", wanted)
    await stage.quiet()
    writes = await stage.operator.writes() - before
    floor = await _in_turn(wanted, size.gap, lambda name: plain.create(user, name))
    await timeline.all("plain_healthy", wanted)
    await plain.delete_all(user)
    children, plain_children = milliseconds(timeline, ours, OURS), milliseconds(timeline, floor, PLAIN)
    well = milliseconds(timeline, ours, ["healthy"])
    plain_well = milliseconds(timeline, floor, ["plain_healthy"])
    pace = f"{1 / size.gap:.0f}/s"
    return [
        Row(
            what=f"apply → children at {pace}, p50",
            value=p50(children),
            unit="ms",
            floor=p50(plain_children),
            peer="12–19 ms (floor 8)",
            budget=30,
        ),
        Row(
            what=f"apply → children at {pace}, p95",
            value=p95(children),
            unit="ms",
            floor=p95(plain_children),
            budget=100,
        ),
        Row(what=f"apply → Healthy at {pace}, p50", value=p50(well), unit="ms", floor=p50(plain_well)),
        Row(what=f"apply → Healthy at {pace}, p95", value=p95(well), unit="ms", floor=p95(plain_well)),
        Row(what="writes of the operator per object", value=writes / size.paced, peer="10–14", budget=6),
    ]


async def steps(stage: Stage, size: Size) -> list[Row]:
    """A new image, and an abort once its canary has users: of some objects, in turn."""
    wanted = [f"paced-{number}" for number in range(min(size.several, size.paced))]
    plain_made, plain_narrow = await _floor_of_steps(stage, wanted)
    known = {body["metadata"]["name"] for body in await stage.user.all(kinds.DEPLOYMENT)}
    stage.timeline.watch_for(canary=milestones.new_child(kinds.DEPLOYMENT, known), users=milestones.has_users)
    asked = cluster_user.spec(2, steps=LONG, scaleDownDelay=size.undisturbed)
    begun = await _in_turn(wanted, STEP_GAP, lambda name: stage.user.apply(name, asked))
    await stage.timeline.all("users", wanted)
    made = milliseconds(stage.timeline, begun, ["canary"])
    await stage.quiet()
    revisions = {name: (await stage.user.get(name))["status"]["canary"]["revision"] for name in wanted}
    stage.timeline.watch_for(narrow=milestones.narrow, rejected=milestones.rejected)
    begun = await _in_turn(wanted, STEP_GAP, lambda name: _abort(stage, name, revisions[name]))
    await stage.timeline.all("narrow", wanted)
    aborted = milliseconds(stage.timeline, begun, ["narrow"])
    await stage.timeline.all("rejected", wanted)
    return [
        Row(
            what="new image → its Deployment, p50",
            value=p50(made),
            unit="ms",
            floor=plain_made,
            peer="11–22 ms",
        ),
        Row(
            what="abort → Service at stable alone, p50",
            value=p50(aborted),
            unit="ms",
            floor=plain_narrow,
            peer="36–51 ms",
            budget=100,
        ),
        Row(what="abort → Service at stable alone, p95", value=p95(aborted), unit="ms"),
    ]


async def _abort(stage: Stage, name: str, revision: str) -> Body:
    spec = {"deployment": name, "action": "Abort", "revision": revision, "attempt": 1, "decidedBy": USER}
    head = {"generateName": f"{name}-", "namespace": stage.user.namespace}
    body = {"apiVersion": names.API_VERSION, "kind": names.DECISION_KIND, "metadata": head, "spec": spec}
    return await stage.user.create(kinds.ROLLOUT_DECISION, body)


async def _floor_of_steps(stage: Stage, wanted: list[str]) -> tuple[float, float]:
    """The same of plain objects: a new image's ReplicaSet, a Service's selector; medians in milliseconds."""
    user, timeline = stage.user, stage.timeline
    expect_objects(stage)
    await at_once(wanted, lambda name: plain.create(user, name))
    await timeline.all("plain_healthy", wanted)
    known = {body["metadata"]["name"] for body in await user.all(kinds.REPLICA_SET)}
    timeline.watch_for(
        plain_new=milestones.new_child(kinds.REPLICA_SET, known, milestones.PLAIN),
        plain_narrow=milestones.plain_narrow,
    )
    begun = await _in_turn(wanted, STEP_GAP, lambda name: plain.new_image(user, name))
    await timeline.all("plain_new", wanted)
    made = p50(milliseconds(timeline, begun, ["plain_new"]))
    begun = await _in_turn(wanted, STEP_GAP, lambda name: plain.narrow(user, name))
    await timeline.all("plain_narrow", wanted)
    await plain.delete_all(user)
    return made, p50(milliseconds(timeline, begun, ["plain_narrow"]))
