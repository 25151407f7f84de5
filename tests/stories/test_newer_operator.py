"""A status that a newer operator has written is kept: this version decides nothing on what it does not know."""

from __future__ import annotations

from seatrial.api import kinds
from tests.stories.conditions import condition_reasons
from tests.stories.specs import spec
from tests.stories.world import NAME, World, run_story

NEWER_PHASE = "Gating"


def test_a_phase_of_a_newer_version_holds_the_rollout_and_keeps_its_state() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        status = await world.start_canary(spec("v2"))
        await world.kill_operator()
        rollout = {**status["rollout"], "phase": NEWER_PHASE, "decisions": ["uid-1"]}
        await _write_status(world, {**status, "rollout": rollout})
        children = await _children(world)
        await world.start_operator()
        held = await world.wait_until(lambda s: condition_reasons(s).get("Stalled") == "NewerVersion")
        assert held["rollout"] == rollout
        assert (held["stable"], held["canary"]) == (status["stable"], status["canary"])
        assert f"rollout.phase={NEWER_PHASE}" in held["message"]
        writes = len(world.transport.writes)
        await world.wait(3600)
        assert len(world.transport.writes) == writes
        assert await _children(world) == children

    run_story(story, ends_idle=False)


def test_the_rollout_continues_once_the_value_is_known_again() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        status = await world.start_canary(spec("v2"))
        await world.kill_operator()
        newer = {**status, "rollout": {**status["rollout"], "phase": NEWER_PHASE}}
        await _write_status(world, newer)
        await world.start_operator()
        await world.wait_until(lambda s: condition_reasons(s).get("Stalled") == "NewerVersion")
        await _write_status(world, status)
        await world.wait_for_promotion(status["canary"]["revision"])

    run_story(story)


async def _write_status(world: World, status: dict[str, object]) -> None:
    body = await world.get(kinds.MODEL_DEPLOYMENT, NAME)
    await world.client.replace_status(kinds.MODEL_DEPLOYMENT, {**body, "status": status})


async def _children(world: World) -> list[tuple[str, str]]:
    listed = [body for kind in (kinds.DEPLOYMENT, kinds.SERVICE) for body in await world.objects(kind)]
    return [(body["metadata"]["name"], body["metadata"]["resourceVersion"]) for body in listed]
