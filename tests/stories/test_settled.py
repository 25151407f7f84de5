"""A pipeline that waits for the condition Settled ends after a success and after a rejection alike."""

from __future__ import annotations

from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour, Fault
from tests.stories.conditions import condition_messages, condition_reasons, condition_statuses
from tests.stories.specs import failing_pods, spec
from tests.stories.world import World, run_story


def _settled(status: Body) -> bool:
    return condition_statuses(status)["Settled"] == "True"


def test_waiting_for_settled_ends_after_a_promotion_and_after_a_rejection() -> None:
    async def story(world: World) -> None:
        await world.apply(spec("v1"))
        promoted = await world.wait_until(_settled, seconds=60)
        assert condition_statuses(promoted)["Ready"] == "True"
        assert condition_reasons(promoted)["Settled"] == "Healthy"
        await world.apply(spec("v2"))
        await world.wait_until(lambda status: not _settled(status), seconds=10)
        rejected = await world.wait_until(_settled, seconds=120)
        assert (rejected["phase"], condition_statuses(rejected)["Ready"]) == ("Rejected", "False")
        assert condition_reasons(rejected)["Settled"] == "CrashLoop"
        assert "Retry" in condition_messages(rejected)["Settled"]
        generations = {c["type"]: c["observedGeneration"] for c in rejected["conditions"]}
        assert generations["Settled"] == rejected["observedGeneration"] == 2

    run_story(story, serving=failing_pods("v2", Behaviour(fault=Fault.CRASH_LOOP)))


def test_a_paused_rollout_is_not_settled_and_names_who_pauses_it() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        revision = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.decide("Pause", revision=revision, reason="lunch")
        paused = await world.wait_for_phase("Paused", seconds=20)
        assert (condition_statuses(paused)["Paused"], condition_statuses(paused)["Settled"]) == (
            "True",
            "False",
        )
        assert condition_reasons(paused)["Paused"] == "PausedByDecision"
        assert "lunch" in condition_messages(paused)["Paused"]

    run_story(story)


def test_a_pause_at_rest_shows_in_the_condition_and_in_the_message() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.apply({**spec("v1"), "paused": True})
        paused = await world.wait_until(lambda s: condition_statuses(s)["Paused"] == "True", seconds=20)
        assert (paused["phase"], condition_statuses(paused)["Ready"]) == ("Healthy", "True")
        assert condition_reasons(paused)["Paused"] == "PausedBySpec"
        assert "spec.paused is true" in paused["message"]

    run_story(story)


def test_the_weight_column_shows_what_one_pod_beside_one_really_receives() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1", replicas=1))
        status = await world.start_canary(spec("v2", replicas=1))
        assert (status["canary"]["weight"], status["summary"]["weight"]) == (25, 50)
        await world.wait_for_phase("Healthy")

    run_story(story)
