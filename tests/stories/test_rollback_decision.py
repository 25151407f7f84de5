"""A person takes back what is served: where that leads, when it is refused, and what stays known of it."""

from __future__ import annotations

from tests.apiserver.pod_behaviour import Behaviour, Fault
from tests.stories.specs import sick, spec
from tests.stories.world import World, play


async def _two_promoted(world: World) -> tuple[str, str]:
    """The revisions of v1 and v2: the second serves, and decisions are believed."""
    await world.trust_decisions()
    first = (await world.live(spec("v1")))["stable"]["revision"]
    return first, (await world.live(spec("v2")))["stable"]["revision"]


def test_a_rollback_to_history_is_not_undone_by_the_next_sync() -> None:
    async def story(world: World) -> None:
        first, second = await _two_promoted(world)
        await world.rest()
        await world.decide("Rollback", revision=second, toRevision=first, reason="wrong prices")
        status = await world.until(
            lambda s: s["stable"]["revision"] == first and s["phase"] == "Degraded", seconds=20
        )
        assert (status["rejected"][0]["revision"], status["rejected"][0]["reason"]) == (second, "RolledBack")
        await world.rest()
        writes = len(world.line.writes)
        await world.apply(spec("v2"))
        await world.wait(600)
        assert len(world.line.writes) == writes
        await world.decide("Retry", revision=second, attempt=1)
        await world.promoted(second)

    play(story)


def test_after_a_lost_status_one_goes_back_to_what_served_and_to_nothing_that_failed() -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        first = (await world.live(spec("v1")))["stable"]["revision"]
        await world.apply(spec("bad"))
        failed = (await world.phase("Degraded", seconds=120))["rejected"][0]["revision"]
        second = (await world.live(spec("v2")))["stable"]["revision"]
        await world.rest()
        await world.lose_status()
        status = await world.phase("Healthy", seconds=30)
        assert [h["revision"] for h in status["history"]] == [second, first]
        refused = await world.answer(await world.decide("Rollback", revision=second, toRevision=failed))
        assert (refused["phase"], first in refused["message"]) == ("Refused", True)
        taken = await world.answer(await world.decide("Rollback", revision=second, toRevision=first))
        assert taken["phase"] == "Taken"
        await world.until(lambda s: s["stable"]["revision"] == first, seconds=30)

    play(story, serving=sick("bad", Behaviour(fault=Fault.CRASH_LOOP)))


def test_what_a_rollback_left_is_no_known_good_revision_after_a_lost_status() -> None:
    async def story(world: World) -> None:
        first, second = await _two_promoted(world)
        await world.decide("Rollback", revision=second, toRevision=first)
        await world.until(lambda s: s["stable"]["revision"] == first, seconds=30)
        await world.rest()
        await world.lose_status()
        status = await world.until(lambda s: s["rollout"]["revision"] == second)
        assert (status["rollout"]["steps"] > 0, status["rollout"]["fastTrack"]) == (True, False)
        await world.promoted(second)

    play(story)


def test_a_rollback_to_what_history_does_not_know_is_refused() -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        revision = (await world.live(spec("v1")))["stable"]["revision"]
        answer = await world.answer(
            await world.decide("Rollback", revision=revision, toRevision="0123456789")
        )
        assert (answer["phase"], "not in history" in answer["message"]) == ("Refused", True)

    play(story)


def test_a_rollback_that_cannot_start_says_why_and_keeps_what_serves() -> None:
    async def story(world: World) -> None:
        first, second = await _two_promoted(world)
        await world.rest()
        world.cluster.kubelet.serving = sick("v1", Behaviour(fault=Fault.IMAGE_PULL))
        await world.decide("Rollback", revision=second, toRevision=first)
        status = await world.until(lambda s: s["canary"]["failure"]["reason"] == "ImagePullFailed")
        assert "ImagePullFailed" in status["message"]
        assert (status["stable"]["revision"], status["stable"]["readyReplicas"]) == (second, 3)
        await world.wait(400)
        assert (await world.status())["stable"]["revision"] == second

    play(story)


def test_a_rollback_that_fails_leaves_what_serves_rejected_until_somebody_keeps_it() -> None:
    async def story(world: World) -> None:
        first, second = await _two_promoted(world)
        await world.rest()
        world.cluster.kubelet.serving = sick("v1", Behaviour(fault=Fault.CRASH_LOOP))
        await world.decide("Rollback", revision=second, toRevision=first, reason="wrong prices")
        status = await world.until(lambda s: len(s["rejected"]) == 2, seconds=120)
        assert (status["phase"], status["stable"]["revision"]) == ("Degraded", second)
        assert f"going back to {first} failed: CrashLoop" in status["message"]
        assert "wrong prices" in status["message"]
        await world.rest()
        again = await world.answer(await world.decide("Rollback", revision=second, toRevision=first))
        assert (again["phase"], "was rejected itself" in again["message"]) == ("Refused", True)
        pods = world.pods_of(second)
        await world.decide("Retry", revision=second, attempt=1)
        await world.phase("Healthy", seconds=30)
        assert world.pods_of(second) == pods

    play(story)


def test_what_was_taken_back_takes_its_steps_also_after_a_retry_that_was_overtaken() -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        first = (await world.live(spec("v1")))["stable"]["revision"]
        await world.apply(spec("v2"))
        second = (await world.until(lambda s: s["canary"]["weight"] == 25))["canary"]["revision"]
        await world.promoted(second)
        await world.decide("Rollback", revision=second, toRevision=first)
        await world.until(lambda s: s["stable"]["revision"] == first and s["phase"] == "Degraded")
        await world.decide("Retry", revision=second, attempt=1)
        await world.until(lambda s: s["canary"]["weight"] == 25 and s["rollout"]["attempt"] == 2)
        await world.apply(spec("v3"))
        await world.wait(60)
        await world.apply(spec("v2"))
        again = await world.until(
            lambda s: s["rollout"]["revision"] == second and s["canary"]["weight"] == 25, seconds=300
        )
        assert (again["rollout"]["steps"], again["rollout"]["fastTrack"]) == (2, False)

    play(story, rests=False)
