"""Secrets are never copied: that a rollback cannot undo them is said when it begins to matter."""

from __future__ import annotations

from seatrial.api import kinds
from seatrial.api.objects import Body
from tests.stories.specs import spec
from tests.stories.world import World, play

READS_A_SECRET = {"serving": {"envFrom": [{"secretRef": {"name": "keys"}}]}}
READS_A_CONFIG_MAP = {"serving": {"envFrom": [{"configMapRef": {"name": "keys"}}]}}


async def _warnings(world: World) -> list[Body]:
    events = await world.all(kinds.EVENT)
    return [event for event in events if event["reason"] == "SecretNotRevertible"]


def test_a_revision_that_a_changed_secret_began_carries_a_warning_once() -> None:
    async def story(world: World) -> None:
        await world.configure("keys", {"k": "MQ=="}, kind=kinds.SECRET)
        first = await world.live({**spec("v1"), **READS_A_SECRET})
        assert await _warnings(world) == []
        await world.configure("keys", {"k": "Mg=="}, kind=kinds.SECRET)
        stable = first["stable"]["revision"]
        await world.until(lambda s: s["stable"]["revision"] != stable and s["phase"] == "Healthy")
        (warning,) = await _warnings(world)
        assert (warning["type"], warning["count"]) == ("Warning", 1)
        assert "Secret keys" in warning["message"]
        assert f"going back to {stable} cannot undo" in warning["message"]

    play(story)


def test_a_changed_spec_or_config_map_carries_none() -> None:
    async def story(world: World) -> None:
        await world.configure("keys", {"k": "1"})
        await world.live({**spec("v1"), **READS_A_CONFIG_MAP})
        await world.configure("keys", {"k": "2"})
        await world.wait(600)
        await world.configure("keys", {"k": "MQ=="}, kind=kinds.SECRET)
        await world.live({**spec("v2"), **READS_A_SECRET})
        assert await _warnings(world) == []

    play(story)
