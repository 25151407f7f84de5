"""Odd specs on an API server: no pass is a bug, and the last good spec is served again in the time of a rollout."""

from __future__ import annotations

import os
import random
from typing import Final

import pytest

from tests.random_specs import RandomSpecs
from tests.stories.specs import spec
from tests.stories.world import World, run_story

SEED: Final = int(os.environ.get("SEATRIAL_RANDOM_SEED", "1"))
COUNT: Final = int(os.environ.get("SEATRIAL_RANDOM_STORIES", "12"))
"""More of them for a longer run."""
GOOD: Final = spec("v1", replicas=2, steps=[{"weight": 50, "hold": "30s"}])
ROLLOUT: Final = 30 + 30 + 4 * 5
"""Seconds of a normal rollout: the step is held, the old pods are kept for a while, and pods start and stop."""


@pytest.mark.parametrize("seed", range(SEED, SEED + COUNT))
def test_last_good_spec_is_served_again_after_odd_ones(seed: int) -> None:
    odd, chance = RandomSpecs(seed), random.Random(seed)

    async def story(world: World) -> None:
        world.invariants.outages_allowed = (
            True  # an odd spec may ask for no replicas, or to stop stable first
        )
        revision = (await world.deploy(GOOD))["stable"]["revision"]
        for _ in range(chance.randint(1, 3)):
            await world.apply(odd.spec(GOOD))
            await world.wait(chance.choice((0.1, 2, 10, 40, 300)))
        await world.apply(GOOD)
        status = await world.wait_for_phase("Healthy", seconds=ROLLOUT)
        assert status["stable"]["revision"] == revision

    run_story(story)
