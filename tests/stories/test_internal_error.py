"""A bug that a spec runs into: what serves and what is on trial stays watched, and decisions are taken."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from seatrial.api import base, kinds, names
from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour
from tests.stories.conditions import condition_reasons, condition_statuses
from tests.stories.specs import failing_pods, spec
from tests.stories.world import NAME, World, run_story

DYING = Behaviour(restarts=(30.0, 60.0), exit_code=137, restart_reason="OOMKilled")


class Empty(base.SpecModel):
    """The configuration of the faulty router."""


class FaultyRouter:
    """A plugin with a bug."""

    kinds: ClassVar[tuple[kinds.Kind, ...]] = (kinds.SERVICE,)
    config: ClassVar[type[Empty]] = Empty

    def __init__(self, config: Empty) -> None:
        raise KeyError("a bug")


def install_faulty_router(world: World) -> None:
    """Register the router, as if its package were installed."""
    world.bugs_allowed = True
    reconciler = world.operator.reconciler
    reconciler._shell = replace(
        reconciler._shell, routers={**reconciler._shell.routers, "faulty": FaultyRouter}
    )


def unsplittable(version: str = "v2") -> Body:
    """Return a spec whose URI no reader can split; the CRD of an earlier version accepted it."""
    return {**spec(version), "model": {"uri": "http://[::1/model.skops"}}


def faulty(version: str = "v2") -> Body:
    """Return a spec that makes the operator run into a bug."""
    return {**spec(version), "traffic": {"plugin": {"name": "faulty"}}}


SPECS = [
    pytest.param(unsplittable(), "InvalidSpec", id="a URI that cannot be split"),
    pytest.param(faulty(), "InternalError", id="a bug"),
]


@pytest.mark.parametrize(("broken", "reason"), SPECS)
def test_failing_canary_is_rolled_back_although_the_spec_cannot_be_planned(broken: Body, reason: str) -> None:
    async def story(world: World) -> None:
        if reason == "InternalError":
            install_faulty_router(world)
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply(broken)
        held = await world.wait_for_phase("Rejected", seconds=2)
        assert condition_reasons(held)["Stalled"] == reason
        assert held["canary"]["weight"] == 25
        status = await world.wait_until(lambda s: s["rejected"][0]["revision"] == second, seconds=120)
        assert status["rejected"][0]["reason"] == "OutOfMemory"
        await world.wait_until(lambda _: not world.pod_uids(second), seconds=120)
        service = await world.get(kinds.SERVICE, NAME)
        assert service["spec"]["selector"][names.LABEL_REVISION] == first

    run_story(story, serving=failing_pods("v2", DYING), ends_idle=reason == "InvalidSpec")


@pytest.mark.parametrize(("broken", "reason"), SPECS)
def test_abort_is_accepted_although_the_spec_cannot_be_planned(broken: Body, reason: str) -> None:
    async def story(world: World) -> None:
        if reason == "InternalError":
            install_faulty_router(world)
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply(broken)
        await world.wait_until(lambda s: condition_reasons(s)["Stalled"] == reason, seconds=2)
        promote = await world.decide("Promote", revision=second, attempt=1)
        assert (await world.wait_for_result(promote, seconds=2))["phase"] == "Refused"
        abort = await world.decide("Abort", revision=second, attempt=1)
        assert (await world.wait_for_result(abort, seconds=2))["phase"] == "Taken"
        await world.wait_until(lambda s: s["rejected"][0]["reason"] == "Aborted", seconds=120)

    run_story(story, ends_idle=reason == "InvalidSpec")


def test_bug_is_counted_and_the_status_names_its_traceback_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(world: World) -> None:
        install_faulty_router(world)
        await world.deploy(spec("v1"))
        await world.apply(faulty("v1"))
        status = await world.wait_for_phase("Rejected", seconds=2)
        assert condition_statuses(status)["Serving"] == "True"
        await world.wait(600)
        logged: list[Any] = [r for r in caplog.records if r.exc_info and "bug" in r.message]
        assert len({record.id for record in logged}) == 1
        assert f"id {logged[0].id}" in status["message"]
        assert await world.status() == status, "a bug that recurs changes nothing"
        bugs = world.processes[-1].bugs
        assert 5 < bugs == len(logged) < 40, "it is retried with back-off"
        events = [e for e in await world.objects(kinds.EVENT) if e["reason"] == "InternalError"]
        assert [event["count"] for event in events] == [1]

    with caplog.at_level(logging.ERROR):
        run_story(story, ends_idle=False)


def test_spec_after_a_bug_is_carried_out_at_once() -> None:
    async def story(world: World) -> None:
        install_faulty_router(world)
        await world.deploy(spec("v1"))
        await world.apply(faulty("v2"))
        await world.wait(1200)
        await world.apply(spec("v2"))
        await world.wait_until(lambda s: s["rollout"]["phase"] == "Starting", seconds=1)
        await world.wait_for_phase("Healthy", seconds=300)

    run_story(story)
