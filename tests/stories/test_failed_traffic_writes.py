"""Weights that cannot be written: no step advances without traffic, and the status reports the actual traffic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seatrial.api import kinds
from seatrial.kube.transport import Request
from tests.stories.conditions import condition_messages, condition_reasons, condition_statuses
from tests.stories.specs import spec
from tests.stories.world import NAME, NAMESPACE, World, run_story

ALWAYS = 10_000
FORBIDDEN = 403


def _writes_of(resource: str, name: str = "") -> Callable[[Request], bool]:
    """Match the writes of all objects of this resource, or of the one with this name."""
    return lambda r: r.method in {"PATCH", "PUT"} and f"/{resource}/{name}" in r.path


def _creations_of(resource: str) -> Callable[[Request], bool]:
    return lambda r: r.method in {"POST", "PATCH"} and f"/{resource}" in r.path


def _autoscaled_spec(version: str) -> dict[str, Any]:
    return {
        **spec(version),
        "scaling": {"minReplicas": 3, "maxReplicas": 12, "metrics": [{"cpu": 70}]},
    }


@pytest.mark.parametrize("resource", ["horizontalpodautoscalers", "services"])
def test_step_does_not_advance_while_its_weight_cannot_be_written(resource: str) -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(_autoscaled_spec("v1")))["stable"]["revision"]
        world.server.faults.fail_next(ALWAYS, FORBIDDEN, _writes_of(resource))
        await world.apply(_autoscaled_spec("v2"))
        await world.wait_until(lambda s: s["rollout"]["phase"] == "Shifting")
        await world.wait(1200)
        status = await world.status()
        assert (status["rollout"]["phase"], status["rollout"]["step"]) == ("Shifting", 1)
        assert status["canary"]["actualWeight"] == 0
        assert status["stable"]["revision"] == first
        assert (status["canary"]["weight"], status["rollout"].get("stepStartedAt")) == (25, None)
        assert condition_reasons(status)["Ready"] == "ApiForbidden"
        assert first in condition_messages(status)["Ready"]
        assert status.get("nextTransitionTime") is None

    run_story(story, ends_idle=False)


def test_step_hold_starts_when_its_weight_is_written() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        world.server.faults.fail_next(3, FORBIDDEN, _writes_of("services"))
        await world.apply(spec("v2"))
        await world.wait_until(lambda s: s["canary"]["actualWeight"] == 25)
        since = world.now()
        await world.wait_until(lambda s: s["rollout"]["step"] == 2)
        assert (world.now() - since).total_seconds() >= 59
        await world.wait_for_phase("Healthy")

    run_story(story)


def test_status_reports_canary_traffic_until_it_is_removed() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        revision = (await world.start_canary(spec("v2")))["canary"]["revision"]
        world.server.faults.fail_next(ALWAYS, FORBIDDEN, _writes_of("services", NAME))
        await world.decide("Abort", revision=revision, attempt=1)
        await world.wait_until(lambda s: s["phase"] == "RollingBack")
        await world.wait(300)
        status = await world.status()
        assert status["canary"]["actualWeight"] == 25
        assert condition_reasons(status)["Ready"] == "ApiForbidden"
        assert f"Service {NAME}" in status["message"]
        assert "25 %" in status["message"]
        assert world.pod_uids(revision)

    run_story(story, ends_idle=False)


def test_failing_traffic_writes_cause_no_repeated_status_writes() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        world.server.faults.fail_next(ALWAYS, FORBIDDEN, _writes_of("services"))
        await world.apply(spec("v2"))
        await world.wait_until(lambda s: s["rollout"]["phase"] == "Shifting")
        await world.wait(60)
        mark = len(world.server.writes)
        await world.wait(600)
        assert world.writes_since(mark) == []
        await world.decide("Abort", revision=(await world.status())["canary"]["revision"], attempt=1)
        await world.wait_until(lambda s: s["phase"] == "RollingBack")
        await world.wait(60)
        mark = len(world.server.writes)
        await world.wait(600)
        assert world.writes_since(mark) == []

    run_story(story, ends_idle=False)


def test_promotion_is_not_healthy_before_traffic_has_moved() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(spec("v2"), weight=50))["canary"]["revision"]
        world.server.faults.fail_next(ALWAYS, FORBIDDEN, _writes_of("services"))
        await world.wait_until(lambda s: s["stable"]["revision"] == second)
        await world.wait(600)
        status = await world.status()
        conditions = condition_statuses(status)
        assert (status["phase"], conditions["Ready"], conditions["Reconciling"]) == (
            "Promoting",
            "False",
            "True",
        )
        assert conditions["Serving"] == "True"
        assert condition_reasons(status)["Ready"] == "ApiForbidden"
        assert "50 %" in condition_messages(status)["Ready"]
        assert first in condition_messages(status)["Ready"]
        assert world.pod_uids(first)

    run_story(story, ends_idle=False)


def test_serving_is_false_while_the_service_is_missing() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        world.server.faults.fail_next(20, FORBIDDEN, _creations_of("services"))
        await world.client.delete(kinds.SERVICE, NAMESPACE, NAME)
        status = await world.wait_until(lambda s: s["phase"] == "Degraded")
        assert condition_statuses(status)["Serving"] == "False"
        assert first in status["message"]
        assert "Service" in status["message"]
        await world.wait_for_phase("Healthy")

    run_story(story)


def test_outage_is_reported_while_a_weight_cannot_be_written() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1", replicas=1)))["stable"]["revision"]
        world.server.faults.fail_next(ALWAYS, FORBIDDEN, _writes_of("services"))
        await world.apply(spec("v2", replicas=1))
        await world.wait_until(lambda s: s["canary"]["weight"] > s["canary"]["actualWeight"] == 0)
        await _evict_pods(world, first)
        status = await world.wait_until(lambda s: condition_statuses(s)["Serving"] == "False")
        assert condition_reasons(status)["Ready"] == "ApiForbidden"
        assert first in condition_messages(status)["Ready"]
        assert status["phase"] == "Degraded"

    run_story(story, ends_idle=False)


def test_missing_config_map_emits_one_event_while_writes_fail() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        world.server.faults.fail_next(ALWAYS, FORBIDDEN, _creations_of("services"))
        await world.client.delete(kinds.SERVICE, NAMESPACE, NAME)
        await world.apply({**spec("v2"), "serving": {"envFrom": [{"configMapRef": {"name": "absent"}}]}})
        status = await world.wait_until(lambda s: "ConfigMap absent" in s["message"])
        await world.wait(900)
        events = [e for e in await world.objects(kinds.EVENT) if "absent" in e["message"]]
        assert [e["count"] for e in events] == [1]
        assert condition_reasons(status)["Ready"] == "ApiForbidden"

    run_story(story, ends_idle=False)


async def _evict_pods(world: World, revision: str) -> None:
    """Evict the revision's pods; new ones become ready later."""
    for pod in await world.objects(kinds.POD):
        if pod["metadata"]["uid"] in world.pod_uids(revision):
            world.cluster.kubelet.evict(NAMESPACE, pod["metadata"]["name"])
