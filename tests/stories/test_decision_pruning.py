"""Completed decisions are deleted, except the newest ones."""

from __future__ import annotations

from seatrial.api import kinds
from seatrial.children.decision_answers import MAX_KEPT
from tests.stories.specs import spec
from tests.stories.world import World, run_story


def test_only_the_newest_completed_decisions_are_kept() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        decisions = []
        for _ in range(MAX_KEPT + 5):
            decisions.append(await world.decide("Abort", revision="0123456789", attempt=1))
            await world.wait(2)
        await world.wait_for_result(decisions[-1])
        await world.wait_until_idle()
        remaining = {body["metadata"]["name"] for body in await world.objects(kinds.ROLLOUT_DECISION)}
        assert remaining == {body["metadata"]["name"] for body in decisions[-MAX_KEPT:]}

    run_story(story)
