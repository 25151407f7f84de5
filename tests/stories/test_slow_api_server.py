"""A slow API server: traffic leaves a rejected revision first, nothing is sent twice, and less is sent at once."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

from seatrial.api import kinds, names
from tests.stories.specs import spec
from tests.stories.world import NAME, NAMESPACE, World, run_story

LATENCY = 5.0
BOUND = 2 * LATENCY + 0.5
"""Seconds: the decision is stored, then traffic leaves the canary; nothing is waited for but these two writes."""
OTHERS = 30


def _reaches_stable_alone(world: World) -> bool:
    service = world.server.look(kinds.SERVICE, NAMESPACE, NAME) or {}
    return names.LABEL_REVISION in service["spec"]["selector"]


async def _seconds_until_stable_alone(world: World) -> float:
    began = asyncio.get_running_loop().time()
    while not _reaches_stable_alone(world):
        await world.wait(0.1)
        assert asyncio.get_running_loop().time() - began < 120, "the canary keeps its traffic"
    return asyncio.get_running_loop().time() - began


async def _apply_others(world: World) -> None:
    await asyncio.gather(*(world.apply(spec("v1"), name=f"other-{number}") for number in range(OTHERS)))


def _created_twice(world: World) -> list[tuple[str, str]]:
    """Return path and name of the children that were tried to be created more than once."""
    creations = (request for request in world.transport.attempts if request.method == "POST")
    tries = Counter((r.path, json.loads(r.body or b"{}")["metadata"]["name"]) for r in creations)
    return [child for child, times in tries.items() if times > 1]


@pytest.mark.parametrize("busy", [False, True], ids=["alone", "while other objects are created"])
def test_an_abort_takes_the_traffic_within_two_slow_writes(busy: bool) -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        revision = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.wait_for_quiet()
        if busy:
            await _apply_others(world)
        world.transport.write_latency = LATENCY
        await world.wait(2)
        await world.decide("Abort", revision=revision, attempt=1)
        assert await _seconds_until_stable_alone(world) <= BOUND
        world.transport.write_latency = 0.0

    run_story(story)


def test_a_burst_on_a_slow_server_repeats_no_write() -> None:
    async def story(world: World) -> None:
        await world.kill_operator()
        await _apply_others(world)
        await world.start_operator()
        world.transport.seconds_per_write = 0.3
        await asyncio.gather(
            *(world.wait_for_phase("Healthy", name=f"other-{number}") for number in range(OTHERS))
        )
        assert _created_twice(world) == []
        world.transport.seconds_per_write = 0.0

    run_story(story)
