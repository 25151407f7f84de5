"""What nobody needs any more goes."""

from __future__ import annotations

from seatrial.api import kinds
from seatrial.children.decision_answers import KEPT
from tests.stories.specs import spec
from tests.stories.world import World, play


def test_of_many_answered_decisions_the_newest_stay() -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        await world.live(spec("v1"))
        made = []
        for _ in range(KEPT + 5):
            made.append(await world.decide("Abort", revision="0123456789", attempt=1))
            await world.wait(2)
        await world.answer(made[-1])
        await world.rest()
        left = {body["metadata"]["name"] for body in await world.all(kinds.ROLLOUT_DECISION)}
        assert left == {body["metadata"]["name"] for body in made[-KEPT:]}

    play(story)
