"""Many objects at once: ours beside the floor of the same run, on a quiet machine and beside a busy neighbour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from seatrial.api import kinds
from tests.bench import machine, milestones, plain
from tests.bench.figures import seconds
from tests.bench.report import Row
from tests.bench.speed import OURS, PLAIN, Ask, at_once, expect_objects
from tests.bench.stage import Size, Stage
from tests.live import cluster_user

PATIENCE: Final = 900.0
"""Seconds: beside a neighbour everything takes several times as long."""
LEFT_BY_THE_FLOOR: Final = (kinds.POD, kinds.REPLICA_SET, kinds.ENDPOINT_SLICE)
"""Cleared away before ours begin: the cluster's own controllers would do it at their cost."""
QUIET_FACTOR: Final = 1.6
BUSY_FACTOR: Final = 2.5
WRITES: Final = 6.1
"""Of the operator for one object, until it is Healthy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What it took until many objects were Healthy. Seconds, seconds of CPU, and writes per object."""

    children: float
    healthy: float
    operator: float
    server: float
    writes: float
    all_writes: float
    failed_writes: int


async def quiet(stage: Stage, size: Size) -> list[Row]:
    """All at once on a machine that does nothing else: the floor first, so that what it leaves is gone before."""
    floor, ours = await _both(stage, [f"burst-{number}" for number in range(size.burst)])
    count = f"{size.burst:,} at once"
    full = size.burst == Size().burst
    return [
        Row(
            what=f"{count}: all children",
            value=ours.children,
            unit="s",
            floor=floor.children,
            peer="51 s / 18 s tuned (floor 15)",
            budget=17 if full else None,
        ),
        Row(
            what=f"{count}: all Healthy",
            value=ours.healthy,
            unit="s",
            floor=floor.healthy,
            peer="123–130 s / 33–45 s tuned (floor 17)",
            budget=30 if full else None,
        ),
        Row(
            what=f"{count}: API server",
            value=ours.server,
            unit="s of CPU",
            floor=floor.server,
            peer="84–90 s / 55 s tuned (floor 21)",
        ),
        Row(what=f"{count}: all writes per object", value=ours.all_writes, floor=floor.all_writes),
        *_compared(count, ours, floor, factor=QUIET_FACTOR if full else None),
    ]


async def beside_a_busy_neighbour(stage: Stage, size: Size) -> list[Row]:
    """All at once, while other processes would use every core alone."""
    with machine.busy_neighbour():
        floor, ours = await _both(stage, [f"crowded-{number}" for number in range(size.crowded)])
    count = f"{size.crowded:,} at once beside a busy neighbour"
    full = size.crowded == Size().crowded
    return [
        Row(what=f"{count}: all children", value=ours.children, unit="s", floor=floor.children),
        Row(what=f"{count}: all Healthy", value=ours.healthy, unit="s", floor=floor.healthy),
        Row(what=f"{count}: API server", value=ours.server, unit="s of CPU", floor=floor.server),
        *_compared(count, ours, floor, factor=BUSY_FACTOR if full else None),
    ]


def _compared(count: str, ours: Burst, floor: Burst, *, factor: float | None) -> Iterator[Row]:
    """Yield how ours compares with the floor of the same run, and what it wrote for that."""
    yield Row(what=f"{count}: all Healthy, × floor", value=ours.healthy / floor.healthy, budget=factor)
    yield Row(what=f"{count}: operator", value=ours.operator, unit="s of CPU")
    yield Row(
        what=f"{count}: writes of the operator per object",
        value=ours.writes,
        peer="10–14",
        budget=WRITES,
    )
    yield Row(what=f"{count}: failed writes", value=ours.failed_writes, floor=floor.failed_writes, budget=0)


async def _both(stage: Stage, wanted: list[str]) -> tuple[Burst, Burst]:
    """Return the floor and ours, measured one after the other."""
    expect_objects(stage)
    ends = (*PLAIN, "plain_healthy")
    floor = await _burst(stage, wanted, lambda name: plain.create(stage.user, name), ends)
    await plain.delete_all(stage.user)
    for kind in LEFT_BY_THE_FLOOR:
        await stage.user.until_left(kind, label=milestones.PLAIN, patience=PATIENCE)
    ask: Ask = lambda name: stage.user.apply(name, cluster_user.spec())  # noqa: E731 - as short as its twin above
    return floor, await _burst(stage, wanted, ask, (*OURS, "healthy"))


async def _burst(stage: Stage, wanted: list[str], ask: Ask, ends: tuple[str, ...]) -> Burst:
    operator, server = stage.operator, machine.pid_of(stage.lab, "kube-apiserver")
    writes, before = await operator.writes(), await machine.server_writes(stage.user)
    cpu, spent = machine.cpu_seconds(operator.pid), machine.cpu_seconds(server)
    begun = await at_once(wanted, ask)
    for milestone in ends:
        await stage.timeline.all(milestone, wanted, patience=PATIENCE)
    operator_cpu = machine.cpu_seconds(operator.pid) - cpu
    server_cpu = machine.cpu_seconds(server) - spent
    await stage.quiet()
    after = await machine.server_writes(stage.user)
    return Burst(
        children=seconds(stage.timeline, begun, ends[:-1]),
        healthy=seconds(stage.timeline, begun, ends[-1:]),
        operator=operator_cpu,
        server=server_cpu,
        writes=(await operator.writes() - writes) / len(wanted),
        all_writes=(after.carried_out - before.carried_out) / len(wanted),
        failed_writes=after.failed - before.failed,
    )
