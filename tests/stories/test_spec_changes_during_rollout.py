"""What happens to a rollout when somebody asks for something else before it has ended."""

from __future__ import annotations

from seatrial.api import kinds
from seatrial.api.objects import Body
from tests.stories.specs import spec
from tests.stories.world import NAME, World, play


def _with(body: Body, **sections: Body) -> Body:
    return {**body, **sections}


def _outcomes(status: Body) -> list[str]:
    return [entry["outcome"] for entry in status["history"]]


def test_a_third_version_waits_until_the_second_has_no_pod_left() -> None:
    async def story(world: World) -> None:
        first = await world.live(spec("v1"))
        second = (await world.shifting(spec("v2")))["canary"]["revision"]
        await world.apply(spec("v3"))
        third = await world.until(
            lambda s: s["rollout"]["revision"] != second and s["rollout"]["phase"] == "Starting"
        )
        assert third["stable"]["revision"] == first["stable"]["revision"]
        assert world.pods_of(second) == set()
        assert third["history"][0]["outcome"] == "Superseded"
        assert third["history"][0]["revision"] == second
        last = await world.promoted(third["rollout"]["revision"])
        assert _outcomes(last) == ["Promoted", "Superseded", "Promoted"]
        assert "rejected" not in last

    play(story)


def test_the_second_version_keeps_its_pods_for_the_delay_after_its_last_user() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        second = (await world.shifting(spec("v2")))["canary"]["revision"]
        await world.apply(spec("v3"))
        await world.until(lambda s: s["rollout"]["phase"] == "RollingBack" and s["canary"]["weight"] == 0)
        await world.wait(25)
        assert len(world.pods_of(second)) == 1
        await world.wait(10)
        assert world.pods_of(second) == set()

    play(story)


def test_going_back_to_the_first_version_at_once_restarts_nothing() -> None:
    async def story(world: World) -> None:
        first = await world.live(spec("v1"))
        pods = world.pods_of(first["stable"]["revision"])
        await world.shifting(spec("v2"))
        await world.apply(spec("v1"))
        home = await world.until(lambda s: s["stable"]["weight"] == 100, seconds=2)
        assert home["stable"]["revision"] == first["stable"]["revision"]
        last = await world.phase("Healthy", seconds=90)
        assert "canary" not in last
        assert _outcomes(last) == ["Superseded", "Promoted"]
        assert world.pods_of(first["stable"]["revision"]) == pods

    play(story)


def test_a_spec_that_flips_faster_than_pods_start_settles_on_the_last() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        for version in ("v2", "v1", "v3", "v2", "v1", "v3"):
            await world.apply(spec(version))
            await world.wait(0.7)
        last = await world.phase("Healthy", seconds=900)
        assert last["stable"]["image"].startswith("registry.lab:5000/v3@")

    play(story)


def test_coming_back_to_a_version_while_it_is_drained_starts_it_anew() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        second = (await world.shifting(spec("v2")))["canary"]["revision"]
        await world.apply(spec("v1"))
        await world.until(lambda s: s["rollout"]["phase"] == "RollingBack")
        await world.apply(spec("v2"))
        last = await world.promoted(second, seconds=900)
        assert _outcomes(last) == ["Promoted", "Superseded", "Promoted"]

    play(story)


def test_a_return_to_the_version_before_takes_no_steps() -> None:
    async def story(world: World) -> None:
        first = (await world.live(spec("v1")))["stable"]["revision"]
        await world.live(spec("v2"))
        await world.rest()
        assert world.replicas_of(first) is None
        await world.apply(spec("v1"))
        back = await world.until(lambda s: s["rollout"]["revision"] == first)
        assert back["rollout"]["fastTrack"] is True
        assert back["rollout"]["steps"] == 0
        await world.promoted(first, seconds=15)

    play(story)


def test_a_return_within_the_delay_finds_its_old_pods() -> None:
    async def story(world: World) -> None:
        first = (await world.live(spec("v1")))["stable"]["revision"]
        pods = world.pods_of(first)
        await world.live(spec("v2"))
        await world.apply(spec("v1"))
        await world.promoted(first, seconds=3)
        assert world.pods_of(first) == pods

    play(story)


def test_a_return_first_scales_and_only_then_moves_users() -> None:
    async def story(world: World) -> None:
        first = (await world.live(spec("v1")))["stable"]["revision"]
        second = (await world.live(spec("v2")))["stable"]["revision"]
        await world.rest()
        await world.apply(spec("v1"))
        starting = await world.until(lambda s: s["rollout"]["phase"] == "Starting")
        assert starting["stable"]["revision"] == second
        service = await world.get(kinds.SERVICE, NAME)
        assert service["spec"]["selector"]["seatrial.dev/revision"] == second
        await world.promoted(first)

    play(story)


def test_edited_steps_keep_the_weight_and_go_on_at_the_first_that_has_it() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1", replicas=8))
        status = await world.shifting(spec("v2", replicas=8))
        revision = status["canary"]["revision"]
        steps = [{"weight": w, "hold": "1m"} for w in (5, 10, 30, 40)]
        await world.apply(spec("v2", replicas=8, steps=steps))
        edited = await world.until(lambda s: s["rollout"]["steps"] == 4 and s["rollout"]["weight"] == 30)
        assert edited["rollout"]["step"] == 3
        assert edited["rollout"]["revision"] == revision
        last = await world.promoted(revision)
        assert _outcomes(last) == ["Promoted", "Promoted"]

    play(story)


def test_when_all_steps_are_below_the_weight_the_canary_is_promoted() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        revision = (await world.shifting(spec("v2"), weight=50))["canary"]["revision"]
        await world.apply(spec("v2", steps=[{"weight": 5, "hold": "1h"}]))
        await world.promoted(revision, seconds=20)

    play(story)


def test_steps_taken_away_altogether_promote_at_once() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        revision = (await world.shifting(spec("v2")))["canary"]["revision"]
        await world.apply(spec("v2", steps=[]))
        await world.promoted(revision, seconds=20)

    play(story)


def test_a_longer_hold_counts_for_the_step_that_is_held() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        await world.shifting(spec("v2"))
        longer = [{"weight": 25, "hold": "10m"}, {"weight": 50, "hold": "1m"}]
        await world.apply(spec("v2", steps=longer))
        await world.wait(300)
        assert (await world.status())["canary"]["weight"] == 25
        await world.until(lambda s: s["canary"]["weight"] == 50, seconds=330)

    play(story)


def test_a_change_while_promoting_turns_round_wholly() -> None:
    async def story(world: World) -> None:
        first = (await world.live(spec("v1", replicas=8)))["stable"]["revision"]
        steps = [{"weight": 10, "hold": "10s"}]
        await world.apply(spec("v2", replicas=8, steps=steps))
        seen = await world.until(lambda s: s["phase"] == "Promoting")
        await world.apply(spec("v1", replicas=8, steps=steps))
        last = await world.phase("Healthy", seconds=200)
        assert last["stable"]["revision"] == first
        assert _outcomes(last) == ["Superseded", "Promoted"]
        assert last["history"][0]["revision"] == seen["canary"]["revision"]
        assert world.replicas_of(first) == 8

    play(story)


def test_more_replicas_in_mid_rollout_count_for_both_tracks() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1", replicas=4))
        status = await world.shifting(spec("v2", replicas=4), weight=50)
        revision, stable = status["canary"]["revision"], status["stable"]["revision"]
        await world.apply(spec("v2", replicas=6))
        await world.until(lambda s: s["canary"]["readyReplicas"] == 6 and s["stable"]["readyReplicas"] == 6)
        assert world.replicas_of(stable) == 6
        await world.promoted(revision)

    play(story)


def test_a_rejected_version_asked_for_in_mid_rollout_calls_the_rollout_off() -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        first = (await world.live(spec("v1")))["stable"]["revision"]
        second = (await world.shifting(spec("v2")))["canary"]["revision"]
        await world.decide("Abort", revision=second, attempt=1)
        await world.phase("Degraded")
        await world.shifting(spec("v3"))
        await world.apply(spec("v2"))
        last = await world.phase("Degraded", seconds=120)
        assert last["stable"]["revision"] == first
        assert last["stable"]["weight"] == 100
        assert [r["revision"] for r in last["rejected"]] == [second]

    play(story)
