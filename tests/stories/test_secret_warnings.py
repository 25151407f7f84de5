"""Secrets are never copied: a warning says that a rollback cannot restore the old value."""

from __future__ import annotations

from seatrial.api import kinds
from seatrial.api.objects import Body
from tests.stories.specs import spec
from tests.stories.world import World, run_story

READS_A_SECRET = {"serving": {"envFrom": [{"secretRef": {"name": "keys"}}]}}
READS_A_CONFIG_MAP = {"serving": {"envFrom": [{"configMapRef": {"name": "keys"}}]}}


async def _warnings(world: World) -> list[Body]:
    events = await world.objects(kinds.EVENT)
    return [event for event in events if event["reason"] == "SecretNotRevertible"]


def test_changed_secret_emits_one_warning_that_rollback_cannot_restore_it() -> None:
    async def story(world: World) -> None:
        await world.apply_config("keys", {"k": "MQ=="}, kind=kinds.SECRET)
        first = await world.deploy({**spec("v1"), **READS_A_SECRET})
        assert await _warnings(world) == []
        await world.apply_config("keys", {"k": "Mg=="}, kind=kinds.SECRET)
        stable = first["stable"]["revision"]
        await world.wait_until(lambda s: s["stable"]["revision"] != stable and s["phase"] == "Healthy")
        (warning,) = await _warnings(world)
        assert (warning["type"], warning["count"]) == ("Warning", 1)
        assert "Secret keys" in warning["message"]
        assert stable in warning["message"]

    run_story(story)


def test_changed_spec_or_config_map_emits_no_secret_warning() -> None:
    async def story(world: World) -> None:
        await world.apply_config("keys", {"k": "1"})
        await world.deploy({**spec("v1"), **READS_A_CONFIG_MAP})
        await world.apply_config("keys", {"k": "2"})
        await world.wait(600)
        await world.apply_config("keys", {"k": "MQ=="}, kind=kinds.SECRET)
        await world.deploy({**spec("v2"), **READS_A_SECRET})
        assert await _warnings(world) == []

    run_story(story)
