"""What people decide about a rollout, when it is taken, and why it is refused."""

from __future__ import annotations

import pytest

from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour, Fault
from tests.stories.specs import sick, spec
from tests.stories.world import World, play


async def _held(world: World) -> str:
    """The revision of a canary that is held at its first step."""
    await world.trust_decisions()
    await world.live(spec("v1"))
    return str((await world.shifting(spec("v2")))["canary"]["revision"])


async def _taken(world: World, action: str, **spec: object) -> Body:
    answer = await world.answer(await world.decide(action, **spec))
    assert answer["phase"] == "Taken", answer
    return await world.status()


def test_promote_takes_the_canary_all_the_way() -> None:
    async def story(world: World) -> None:
        revision = await _held(world)
        await _taken(world, "Promote", revision=revision, attempt=1)
        last = await world.promoted(revision, seconds=20)
        assert last["history"][0]["decidedBy"] == "jo@shop.io"

    play(story)


def test_promote_while_it_starts_leaves_out_the_steps() -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        await world.live(spec("v1"))
        await world.apply(spec("v2"))
        revision = (await world.until(lambda s: s["rollout"]["phase"] == "Starting"))["rollout"]["revision"]
        await _taken(world, "Promote", revision=revision, attempt=1)
        await world.promoted(revision, seconds=20)

    play(story)


def test_skip_ends_one_step() -> None:
    async def story(world: World) -> None:
        revision = await _held(world)
        await _taken(world, "Skip", revision=revision, step=1)
        await world.until(lambda s: s["canary"]["weight"] == 50, seconds=10)
        again = await world.answer(await world.decide("Skip", revision=revision, step=1))
        assert again["phase"] == "Refused"
        assert "step 2" in again["message"]

    play(story)


def test_pause_freezes_weight_and_clock_and_resume_goes_on() -> None:
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
        await world.until(lambda s: s["canary"]["weight"] == 50, seconds=15)

    play(story)


def test_a_promotion_decided_in_a_pause_forgets_the_steps_for_good() -> None:
    async def story(world: World) -> None:
        revision = await _held(world)
        await _taken(world, "Pause", revision=revision)
        await _taken(world, "Promote", revision=revision, attempt=1)
        await _taken(world, "Pause", revision=revision)
        await _taken(world, "Resume", revision=revision)
        await world.promoted(revision, seconds=20)

    play(story)


def test_paused_in_the_spec_holds_until_it_is_taken_away() -> None:
    async def story(world: World) -> None:
        revision = await _held(world)
        await world.apply({**spec("v2"), "paused": True})
        held = await world.phase("Paused", seconds=5)
        assert "spec.paused" in held["message"]
        refused = await world.answer(await world.decide("Resume", revision=revision))
        assert (refused["phase"], "spec.paused" in refused["message"]) == ("Refused", True)
        await world.wait(900)
        assert (await world.status())["canary"]["weight"] == 25
        await world.apply(spec("v2"))
        await world.promoted(revision, seconds=180)

    play(story)


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
def test_a_decision_that_does_not_apply_is_refused_with_its_reason(
    action: str, fields: Body, why: str
) -> None:
    async def story(world: World) -> None:
        revision = await _held(world)
        answer = await world.answer(await world.decide(action, **{"revision": revision, **fields}))
        assert answer["phase"] == "Refused"
        assert why in answer["message"]
        status = await world.status()
        assert (status["canary"]["weight"], status["rollout"].get("decisions")) == (25, None)

    play(story)


def test_a_decision_older_than_the_rollout_is_refused() -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        await world.live(spec("v1"))
        await world.kill_operator()
        await world.apply(spec("v2"))
        await world.start_operator()
        revision = (await world.until(lambda s: s["canary"]["weight"] == 25))["canary"]["revision"]
        await world.apply(spec("v1"))
        await world.phase("Healthy")
        await world.kill_operator()
        stale = await world.decide("Abort", revision=revision, attempt=1)
        await world.wait(5)
        await world.apply(spec("v2"))
        await world.start_operator()
        answer = await world.answer(stale)
        assert answer["phase"] == "Refused"
        await world.promoted(revision)

    play(story)


def test_a_decision_is_taken_once_although_the_operator_dies_of_it() -> None:
    async def story(world: World) -> None:
        revision = await _held(world)
        await world.pause_of_writes()
        world.line.cut(len(world.line.writes) + 1, "after")
        decision = await world.decide("Skip", revision=revision, step=1)
        await world.wait(5)
        assert world.line.dead
        assert not (await world.status_of(decision))
        await world.restart_operator()
        assert (await world.answer(decision))["phase"] == "Taken"
        status = await world.until(lambda s: s["canary"]["weight"] == 50)
        assert status["rollout"]["decisions"] == [decision["metadata"]["uid"]]
        assert status["rollout"]["step"] == 2
        await world.wait(30)
        assert (await world.status())["rollout"]["step"] == 2

    play(story)


def test_nobody_decides_while_no_policy_vouches_for_the_author() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        revision = (await world.shifting(spec("v2")))["canary"]["revision"]
        answer = await world.answer(await world.decide("Abort", revision=revision, attempt=1))
        assert answer["phase"] == "Refused"
        assert "seatrial-decisions" in answer["message"]
        assert (await world.status())["canary"]["weight"] == 25

    play(story)


def test_settings_may_take_unverified_decisions_and_say_so() -> None:
    async def story(world: World) -> None:
        world.settings = world.settings.model_copy(update={"unverified_decisions": True})
        await world.restart_operator()
        await world.live(spec("v1"))
        revision = (await world.shifting(spec("v2")))["canary"]["revision"]
        await _taken(world, "Abort", revision=revision, attempt=1)
        status = await world.phase("Degraded")
        assert status["history"][0]["decidedBy"] == "jo@shop.io (unverified)"

    play(story)


def test_abort_beats_a_promotion_of_the_same_moment() -> None:
    async def story(world: World) -> None:
        revision = await _held(world)
        await world.kill_operator()
        promote = await world.decide("Promote", revision=revision, attempt=1)
        abort = await world.decide("Abort", revision=revision, attempt=1)
        await world.start_operator()
        assert (await world.answer(abort))["phase"] == "Taken"
        assert (await world.answer(promote))["phase"] == "Refused"
        await world.phase("Degraded")

    play(story)


def test_retry_counts_its_attempts() -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        await world.live(spec("v1"))
        await world.apply(spec("v2"))
        revision = (await world.phase("Degraded"))["rejected"][0]["revision"]
        await _taken(world, "Retry", revision=revision, attempt=1)
        again = await world.until(lambda s: s["rollout"]["attempt"] == 2)
        assert again["rollout"]["revision"] == revision
        twice = await world.until(lambda s: s["rejected"][0]["attempt"] == 2)
        assert len(twice["rejected"]) == 1
        stale = await world.answer(await world.decide("Retry", revision=revision, attempt=1))
        assert (stale["phase"], "attempt 2" in stale["message"]) == ("Refused", True)

    play(story, serving=sick("v2", Behaviour(fault=Fault.CRASH_LOOP)))


def test_a_decision_about_an_object_that_is_not_there_is_refused() -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        served = (await world.live(spec()))["stable"]["revision"]
        mistyped = await world.decide("Pause", revision=served, deployment="chrun")
        answer = await world.answer(mistyped)
        assert answer["phase"] == "Refused"
        assert answer["message"] == "there is no ModelDeployment chrun in namespace shop"

    play(story)
