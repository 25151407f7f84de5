"""What people decide about a rollout, when it is taken, and why it is refused."""

from __future__ import annotations

import pytest

from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour, Fault
from tests.stories.specs import failing_pods, spec
from tests.stories.world import World, run_story


async def _held(world: World) -> str:
    """The revision of a canary that is held at its first step."""
    await world.install_decision_policy()
    await world.deploy(spec("v1"))
    return str((await world.start_canary(spec("v2")))["canary"]["revision"])


async def _taken(world: World, action: str, **spec: object) -> Body:
    answer = await world.wait_for_result(await world.decide(action, **spec))
    assert answer["phase"] == "Taken", answer
    return await world.status()


def test_promote_decision_promotes_the_canary_immediately() -> None:
    async def story(world: World) -> None:
        revision = await _held(world)
        await _taken(world, "Promote", revision=revision, attempt=1)
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
        await _taken(world, "Promote", revision=revision, attempt=1)
        await world.wait_for_promotion(revision, seconds=20)

    run_story(story)


def test_skip_decision_ends_one_step() -> None:
    async def story(world: World) -> None:
        revision = await _held(world)
        await _taken(world, "Skip", revision=revision, step=1)
        await world.wait_until(lambda s: s["canary"]["weight"] == 50, seconds=10)
        again = await world.wait_for_result(await world.decide("Skip", revision=revision, step=1))
        assert again["phase"] == "Refused"
        assert "step 2" in again["message"]

    run_story(story)


def test_pause_decision_freezes_weight_and_hold_until_resume() -> None:
    async def story(world: World) -> None:
        revision = await _held(world)
        await world.wait(30)
        await _taken(world, "Pause", revision=revision)
        await world.wait(1800)
        held = await world.status()
        assert (held["phase"], held["canary"]["weight"]) == ("Paused", 25)
        assert "jo@shop.io" in held["message"]
        await _taken(world, "Resume", revision=revision)
        await world.wait(20)
        assert (await world.status())["canary"]["weight"] == 25
        await world.wait_until(lambda s: s["canary"]["weight"] == 50, seconds=15)

    run_story(story)


def test_promote_decision_during_a_pause_skips_the_remaining_steps() -> None:
    async def story(world: World) -> None:
        revision = await _held(world)
        await _taken(world, "Pause", revision=revision)
        await _taken(world, "Promote", revision=revision, attempt=1)
        await _taken(world, "Pause", revision=revision)
        await _taken(world, "Resume", revision=revision)
        await world.wait_for_promotion(revision, seconds=20)

    run_story(story)


def test_spec_paused_holds_the_rollout_until_it_is_removed() -> None:
    async def story(world: World) -> None:
        revision = await _held(world)
        await world.apply({**spec("v2"), "paused": True})
        held = await world.wait_for_phase("Paused", seconds=5)
        assert "spec.paused" in held["message"]
        refused = await world.wait_for_result(await world.decide("Resume", revision=revision))
        assert (refused["phase"], "spec.paused" in refused["message"]) == ("Refused", True)
        await world.wait(900)
        assert (await world.status())["canary"]["weight"] == 25
        await world.apply(spec("v2"))
        await world.wait_for_promotion(revision, seconds=180)

    run_story(story)


@pytest.mark.parametrize(
    ("action", "fields", "why"),
    [
        pytest.param("Promote", {"revision": "0123456789", "attempt": 1}, "on its way is", id="foreign"),
        pytest.param("Promote", {"attempt": 2}, "attempt 1", id="another attempt"),
        pytest.param("Abort", {"attempt": 7}, "attempt 1", id="abort of another attempt"),
        pytest.param("Skip", {"step": 2}, "step 1", id="early"),
        pytest.param("Resume", {}, "nothing is paused", id="resume of nothing"),
        pytest.param("Retry", {"attempt": 1}, "not rejected", id="retry of the living"),
        pytest.param("Rollback", {"toRevision": "0123456789"}, "served is", id="rollback of a canary"),
    ],
)
def test_inapplicable_decision_is_rejected_with_its_reason(action: str, fields: Body, why: str) -> None:
    async def story(world: World) -> None:
        revision = await _held(world)
        answer = await world.wait_for_result(await world.decide(action, **{"revision": revision, **fields}))
        assert answer["phase"] == "Refused"
        assert why in answer["message"]
        status = await world.status()
        assert (status["canary"]["weight"], status["rollout"].get("decisions")) == (25, None)

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
        revision = await _held(world)
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
        await _taken(world, "Abort", revision=revision, attempt=1)
        status = await world.wait_for_phase("Degraded")
        assert status["history"][0]["decidedBy"] == "jo@shop.io (unverified)"

    run_story(story)


def test_abort_takes_precedence_over_a_simultaneous_promote() -> None:
    async def story(world: World) -> None:
        revision = await _held(world)
        await world.kill_operator()
        promote = await world.decide("Promote", revision=revision, attempt=1)
        abort = await world.decide("Abort", revision=revision, attempt=1)
        await world.start_operator()
        assert (await world.wait_for_result(abort))["phase"] == "Taken"
        assert (await world.wait_for_result(promote))["phase"] == "Refused"
        await world.wait_for_phase("Degraded")

    run_story(story)


def test_retry_decision_increments_the_attempt() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        await world.apply(spec("v2"))
        revision = (await world.wait_for_phase("Degraded"))["rejected"][0]["revision"]
        await _taken(world, "Retry", revision=revision, attempt=1)
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
        assert answer["message"] == "there is no ModelDeployment chrun in namespace shop"

    run_story(story)
