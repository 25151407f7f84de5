"""The Rollback decision: its effect, its rejections, and how it is remembered."""

from __future__ import annotations

from tests.apiserver.pod_behaviour import Behaviour, Fault
from tests.stories.conditions import condition_messages, condition_reasons
from tests.stories.specs import failing_pods, spec
from tests.stories.world import World, run_story


async def _two_promoted(world: World) -> tuple[str, str]:
    """Deploy v1 and then v2; return both revisions."""
    await world.install_decision_policy()
    first = (await world.deploy(spec("v1")))["stable"]["revision"]
    return first, (await world.deploy(spec("v2")))["stable"]["revision"]


def test_rollback_to_history_is_not_undone_by_a_gitops_sync() -> None:
    async def story(world: World) -> None:
        first, second = await _two_promoted(world)
        await world.wait_until_idle()
        await world.decide("Rollback", revision=second, toRevision=first, reason="wrong prices")
        status = await world.wait_until(
            lambda s: s["stable"]["revision"] == first and s["phase"] == "Rejected", seconds=20
        )
        assert (status["rejected"][0]["revision"], status["rejected"][0]["reason"]) == (second, "RolledBack")
        await world.wait_until_idle()
        writes = len(world.transport.writes)
        await world.apply(spec("v2"))
        await world.wait(600)
        assert len(world.transport.writes) == writes
        await world.decide("Retry", revision=second, attempt=1)
        await world.wait_for_promotion(second)

    run_story(story)


def test_rollback_after_a_lost_status_accepts_only_revisions_that_served() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await world.apply(spec("bad"))
        failed = (await world.wait_for_phase("Rejected", seconds=120))["rejected"][0]["revision"]
        second = (await world.deploy(spec("v2")))["stable"]["revision"]
        await world.wait_until_idle()
        await world.clear_status()
        status = await world.wait_for_phase("Healthy", seconds=30)
        assert [h["revision"] for h in status["history"]] == [second, first]
        unknown = await world.wait_for_result(
            await world.decide("Rollback", revision=second, toRevision=failed)
        )
        assert (unknown["phase"], "itself rejected" in unknown["message"]) == ("Refused", True)
        known = await world.wait_for_result(await world.decide("Rollback", revision=second, toRevision=first))
        assert known["phase"] == "Taken"
        await world.wait_until(lambda s: s["stable"]["revision"] == first, seconds=30)

    run_story(story, serving=failing_pods("bad", Behaviour(fault=Fault.CRASH_LOOP)))


def test_rolled_back_revision_takes_its_steps_when_it_is_retried_after_a_lost_status() -> None:
    async def story(world: World) -> None:
        first, second = await _two_promoted(world)
        await world.decide("Rollback", revision=second, toRevision=first)
        await world.wait_until(lambda s: s["stable"]["revision"] == first, seconds=30)
        await world.wait_until_idle()
        await world.clear_status()
        await world.wait_until(lambda s: s["rollout"]["phase"] == "Rejected")
        await world.decide("Retry", revision=second, attempt=1)
        status = await world.wait_until(lambda s: s["rollout"]["attempt"] == 2)
        assert (status["rollout"]["steps"] > 0, status["rollout"]["fastTrack"]) == (True, False)
        await world.wait_for_promotion(second)

    run_story(story)


def test_rollback_to_an_unknown_revision_is_rejected() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        revision = (await world.deploy(spec("v1")))["stable"]["revision"]
        answer = await world.wait_for_result(
            await world.decide("Rollback", revision=revision, toRevision="0123456789")
        )
        assert (answer["phase"], "0123456789" in answer["message"]) == ("Refused", True)

    run_story(story)


def test_blocked_rollback_reports_the_cause_and_keeps_the_current_revision() -> None:
    async def story(world: World) -> None:
        first, second = await _two_promoted(world)
        await world.wait_until_idle()
        world.cluster.kubelet.serving = failing_pods("v1", Behaviour(fault=Fault.IMAGE_PULL))
        await world.decide("Rollback", revision=second, toRevision=first)
        status = await world.wait_until(lambda s: s["canary"]["failure"]["reason"] == "ImagePullFailed")
        assert condition_reasons(status)["Ready"] == "ImagePullFailed"
        assert (status["stable"]["revision"], status["stable"]["readyReplicas"]) == (second, 3)
        await world.wait(400)
        assert (await world.status())["stable"]["revision"] == second

    run_story(story)


def test_failed_rollback_keeps_the_current_revision_rejected_until_a_retry() -> None:
    async def story(world: World) -> None:
        first, second = await _two_promoted(world)
        await world.wait_until_idle()
        world.cluster.kubelet.serving = failing_pods("v1", Behaviour(fault=Fault.CRASH_LOOP))
        await world.decide("Rollback", revision=second, toRevision=first, reason="wrong prices")
        status = await world.wait_until(lambda s: len(s["rejected"]) == 2, seconds=120)
        assert (status["phase"], status["stable"]["revision"]) == ("Rejected", second)
        assert {r["revision"]: r["reason"] for r in status["rejected"]} == {
            first: "CrashLoop",
            second: "RolledBack",
        }
        assert "wrong prices" in condition_messages(status)["Stalled"]
        await world.wait_until_idle()
        again = await world.wait_for_result(await world.decide("Rollback", revision=second, toRevision=first))
        assert (again["phase"], "rejected" in again["message"]) == ("Refused", True)
        pods = world.pod_uids(second)
        await world.decide("Retry", revision=second, attempt=1)
        await world.wait_for_phase("Healthy", seconds=30)
        assert world.pod_uids(second) == pods

    run_story(story)


def test_rolled_back_revision_takes_its_steps_after_a_superseded_retry() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await world.apply(spec("v2"))
        second = (await world.wait_until(lambda s: s["canary"]["weight"] == 25))["canary"]["revision"]
        await world.wait_for_promotion(second)
        await world.decide("Rollback", revision=second, toRevision=first)
        await world.wait_until(lambda s: s["stable"]["revision"] == first and s["phase"] == "Rejected")
        await world.decide("Retry", revision=second, attempt=1)
        await world.wait_until(lambda s: s["canary"]["weight"] == 25 and s["rollout"]["attempt"] == 2)
        await world.apply(spec("v3"))
        await world.wait(60)
        await world.apply(spec("v2"))
        again = await world.wait_until(
            lambda s: s["rollout"]["revision"] == second and s["canary"]["weight"] == 25, seconds=300
        )
        assert (again["rollout"]["steps"], again["rollout"]["fastTrack"]) == (2, False)

    run_story(story, ends_idle=False)
