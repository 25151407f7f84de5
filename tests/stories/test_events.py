"""Events: each thing is told once, in a sentence that says what its reason does not."""

from __future__ import annotations

import re

import pytest

from seatrial.api import kinds
from tests.apiserver.pod_behaviour import Behaviour, Fault
from tests.stories.specs import failing_builds, failing_pods, spec, spec_to_build, successful_builds
from tests.stories.world import NAMESPACE, World, run_story

REMEDY = "apply a changed spec, or create a RolloutDecision with action Retry"


async def _told(world: World) -> list[tuple[str, str]]:
    """Reason and sentence of every Event, oldest first; none repeats its reason, none came twice."""
    events = sorted(await world.objects(kinds.EVENT), key=lambda e: int(e["metadata"]["resourceVersion"]))
    told = [(event["reason"], event["message"]) for event in events]
    assert [pair for pair in told if re.search(rf"\b{pair[0]}\b", pair[1])] == []
    assert [event["message"] for event in events if event["count"] > 1] == []
    return told


def test_rollout_emits_an_event_for_each_step_and_for_the_promotion() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.deploy(spec("v2")))["stable"]["revision"]
        assert await _told(world) == [
            ("Promoted", f"{first} serves; nothing did before"),
            ("Shifting", f"step 1 of 2: {second} gets 25 % of the users, {first} the others"),
            ("Shifting", f"step 2 of 2: {second} gets 50 % of the users, {first} the others"),
            ("Promoted", f"{second} takes the place of {first}"),
        ]

    run_story(story)


def test_step_event_names_the_actual_traffic_share() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1", replicas=1))
        await world.deploy(spec("v2", replicas=1))
        shares = [message for reason, message in await _told(world) if reason == "Shifting"]
        assert "25 % of the users (really 50 %: 1 pod beside 1)" in shares[0]

    run_story(story)


def test_failed_canary_emits_the_cause_once_and_then_the_remedy() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await world.apply(spec("v2"))
        second = (await world.wait_for_phase("Degraded"))["rejected"][0]["revision"]
        assert (await _told(world))[1:] == [
            (
                "RollingBack",
                f"{second} goes back: CrashLoop: exits again and again, with code 3; {first} serves",
            ),
            ("CrashLoop", f"{second} is rejected; {REMEDY}; {first} serves"),
        ]

    run_story(story, serving=failing_pods("v2", Behaviour(fault=Fault.CRASH_LOOP, exit_code=3, message="")))


@pytest.mark.parametrize("something_serves", [True, False])
def test_permanently_failed_build_emits_one_event(something_serves: bool) -> None:
    async def story(world: World) -> None:
        now = "nothing serves yet"
        if something_serves:
            now = f"{(await world.deploy(spec('v1')))['stable']['revision']} serves"
        await world.apply(spec_to_build("2"))
        status = await world.wait_for_phase("Degraded" if something_serves else "Failed")
        failed = status["rejected"][0]["revision"]
        assert (await _told(world))[int(something_serves) :] == [
            ("ModelLoadFailed", f"{failed} is rejected: it does not work; {REMEDY}; {now}")
        ]

    run_story(story, building=failing_builds("ModelLoadFailed"))


def test_failed_first_rollout_emits_cause_and_remedy_in_one_event() -> None:
    async def story(world: World) -> None:
        await world.apply(spec("v1"))
        failed = (await world.wait_for_phase("Failed"))["rejected"][0]["revision"]
        why = "exits again and again, with code 3"
        assert await _told(world) == [
            ("CrashLoop", f"{failed} is rejected: {why}; {REMEDY}; nothing serves yet")
        ]

    run_story(story, serving=failing_pods("v1", Behaviour(fault=Fault.CRASH_LOOP, exit_code=3, message="")))


def test_retried_build_emits_one_event_that_counts_the_attempts() -> None:
    async def story(world: World) -> None:
        await world.apply(spec_to_build("1"))
        await world.wait_until(lambda s: s["build"]["attempt"] == 4)
        (event,) = await world.objects(kinds.EVENT)
        assert (event["type"], event["reason"], event["count"]) == ("Warning", "SourceNotFound", 3)
        assert event["message"].endswith(": no such object; nothing serves yet")
        world.cluster.kubelet.building = successful_builds
        await world.wait_for_phase("Healthy")

    run_story(story, building=failing_builds("SourceNotFound", "no such object."))


def test_superseded_canary_emits_one_rollback_event() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(spec("v2")))["rollout"]["revision"]
        third = (await world.deploy(spec("v3")))["stable"]["revision"]
        told = await _told(world)
        assert told[2:4] == [
            (
                "RollingBack",
                f"{second} goes back: revision {third} is asked for now; {first} serves",
            ),
            ("Superseded", f"{second} has given way; {first} serves"),
        ]
        assert told[-1] == ("Promoted", f"{third} takes the place of {first}")

    run_story(story)


def test_decision_events_name_the_author_and_rejections_the_cause() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(spec("v2")))["rollout"]["revision"]
        await world.wait_for_result(await world.decide("Pause", revision=second, reason="lunch"))
        await world.wait_for_result(await world.decide("Skip", revision=second, step=1))
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

    run_story(story)


@pytest.mark.parametrize("serving", [True, False])
def test_missing_config_map_emits_one_event(serving: bool) -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"] if serving else ""
        before = len(await _told(world))
        await world.apply({**spec("v2"), "serving": {"envFrom": [{"configMapRef": {"name": "absent"}}]}})
        await world.wait_until(lambda s: "waits for ConfigMap absent" in s["message"])
        await world.wait(600)
        waits = (
            "waits for ConfigMap absent, which the spec refers to; create it, or mark the reference optional"
        )
        who = f"{first} serves" if serving else "nothing serves yet"
        assert (await _told(world))[before:] == [("ContainerConfigError", f"{waits}; {who}")]

    run_story(story)


def test_missing_build_secret_emits_one_event() -> None:
    async def story(world: World) -> None:
        model = {"uri": "s3://models/churn/1/", "credentials": {"secretName": "absent"}}
        await world.apply({**spec(), "model": model})
        await world.wait_until(lambda s: "needs Secret absent" in s["message"])
        await world.wait(600)
        [(reason, message)] = await _told(world)
        assert reason == "ContainerConfigError"
        assert message.endswith("waits for its build; it needs Secret absent, create it; nothing serves yet")

    run_story(story)


def test_resumed_rollout_emits_an_event_without_repeating_the_step() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply({**spec("v2"), "paused": True})
        await world.wait_for_phase("Paused")
        await world.wait(600)
        await world.apply(spec("v2"))
        status = await world.wait_until(lambda s: s["phase"] == "Canary")
        assert f"canary {second} has 25 % since " in status["message"]
        assert "10m" in status["message"].partition(" of it paused")[0]
        assert ("Shifting", f"{second} goes on with 25 % of the users") in await _told(world)
        await world.wait_for_phase("Healthy")

    run_story(story)


def test_outage_of_stable_emits_an_event_at_its_start_and_its_end() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1", replicas=1)))["stable"]["revision"]
        [pod] = [p for p in await world.objects(kinds.POD) if p["metadata"]["uid"] in world.pod_uids(first)]
        world.cluster.kubelet.evict(NAMESPACE, pod["metadata"]["name"])
        await world.wait_for_phase("Degraded")
        await world.wait_for_phase("Healthy")
        assert (await _told(world))[1:] == [
            ("StableUnhealthy", f"nobody is served: no pod of {first} is ready"),
            ("Healthy", f"users are served again: {first} answers"),
        ]

    run_story(story)
