"""RolloutDecisions: when each action is accepted, what it does, and why it is rejected."""

from __future__ import annotations

import pytest

from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour, Fault
from tests.stories.specs import failing_pods, spec
from tests.stories.world import World, run_story


async def _canary_at_first_step(world: World) -> str:
    """Deploy v1, start a canary of v2 and return its revision."""
    await world.install_decision_policy()
    await world.deploy(spec("v1"))
    return str((await world.start_canary(spec("v2")))["canary"]["revision"])


async def _decide(world: World, action: str, **spec: object) -> Body:
    answer = await world.wait_for_result(await world.decide(action, **spec))
    assert answer["phase"] == "Taken", answer
    return await world.status()


def test_promote_decision_promotes_the_canary_immediately() -> None:
    async def story(world: World) -> None:
        revision = await _canary_at_first_step(world)
        await _decide(world, "Promote", revision=revision, attempt=1)
        last = await world.wait_for_promotion(revision, seconds=20)
        assert last["history"][0]["decidedBy"] == "jo@shop.io"

    run_story(story)


def test_promote_decision_during_starting_skips_the_steps() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        await world.apply(spec("v2"))
        revision = (await world.wait_until(lambda s: s["rollout"]["phase"] == "Starting"))["rollout"][
            "revision"
        ]
        await _decide(world, "Promote", revision=revision, attempt=1)
        await world.wait_for_promotion(revision, seconds=20)

    run_story(story)


def test_skip_decision_ends_one_step() -> None:
    async def story(world: World) -> None:
        revision = await _canary_at_first_step(world)
        await _decide(world, "Skip", revision=revision, step=1)
        await world.wait_until(lambda s: s["canary"]["weight"] == 50, seconds=10)
        again = await world.wait_for_result(await world.decide("Skip", revision=revision, step=1))
        assert again["phase"] == "Refused"
        assert "step 2" in again["message"]

    run_story(story)


def test_pause_decision_freezes_weight_and_hold_until_resume() -> None:
    async def story(world: World) -> None:
        revision = await _canary_at_first_step(world)
        await world.wait(30)
        await _decide(world, "Pause", revision=revision)
        await world.wait(1800)
        held = await world.status()
        assert (held["phase"], held["canary"]["weight"]) == ("Paused", 25)
        assert (held["rollout"]["pausedBy"], held["rollout"]["decidedBy"]) == ("Decision", "jo@shop.io")
        await _decide(world, "Resume", revision=revision)
        await world.wait(20)
        assert (await world.status())["canary"]["weight"] == 25
        await world.wait_until(lambda s: s["canary"]["weight"] == 50, seconds=15)

    run_story(story)


def test_promote_decision_during_a_pause_skips_the_remaining_steps() -> None:
    async def story(world: World) -> None:
        revision = await _canary_at_first_step(world)
        await _decide(world, "Pause", revision=revision)
        await _decide(world, "Promote", revision=revision, attempt=1)
        await _decide(world, "Pause", revision=revision)
        await _decide(world, "Resume", revision=revision)
        await world.wait_for_promotion(revision, seconds=20)

    run_story(story)


def test_spec_paused_holds_the_rollout_until_it_is_removed() -> None:
    async def story(world: World) -> None:
        revision = await _canary_at_first_step(world)
        await world.apply({**spec("v2"), "paused": True})
        held = await world.wait_for_phase("Paused", seconds=5)
        assert held["rollout"]["pausedBy"] == "Spec"
        refused = await world.wait_for_result(await world.decide("Resume", revision=revision))
        assert (refused["phase"], "spec.paused" in refused["message"]) == ("Refused", True)
        await world.wait(900)
        assert (await world.status())["canary"]["weight"] == 25
        await world.apply(spec("v2"))
        await world.wait_for_promotion(revision, seconds=180)

    run_story(story)


@pytest.mark.parametrize(
    ("action", "fields", "fact"),
    [
        pytest.param("Promote", {"revision": "0123456789", "attempt": 1}, "{canary}", id="another revision"),
        pytest.param("Promote", {"attempt": 2}, "attempt 1", id="another attempt"),
        pytest.param("Abort", {"attempt": 7}, "attempt 1", id="abort of another attempt"),
        pytest.param("Skip", {"step": 2}, "step 1", id="another step"),
        pytest.param("Resume", {}, "paused", id="resume without a pause"),
        pytest.param("Retry", {"attempt": 1}, "rejected", id="retry of a running rollout"),
        pytest.param("Rollback", {"toRevision": "0123456789"}, "{stable}", id="rollback of a canary"),
    ],
)
def test_inapplicable_decision_is_rejected_with_its_reason(action: str, fields: Body, fact: str) -> None:
    async def story(world: World) -> None:
        revision = await _canary_at_first_step(world)
        answer = await world.wait_for_result(await world.decide(action, **{"revision": revision, **fields}))
        assert answer["phase"] == "Refused"
        status = await world.status()
        assert fact.format(canary=revision, stable=status["stable"]["revision"]) in answer["message"]
        assert (status["canary"]["weight"], status["rollout"].get("decisions")) == (25, None)

    run_story(story)


def test_answer_to_an_abort_says_what_happened_to_the_traffic() -> None:
    async def story(world: World) -> None:
        revision = await _canary_at_first_step(world)
        stable = (await world.status())["stable"]["revision"]
        answer = await world.wait_for_result(await world.decide("Abort", revision=revision, attempt=1))
        assert all(part in answer["message"] for part in (revision, "25 %", stable))
        assert (await world.status())["canary"]["weight"] == 0

    run_story(story)


def test_decision_older_than_the_rollout_is_rejected() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        await world.kill_operator()
        await world.apply(spec("v2"))
        await world.start_operator()
        revision = (await world.wait_until(lambda s: s["canary"]["weight"] == 25))["canary"]["revision"]
        await world.apply(spec("v1"))
        await world.wait_for_phase("Healthy")
        await world.kill_operator()
        stale = await world.decide("Abort", revision=revision, attempt=1)
        await world.wait(5)
        await world.apply(spec("v2"))
        await world.start_operator()
        answer = await world.wait_for_result(stale)
        assert answer["phase"] == "Refused"
        await world.wait_for_promotion(revision)

    run_story(story)


def test_decision_is_applied_once_when_the_operator_crashes() -> None:
    async def story(world: World) -> None:
        revision = await _canary_at_first_step(world)
        await world.wait_for_quiet()
        world.transport.crash_at(len(world.transport.writes) + 1, "after")
        decision = await world.decide("Skip", revision=revision, step=1)
        await world.wait(5)
        assert world.transport.crashed
        assert not (await world.decision_status(decision))
        await world.restart_operator()
        assert (await world.wait_for_result(decision))["phase"] == "Taken"
        status = await world.wait_until(lambda s: s["canary"]["weight"] == 50)
        assert status["rollout"]["decisions"] == [decision["metadata"]["uid"]]
        assert status["rollout"]["step"] == 2
        await world.wait(30)
        assert (await world.status())["rollout"]["step"] == 2

    run_story(story)


def test_decisions_are_rejected_without_the_admission_policy() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        revision = (await world.start_canary(spec("v2")))["canary"]["revision"]
        answer = await world.wait_for_result(await world.decide("Abort", revision=revision, attempt=1))
        assert answer["phase"] == "Refused"
        assert "seatrial-decisions" in answer["message"]
        assert (await world.status())["canary"]["weight"] == 25

    run_story(story)


def test_unverified_decisions_can_be_enabled_and_are_recorded_as_such() -> None:
    async def story(world: World) -> None:
        world.settings = world.settings.model_copy(update={"unverified_decisions": True})
        await world.restart_operator()
        await world.deploy(spec("v1"))
        revision = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await _decide(world, "Abort", revision=revision, attempt=1)
        status = await world.wait_for_phase("Rejected")
        assert status["history"][0]["decidedBy"] == "jo@shop.io (unverified)"

    run_story(story)


def test_abort_takes_precedence_over_a_simultaneous_promote() -> None:
    async def story(world: World) -> None:
        revision = await _canary_at_first_step(world)
        await world.kill_operator()
        promote = await world.decide("Promote", revision=revision, attempt=1)
        abort = await world.decide("Abort", revision=revision, attempt=1)
        await world.start_operator()
        assert (await world.wait_for_result(abort))["phase"] == "Taken"
        assert (await world.wait_for_result(promote))["phase"] == "Refused"
        await world.wait_for_phase("Rejected")

    run_story(story)


def test_retry_decision_increments_the_attempt() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        await world.apply(spec("v2"))
        revision = (await world.wait_for_phase("Rejected"))["rejected"][0]["revision"]
        await _decide(world, "Retry", revision=revision, attempt=1)
        again = await world.wait_until(lambda s: s["rollout"]["attempt"] == 2)
        assert again["rollout"]["revision"] == revision
        twice = await world.wait_until(lambda s: s["rejected"][0]["attempt"] == 2)
        assert len(twice["rejected"]) == 1
        stale = await world.wait_for_result(await world.decide("Retry", revision=revision, attempt=1))
        assert (stale["phase"], "attempt 2" in stale["message"]) == ("Refused", True)

    run_story(story, serving=failing_pods("v2", Behaviour(fault=Fault.CRASH_LOOP)))


def test_decision_about_a_missing_model_deployment_is_rejected() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        served = (await world.deploy(spec()))["stable"]["revision"]
        mistyped = await world.decide("Pause", revision=served, deployment="chrun")
        answer = await world.wait_for_result(mistyped)
        assert answer["phase"] == "Refused"
        assert "chrun" in answer["message"]

    run_story(story)
