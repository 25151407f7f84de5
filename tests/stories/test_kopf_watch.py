"""kopf's watch misses deletions while it is disconnected, and may stall: a second watch detects both."""

from __future__ import annotations

import logging

import pytest
from prometheus_client import generate_latest

from seatrial import handlers, main, options
from seatrial.api import kinds
from tests.stories.in_process_operator import InProcessOperator
from tests.stories.operator_transport import OperatorTransport
from tests.stories.specs import spec
from tests.stories.world import NAME, NAMESPACE, World, run_story

PHASE = f'seatrial_phase{{name="{NAME}"'
AGE = 'seatrial_watch_last_event_age_seconds{kind="ModelDeployment.seatrial.dev"}'


def _scraped(world: World) -> str:
    return generate_latest(world.operator.telemetry.registry).decode()


def _age(world: World) -> float:
    return float(next(line for line in _scraped(world).splitlines() if line.startswith(AGE)).split()[-1])


def test_deletion_missed_by_kopf_removes_the_object() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        assert PHASE in _scraped(world)
        world.processes[-1].drops_watch_events = True
        world.server.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, NAME)
        await world.wait(5)
        world.processes[-1].drops_watch_events = False
        assert len(world.operator.known) == 0
        assert PHASE not in _scraped(world)
        assert world.operator.stalled() == ""
        await world.deploy(spec("v1"))

    run_story(story)


def test_stalled_kopf_watch_fails_the_liveness_check() -> None:
    async def story(world: World) -> None:
        main.watch_gauges(world.operator)
        await world.deploy(spec("v1"))
        await world.wait(300)
        assert (world.operator.stalled(), _age(world) <= 61) == ("", True)
        world.processes[-1].drops_watch_events = True
        await world.apply(spec("v2"))
        await world.wait(55)
        assert world.operator.stalled() == ""
        await world.wait(10)
        assert world.operator.stalled().startswith(
            "kopf's watch of ModelDeployment.seatrial.dev owes a version"
        )
        assert _age(world) >= 65
        await world.restart_operator()
        await world.wait(5)
        assert world.operator.stalled() == ""

    run_story(story)


def test_reconciling_starts_after_kopf_has_delivered_every_object(caplog: pytest.LogCaptureFixture) -> None:
    async def story(world: World) -> None:
        caplog.set_level(logging.INFO, logger="seatrial.main")
        await world.kill_operator()
        one, other = await world.apply(spec("v1"), name="one"), await world.apply(spec("v2"), name="other")
        process = InProcessOperator(
            world.server,
            OperatorTransport(world.server, check_write=world.invariants.check_write),
            options.Options(settings=world.settings),
            world.now,
        )
        process.drops_watch_events = True
        world.processes.append(process)
        await process.start()
        known, queue = process.operator.known, process.operator.queue
        handlers.take(known, queue, "", one)
        await world.wait(30)
        assert (process.transport.writes, caplog.records) == ([], [])
        handlers.take(known, queue, "", other)
        await world.wait(1)
        assert [vars(record)["objects"] for record in caplog.records] == [2]
        assert process.transport.writes

    run_story(story, ends_idle=False)
