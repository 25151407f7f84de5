"""What happens to a rollout when the spec changes before it has ended."""

from __future__ import annotations

from seatrial.api import kinds
from seatrial.api.objects import Body
from tests.stories.specs import spec
from tests.stories.world import NAME, World, run_story


def _outcomes(status: Body) -> list[str]:
    return [entry["outcome"] for entry in status["history"]]


def test_third_version_starts_when_the_second_has_no_pods_left() -> None:
    async def story(world: World) -> None:
        first = await world.deploy(spec("v1"))
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply(spec("v3"))
        third = await world.wait_until(
            lambda s: s["rollout"]["revision"] != second and s["rollout"]["phase"] == "Starting"
        )
        assert third["stable"]["revision"] == first["stable"]["revision"]
        assert world.pod_uids(second) == set()
        assert third["history"][0]["outcome"] == "Superseded"
        assert third["history"][0]["revision"] == second
        last = await world.wait_for_promotion(third["rollout"]["revision"])
        assert _outcomes(last) == ["Promoted", "Superseded", "Promoted"]
        assert "rejected" not in last

    run_story(story)


def test_superseded_canary_keeps_its_pods_for_scale_down_delay() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply(spec("v3"))
        await world.wait_until(
            lambda s: s["rollout"]["phase"] == "RollingBack" and s["canary"]["weight"] == 0
        )
        await world.wait(25)
        assert len(world.pod_uids(second)) == 1
        await world.wait(10)
        assert world.pod_uids(second) == set()

    run_story(story)


def test_return_to_stable_during_a_canary_restarts_no_pods() -> None:
    async def story(world: World) -> None:
        first = await world.deploy(spec("v1"))
        pods = world.pod_uids(first["stable"]["revision"])
        await world.start_canary(spec("v2"))
        await world.apply(spec("v1"))
        status = await world.wait_until(lambda s: s["stable"]["weight"] == 100, seconds=2)
        assert status["stable"]["revision"] == first["stable"]["revision"]
        last = await world.wait_for_phase("Healthy", seconds=90)
        assert "canary" not in last
        assert _outcomes(last) == ["Superseded", "Promoted"]
        assert world.pod_uids(first["stable"]["revision"]) == pods

    run_story(story)


def test_rapid_spec_changes_end_with_the_last_spec() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        for version in ("v2", "v1", "v3", "v2", "v1", "v3"):
            await world.apply(spec(version))
            await world.wait(0.7)
        last = await world.wait_for_phase("Healthy", seconds=900)
        assert last["stable"]["image"].startswith("registry.lab:5000/v3@")

    run_story(story)


def test_return_to_a_canary_that_is_rolling_back_starts_it_again() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply(spec("v1"))
        await world.wait_until(lambda s: s["rollout"]["phase"] == "RollingBack")
        await world.apply(spec("v2"))
        last = await world.wait_for_promotion(second, seconds=900)
        assert _outcomes(last) == ["Promoted", "Superseded", "Promoted"]

    run_story(story)


def test_return_to_the_previous_version_skips_the_steps() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await world.deploy(spec("v2"))
        await world.wait_until_idle()
        assert world.replicas_of(first) is None
        await world.apply(spec("v1"))
        back = await world.wait_until(lambda s: s["rollout"]["revision"] == first)
        assert back["rollout"]["fastTrack"] is True
        assert back["rollout"]["steps"] == 0
        await world.wait_for_promotion(first, seconds=15)

    run_story(story)


def test_return_within_scale_down_delay_reuses_the_old_pods() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        pods = world.pod_uids(first)
        await world.deploy(spec("v2"))
        await world.apply(spec("v1"))
        await world.wait_for_promotion(first, seconds=3)
        assert world.pod_uids(first) == pods

    run_story(story)


def test_return_scales_the_old_version_up_before_it_receives_traffic() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.deploy(spec("v2")))["stable"]["revision"]
        await world.wait_until_idle()
        await world.apply(spec("v1"))
        starting = await world.wait_until(lambda s: s["rollout"]["phase"] == "Starting")
        assert starting["stable"]["revision"] == second
        service = await world.get(kinds.SERVICE, NAME)
        assert service["spec"]["selector"]["seatrial.dev/revision"] == second
        await world.wait_for_promotion(first)

    run_story(story)


def test_edited_steps_continue_at_the_first_step_with_at_least_the_current_weight() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1", replicas=8))
        status = await world.start_canary(spec("v2", replicas=8))
        revision = status["canary"]["revision"]
        steps = [{"weight": w, "hold": "1m"} for w in (5, 10, 30, 40)]
        await world.apply(spec("v2", replicas=8, steps=steps))
        edited = await world.wait_until(lambda s: s["rollout"]["steps"] == 4 and s["rollout"]["weight"] == 30)
        assert edited["rollout"]["step"] == 3
        assert edited["rollout"]["revision"] == revision
        last = await world.wait_for_promotion(revision)
        assert _outcomes(last) == ["Promoted", "Promoted"]

    run_story(story)


def test_canary_is_promoted_when_all_edited_steps_are_below_its_weight() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        revision = (await world.start_canary(spec("v2"), weight=50))["canary"]["revision"]
        await world.apply(spec("v2", steps=[{"weight": 5, "hold": "1h"}]))
        await world.wait_for_promotion(revision, seconds=20)

    run_story(story)


def test_removed_steps_promote_the_canary_immediately() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        revision = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply(spec("v2", steps=[]))
        await world.wait_for_promotion(revision, seconds=20)

    run_story(story)


def test_longer_hold_applies_to_the_current_step() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.start_canary(spec("v2"))
        longer = [{"weight": 25, "hold": "10m"}, {"weight": 50, "hold": "1m"}]
        await world.apply(spec("v2", steps=longer))
        await world.wait(300)
        assert (await world.status())["canary"]["weight"] == 25
        await world.wait_until(lambda s: s["canary"]["weight"] == 50, seconds=330)

    run_story(story)


def test_return_to_stable_during_promotion_reverses_it_completely() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1", replicas=8)))["stable"]["revision"]
        steps = [{"weight": 10, "hold": "10s"}]
        await world.apply(spec("v2", replicas=8, steps=steps))
        promoting = await world.wait_until(lambda s: s["phase"] == "Promoting")
        await world.apply(spec("v1", replicas=8, steps=steps))
        last = await world.wait_for_phase("Healthy", seconds=200)
        assert last["stable"]["revision"] == first
        assert _outcomes(last) == ["Superseded", "Promoted"]
        assert last["history"][0]["revision"] == promoting["canary"]["revision"]
        assert world.replicas_of(first) == 8

    run_story(story)


def test_changed_replicas_during_a_rollout_apply_to_both_tracks() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1", replicas=4))
        status = await world.start_canary(spec("v2", replicas=4), weight=50)
        revision, stable = status["canary"]["revision"], status["stable"]["revision"]
        await world.apply(spec("v2", replicas=6))
        await world.wait_until(
            lambda s: s["canary"]["readyReplicas"] == 6 and s["stable"]["readyReplicas"] == 6
        )
        assert world.replicas_of(stable) == 6
        await world.wait_for_promotion(revision)

    run_story(story)


def test_applying_a_rejected_version_during_a_rollout_rolls_it_back() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.decide("Abort", revision=second, attempt=1)
        await world.wait_for_phase("Rejected")
        await world.start_canary(spec("v3"))
        await world.apply(spec("v2"))
        last = await world.wait_for_phase("Rejected", seconds=120)
        assert last["stable"]["revision"] == first
        assert last["stable"]["weight"] == 100
        assert [r["revision"] for r in last["rejected"]] == [second]

    run_story(story)
