"""Completed decisions are deleted, except the newest ones."""

from __future__ import annotations

from seatrial.api import kinds
from seatrial.children.decision_answers import LONGEST_KEPT, MAX_KEPT
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


async def _restart_after_a_month(world: World) -> None:
    """Let no operator run for a month, which would be half a million renewals of its lease, then start one."""
    await world.kill_operator()
    await world.wait(LONGEST_KEPT.total_seconds())
    await world.start_operator()
    await world.wait_until_idle()


def test_a_decision_of_a_month_ago_goes_unless_it_explains_the_history() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        revision = (await world.start_canary(spec("v2")))["canary"]["revision"]
        taken = await world.decide("Abort", revision=revision, attempt=1)
        refused = await world.decide("Abort", revision="0123456789", attempt=1)
        await world.wait_for_result(refused)
        await world.wait_until_idle()
        await _restart_after_a_month(world)
        remaining = {body["metadata"]["name"] for body in await world.objects(kinds.ROLLOUT_DECISION)}
        assert (taken["metadata"]["name"] in remaining, len(remaining)) == (True, 1)

    run_story(story)


def test_a_decision_about_a_deleted_object_goes_after_a_month() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        mistyped = await world.decide("Abort", revision="0123456789", attempt=1, deployment="chrun")
        await world.wait_for_result(mistyped)
        assert len(await world.objects(kinds.ROLLOUT_DECISION)) == 1
        await _restart_after_a_month(world)
        assert await world.objects(kinds.ROLLOUT_DECISION) == []

    run_story(story)
