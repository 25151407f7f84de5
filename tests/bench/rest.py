"""What it costs when there is nothing to do: a pass, a minute of rest, a restart."""

from __future__ import annotations

import asyncio
import time

from seatrial.api import kinds
from tests.bench import machine
from tests.bench.report import Row
from tests.bench.stage import Size, Stage, difference

TOUCHED = 200
PACE = 0.03
"""Seconds between two touches: so long that no pass waits for another."""


async def no_op(stage: Stage, _size: Size) -> list[Row]:
    """An annotation of some objects is touched: a pass of each, and nothing to do."""
    objects = [body["metadata"]["name"] for body in await stage.user.all(kinds.MODEL_DEPLOYMENT)][:TOUCHED]
    await stage.quiet()
    before, cpu = stage.operator.samples(), machine.cpu_seconds(stage.operator.pid)
    for name in objects:
        patch = {"metadata": {"annotations": {"bench.seatrial.dev/touched": str(time.time())}}}
        await stage.user.patch(kinds.MODEL_DEPLOYMENT, name, patch)
        await asyncio.sleep(PACE)
    spent = machine.cpu_seconds(stage.operator.pid) - cpu
    await stage.quiet()
    after = stage.operator.samples()
    passes = difference(before, after, "seatrial_reconcile_duration_seconds_count")
    taken = difference(before, after, "seatrial_reconcile_duration_seconds_sum")
    assert passes >= len(objects)
    return [
        Row(
            what="a pass that has nothing to do, mean",
            value=1000 * taken / passes,
            unit="ms",
            peer="about 28 ms",
            budget=5,
        ),
        Row(what="… with its event", value=1000 * spent / passes, unit="ms of CPU"),
        Row(what="… writes", value=difference(before, after, "seatrial_api_writes_total"), budget=0),
    ]


async def idle(stage: Stage, size: Size) -> list[Row]:
    """Nobody does anything."""
    objects = len(await stage.user.all(kinds.MODEL_DEPLOYMENT))
    await stage.quiet()
    writes, cpu = await stage.operator.writes(), machine.cpu_seconds(stage.operator.pid)
    began = time.monotonic()
    await asyncio.sleep(size.idle)
    share = (machine.cpu_seconds(stage.operator.pid) - cpu) / (time.monotonic() - began)
    written = await stage.operator.writes() - writes
    what = f"{objects:,} at rest for {size.idle:.0f} s"
    memory = machine.resident(stage.operator.pid)
    return [
        Row(what=f"{what}: writes", value=written, peer="leases only", budget=0),
        Row(what=f"{what}: a core", value=100 * share, unit="%", peer="0.21 %", budget=0.5),
        Row(what=f"{what}: memory", value=memory, unit="MiB", peer="152 MiB", budget=200),
    ]


async def restart(stage: Stage, size: Size) -> list[Row]:
    """The operator ends, another begins and has looked at every object."""
    objects = len(await stage.user.all(kinds.MODEL_DEPLOYMENT))
    began = time.monotonic()
    stopping = time.monotonic()
    operator = await stage.restarted()
    stopped = time.monotonic() - stopping
    began = time.monotonic()
    await operator.working()
    working = time.monotonic() - began
    await operator.passed_over(objects)
    caught_up = time.monotonic() - began
    cpu = machine.cpu_seconds(operator.pid)
    await stage.quiet()
    what = f"restart with {objects:,}"
    full = size.burst == Size().burst
    return [
        Row(what=f"{what}: told to end → ended", value=stopped, unit="s"),
        Row(what=f"{what}: process → working", value=working, unit="s"),
        Row(
            what=f"{what}: process → all looked at",
            value=caught_up,
            unit="s",
            peer="17–18 s / 1.4 s tuned",
            budget=4 if full else None,
        ),
        Row(what=f"{what}: until then", value=cpu, unit="s of CPU"),
        Row(what=f"{what}: writes", value=await operator.writes(), peer="about 280", budget=0),
        Row(what=f"{what}: memory", value=machine.resident(operator.pid), unit="MiB", budget=200),
    ]
