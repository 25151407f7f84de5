"""Events: each fact is reported once, with the revisions, the cause and the remedy in the message.

The wording of the messages is not asserted here; only the facts that each of them must name.
"""

from __future__ import annotations

import re

import pytest

from seatrial.api import kinds
from tests.apiserver.pod_behaviour import Behaviour, Fault
from tests.stories.specs import failing_builds, failing_pods, spec, spec_to_build, successful_builds
from tests.stories.world import NAMESPACE, World, run_story

Event = tuple[str, str]
"""Reason and message."""


async def _events(world: World) -> list[Event]:
    """Return every Event, oldest first; no message repeats its reason, and no Event occurred twice."""
    bodies = sorted(await world.objects(kinds.EVENT), key=lambda e: int(e["metadata"]["resourceVersion"]))
    events = [(body["reason"], body["message"]) for body in bodies]
    assert [event for event in events if re.search(rf"\b{event[0]}\b", event[1])] == []
    assert [body["message"] for body in bodies if body["count"] > 1] == []
    return events


def _assert_events(events: list[Event], *expected: tuple[str, ...]) -> None:
    """Each Event has the expected reason, and its message contains each of the expected facts."""
    assert [reason for reason, _ in events] == [reason for reason, *_ in expected]
    for (_, message), (_, *facts) in zip(events, expected, strict=True):
        assert [fact for fact in facts if fact not in message] == [], message


def test_rollout_emits_an_event_for_each_step_and_for_the_promotion() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.deploy(spec("v2")))["stable"]["revision"]
        _assert_events(
            await _events(world),
            ("Promoted", first),
            ("Shifting", "step 1 of 2", second, "25 %", first),
            ("Shifting", "step 2 of 2", second, "50 %", first),
            ("Promoted", second, first),
        )

    run_story(story)


def test_step_event_names_the_actual_traffic_share() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1", replicas=1))
        await world.deploy(spec("v2", replicas=1))
        steps = [event for event in await _events(world) if event[0] == "Shifting"]
        _assert_events(steps[:1], ("Shifting", "25 %", "50 %"))

    run_story(story)


def test_failed_canary_emits_the_cause_once_and_then_the_remedy() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await world.apply(spec("v2"))
        second = (await world.wait_for_phase("Rejected"))["rejected"][0]["revision"]
        _assert_events(
            (await _events(world))[1:],
            ("RollingBack", second, "CrashLoop", "code 3", first),
            ("CrashLoop", second, "RolloutDecision", "Retry", first),
        )

    run_story(story, serving=failing_pods("v2", Behaviour(fault=Fault.CRASH_LOOP, exit_code=3, message="")))


@pytest.mark.parametrize("has_stable", [True, False])
def test_permanently_failed_build_emits_one_event(has_stable: bool) -> None:
    async def story(world: World) -> None:
        stable = (await world.deploy(spec("v1")))["stable"]["revision"] if has_stable else ""
        await world.apply(spec_to_build("2"))
        status = await world.wait_for_phase("Rejected" if has_stable else "Failed")
        failed = status["rejected"][0]["revision"]
        _assert_events(
            (await _events(world))[int(has_stable) :],
            ("ModelLoadFailed", failed, "it does not work", "spec.build.refresh", stable),
        )

    run_story(story, building=failing_builds("ModelLoadFailed"))


def test_failed_first_rollout_emits_cause_and_remedy_in_one_event() -> None:
    async def story(world: World) -> None:
        await world.apply(spec("v1"))
        failed = (await world.wait_for_phase("Failed"))["rejected"][0]["revision"]
        _assert_events(await _events(world), ("CrashLoop", failed, "code 3", "RolloutDecision", "Retry"))

    run_story(story, serving=failing_pods("v1", Behaviour(fault=Fault.CRASH_LOOP, exit_code=3, message="")))


def test_retried_build_emits_one_event_that_counts_the_attempts() -> None:
    async def story(world: World) -> None:
        await world.apply(spec_to_build("1"))
        await world.wait_until(lambda s: s["build"]["attempt"] == 4)
        (event,) = await world.objects(kinds.EVENT)
        assert (event["type"], event["reason"], event["count"]) == ("Warning", "SourceNotFound", 3)
        assert "no such object" in event["message"]
        world.cluster.kubelet.building = successful_builds
        await world.wait_for_phase("Healthy")

    run_story(story, building=failing_builds("SourceNotFound", "no such object."))


def test_superseded_canary_emits_one_rollback_event() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(spec("v2")))["rollout"]["revision"]
        third = (await world.deploy(spec("v3")))["stable"]["revision"]
        events = await _events(world)
        _assert_events(events[2:4], ("RollingBack", second, third, first), ("Superseded", second, first))
        _assert_events(events[-1:], ("Promoted", third, first))

    run_story(story)


def test_decision_events_name_the_author_and_rejections_the_cause() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(spec("v2")))["rollout"]["revision"]
        await world.wait_for_result(await world.decide("Pause", revision=second, reason="lunch"))
        await world.wait_for_result(await world.decide("Skip", revision=second, step=1))
        _assert_events(
            (await _events(world))[2:],
            ("DecisionTaken", "Pause", second, "jo@shop.io", "lunch"),
            ("Paused", second, "25 %", "jo@shop.io", "lunch", "RolloutDecision", "Resume", first),
            ("DecisionRefused", "Skip", second, "jo@shop.io", "paused"),
        )

    run_story(story)


@pytest.mark.parametrize("has_stable", [True, False])
def test_missing_config_map_emits_one_event(has_stable: bool) -> None:
    async def story(world: World) -> None:
        stable = (await world.deploy(spec("v1")))["stable"]["revision"] if has_stable else ""
        before = len(await _events(world))
        await world.apply({**spec("v2"), "serving": {"envFrom": [{"configMapRef": {"name": "absent"}}]}})
        await world.wait_until(lambda s: "ConfigMap absent" in s["message"])
        await world.wait(600)
        _assert_events(
            (await _events(world))[before:],
            ("ContainerConfigError", "ConfigMap absent", "create it", "optional", stable),
        )

    run_story(story)


def test_missing_build_secret_emits_one_event() -> None:
    async def story(world: World) -> None:
        model = {"uri": "s3://models/churn/1/", "credentials": {"secretName": "absent"}}
        await world.apply({**spec(), "model": model})
        await world.wait_until(lambda s: "Secret absent" in s["message"])
        await world.wait(600)
        _assert_events(await _events(world), ("ContainerConfigError", "Secret absent", "create it"))

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
        assert (status["canary"]["weight"], status["rollout"]["pausedSeconds"]) == (25, 600)
        await world.wait_for_phase("Healthy")
        events = await _events(world)
        _assert_events(events[2:4], ("Paused", second, "25 %"), ("Shifting", second, "25 %"))
        assert "step" not in events[3][1]

    run_story(story)


def test_outage_of_stable_emits_an_event_at_its_start_and_its_end() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1", replicas=1)))["stable"]["revision"]
        [pod] = [p for p in await world.objects(kinds.POD) if p["metadata"]["uid"] in world.pod_uids(first)]
        world.cluster.kubelet.evict(NAMESPACE, pod["metadata"]["name"])
        await world.wait_for_phase("Degraded")
        await world.wait_for_phase("Healthy")
        _assert_events((await _events(world))[1:], ("StableUnhealthy", first), ("Healthy", first))

    run_story(story)
