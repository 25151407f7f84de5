"""Events: each thing is told once, in a sentence that says what its reason does not."""

from __future__ import annotations

import re

import pytest

from seatrial.api import kinds
from tests.apiserver.pod_behaviour import Behaviour, Fault
from tests.stories.specs import built, failing_build, good_builds, sick, spec
from tests.stories.world import NAMESPACE, World, play

REMEDY = "apply a changed spec, or create a RolloutDecision with action Retry"


async def _told(world: World) -> list[tuple[str, str]]:
    """Reason and sentence of every Event, oldest first; none repeats its reason, none came twice."""
    events = sorted(await world.all(kinds.EVENT), key=lambda e: int(e["metadata"]["resourceVersion"]))
    told = [(event["reason"], event["message"]) for event in events]
    assert [pair for pair in told if re.search(rf"\b{pair[0]}\b", pair[1])] == []
    assert [event["message"] for event in events if event["count"] > 1] == []
    return told


def test_a_rollout_tells_who_has_users_and_whom_it_replaced() -> None:
    async def story(world: World) -> None:
        first = (await world.live(spec("v1")))["stable"]["revision"]
        second = (await world.live(spec("v2")))["stable"]["revision"]
        assert await _told(world) == [
            ("Promoted", f"{first} serves; nothing did before"),
            ("Shifting", f"step 1 of 2: {second} gets 25 % of the users, {first} the others"),
            ("Shifting", f"step 2 of 2: {second} gets 50 % of the users, {first} the others"),
            ("Promoted", f"{second} takes the place of {first}"),
        ]

    play(story)


def test_a_share_that_pods_cannot_give_is_told_as_it_is() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1", replicas=1))
        await world.live(spec("v2", replicas=1))
        shares = [message for reason, message in await _told(world) if reason == "Shifting"]
        assert "25 % of the users (really 50 %: 1 pod beside 1)" in shares[0]

    play(story)


def test_a_canary_that_fails_tells_why_once_and_then_what_to_do() -> None:
    async def story(world: World) -> None:
        first = (await world.live(spec("v1")))["stable"]["revision"]
        await world.apply(spec("v2"))
        second = (await world.phase("Degraded"))["rejected"][0]["revision"]
        assert (await _told(world))[1:] == [
            (
                "RollingBack",
                f"{second} goes back: CrashLoop: exits again and again, with code 3; {first} serves",
            ),
            ("CrashLoop", f"{second} is rejected; {REMEDY}; {first} serves"),
        ]

    play(story, serving=sick("v2", Behaviour(fault=Fault.CRASH_LOOP, exit_code=3, message="")))


@pytest.mark.parametrize("something_serves", [True, False])
def test_a_build_that_fails_for_good_is_one_event(something_serves: bool) -> None:
    async def story(world: World) -> None:
        now = "nothing serves yet"
        if something_serves:
            now = f"{(await world.live(spec('v1')))['stable']['revision']} serves"
        await world.apply(built("2"))
        status = await world.phase("Degraded" if something_serves else "Failed")
        failed = status["rejected"][0]["revision"]
        assert (await _told(world))[int(something_serves) :] == [
            ("ModelLoadFailed", f"{failed} is rejected: it does not work; {REMEDY}; {now}")
        ]

    play(story, building=failing_build("ModelLoadFailed"))


def test_a_first_deployment_that_fails_tells_why_and_what_to_do_at_once() -> None:
    async def story(world: World) -> None:
        await world.apply(spec("v1"))
        failed = (await world.phase("Failed"))["rejected"][0]["revision"]
        why = "exits again and again, with code 3"
        assert await _told(world) == [
            ("CrashLoop", f"{failed} is rejected: {why}; {REMEDY}; nothing serves yet")
        ]

    play(story, serving=sick("v1", Behaviour(fault=Fault.CRASH_LOOP, exit_code=3, message="")))


def test_a_build_that_waits_for_its_source_is_one_event_that_counts_its_attempts() -> None:
    async def story(world: World) -> None:
        await world.apply(built("1"))
        await world.until(lambda s: s["build"]["attempt"] == 4)
        (event,) = await world.all(kinds.EVENT)
        assert (event["type"], event["reason"], event["count"]) == ("Warning", "SourceNotFound", 3)
        assert event["message"].endswith(": no such object; nothing serves yet")
        world.cluster.kubelet.building = good_builds
        await world.phase("Healthy")

    play(story, building=failing_build("SourceNotFound", "no such object."))


def test_a_spec_that_is_replaced_under_users_is_told_as_one_way_back() -> None:
    async def story(world: World) -> None:
        first = (await world.live(spec("v1")))["stable"]["revision"]
        second = (await world.shifting(spec("v2")))["rollout"]["revision"]
        third = (await world.live(spec("v3")))["stable"]["revision"]
        told = await _told(world)
        assert told[2:4] == [
            (
                "RollingBack",
                f"{second} goes back: revision {third} is asked for now; {first} serves",
            ),
            ("Superseded", f"{second} has given way; {first} serves"),
        ]
        assert told[-1] == ("Promoted", f"{third} takes the place of {first}")

    play(story)


def test_what_somebody_decided_is_told_with_the_author_and_a_refusal_with_its_cause() -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        first = (await world.live(spec("v1")))["stable"]["revision"]
        second = (await world.shifting(spec("v2")))["rollout"]["revision"]
        await world.answer(await world.decide("Pause", revision=second, reason="lunch"))
        await world.answer(await world.decide("Skip", revision=second, step=1))
        resume = "create a RolloutDecision with action Resume to go on"
        assert (await _told(world))[2:] == [
            ("DecisionTaken", f"Pause of {second} by jo@shop.io (lunch)"),
            (
                "Paused",
                f"{second} is held at 25 %: paused by jo@shop.io: lunch; {resume}; {first} serves",
            ),
            (
                "DecisionRefused",
                f"Skip of {second} by jo@shop.io: the rollout is paused: let it go on first, then skip the step",
            ),
        ]

    play(story)


@pytest.mark.parametrize("serving", [True, False])
def test_what_somebody_has_to_create_is_told_once(serving: bool) -> None:
    async def story(world: World) -> None:
        first = (await world.live(spec("v1")))["stable"]["revision"] if serving else ""
        before = len(await _told(world))
        await world.apply({**spec("v2"), "serving": {"envFrom": [{"configMapRef": {"name": "absent"}}]}})
        await world.until(lambda s: "waits for ConfigMap absent" in s["message"])
        await world.wait(600)
        waits = (
            "waits for ConfigMap absent, which the spec refers to; create it, or mark the reference optional"
        )
        who = f"{first} serves" if serving else "nothing serves yet"
        assert (await _told(world))[before:] == [("ContainerConfigError", f"{waits}; {who}")]

    play(story)


def test_a_secret_that_a_build_needs_is_told_once() -> None:
    async def story(world: World) -> None:
        model = {"uri": "s3://models/churn/1/", "credentials": {"secretName": "absent"}}
        await world.apply({**spec(), "model": model})
        await world.until(lambda s: "needs Secret absent" in s["message"])
        await world.wait(600)
        [(reason, message)] = await _told(world)
        assert reason == "ContainerConfigError"
        assert message.endswith("waits for its build; it needs Secret absent, create it; nothing serves yet")

    play(story)


def test_a_rollout_that_goes_on_is_told_as_that_and_not_as_a_new_share() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        second = (await world.shifting(spec("v2")))["canary"]["revision"]
        await world.apply({**spec("v2"), "paused": True})
        await world.phase("Paused")
        await world.wait(600)
        await world.apply(spec("v2"))
        status = await world.until(lambda s: s["phase"] == "Canary")
        assert f"canary {second} has 25 % since " in status["message"]
        assert "10m" in status["message"].partition(" of it paused")[0]
        assert ("Shifting", f"{second} goes on with 25 % of the users") in await _told(world)
        await world.phase("Healthy")

    play(story)


def test_an_outage_of_what_serves_is_told_with_its_begin_and_its_end() -> None:
    async def story(world: World) -> None:
        first = (await world.live(spec("v1", replicas=1)))["stable"]["revision"]
        [pod] = [p for p in await world.all(kinds.POD) if p["metadata"]["uid"] in world.pods_of(first)]
        world.cluster.kubelet.evict(NAMESPACE, pod["metadata"]["name"])
        await world.phase("Degraded")
        await world.phase("Healthy")
        assert (await _told(world))[1:] == [
            ("StableUnhealthy", f"nobody is served: no pod of {first} is ready"),
            ("Healthy", f"users are served again: {first} answers"),
        ]

    play(story)
