"""kopf's watch misses what is deleted while it is away, and may fall silent: a second watch notices both."""

from __future__ import annotations

import logging

import pytest
from prometheus_client import generate_latest

from seatrial import handlers, main, options
from seatrial.api import kinds
from tests.stories.in_process_operator import Process
from tests.stories.operator_transport import Line
from tests.stories.specs import spec
from tests.stories.world import NAME, NAMESPACE, World, play

PHASE = f'seatrial_phase{{name="{NAME}"'
AGE = 'seatrial_watch_last_event_age_seconds{kind="ModelDeployment.seatrial.dev"}'


def _scraped(world: World) -> str:
    return generate_latest(world.operator.telemetry.registry).decode()


def _age(world: World) -> float:
    return float(next(line for line in _scraped(world).splitlines() if line.startswith(AGE)).split()[-1])


def test_an_object_whose_deletion_kopf_missed_is_forgotten() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        assert PHASE in _scraped(world)
        world.processes[-1].deaf = True
        world.server.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, NAME)
        await world.wait(5)
        world.processes[-1].deaf = False
        assert len(world.operator.known) == 0
        assert PHASE not in _scraped(world)
        assert world.operator.stalled() == ""
        await world.live(spec("v1"))

    play(story)


def test_an_operator_whose_kopf_has_fallen_silent_says_that_it_is_sick() -> None:
    async def story(world: World) -> None:
        main.watch_gauges(world.operator)
        await world.live(spec("v1"))
        await world.wait(300)
        assert (world.operator.stalled(), _age(world) <= 61) == ("", True)
        world.processes[-1].deaf = True
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

    play(story)


def test_no_pass_begins_before_kopf_has_told_of_every_object(caplog: pytest.LogCaptureFixture) -> None:
    async def story(world: World) -> None:
        caplog.set_level(logging.INFO, logger="seatrial.main")
        await world.kill_operator()
        one, other = await world.apply(spec("v1"), name="one"), await world.apply(spec("v2"), name="other")
        process = Process(
            world.server,
            Line(world.server, judge=world.watcher.judge),
            options.Options(settings=world.settings),
            world.now,
        )
        process.deaf = True
        world.processes.append(process)
        await process.start()
        known, queue = process.operator.known, process.operator.queue
        handlers.take(known, queue, "", one)
        await world.wait(30)
        assert (process.line.writes, caplog.records) == ([], [])
        handlers.take(known, queue, "", other)
        await world.wait(1)
        assert [vars(record)["objects"] for record in caplog.records] == [2]
        assert process.line.writes

    play(story, rests=False)
