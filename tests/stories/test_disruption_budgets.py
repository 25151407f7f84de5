"""Which pods a drain may evict."""

from __future__ import annotations

from seatrial.api import kinds
from seatrial.api.names import LABEL_REVISION, LABEL_SERVER
from tests.stories.specs import spec
from tests.stories.world import NAME, World, run_story


def test_each_revision_in_service_has_a_disruption_budget_of_its_own() -> None:
    """A canary without traffic serves nobody: whatever its pods do, stable can be drained as without it."""

    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        status = await world.start_canary(spec("v2", steps=[{"weight": 25, "hold": "10m"}]), weight=0)
        stable, canary = status["stable"]["revision"], status["canary"]["revision"]
        (budget,) = world.server.all(kinds.PDB)
        assert budget["metadata"]["name"] == f"{NAME}-{stable}"
        assert budget["spec"]["selector"]["matchLabels"] == {LABEL_SERVER: NAME, LABEL_REVISION: stable}
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
        await world.wait_until(lambda s: s["canary"]["weight"] == 25)
        await world.wait(5)
        names = {body["metadata"]["name"] for body in world.server.all(kinds.PDB)}
        assert names == {f"{NAME}-{stable}", f"{NAME}-{canary}"}
        await world.wait_for_promotion(canary)
        await world.wait(120)
        assert [body["metadata"]["name"] for body in world.server.all(kinds.PDB)] == [f"{NAME}-{canary}"]

    run_story(story)
