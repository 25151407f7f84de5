"""Clocks that are set, machines whose clocks are wrong, and time in which nobody looked."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour, BuildBehaviour
from tests.stories.specs import failing_pods, spec, spec_to_build, successful_report
from tests.stories.timeline import Timeline
from tests.stories.world import World, run_story

HOUR = timedelta(hours=1)
SLOW_PODS = Behaviour(ready_after=20)
CRASHING_UNDER_TRAFFIC = Behaviour(ready_after=20, restarts=(60,))

Disturbance = Callable[[World], Awaitable[None]]
Holds = Callable[[Body], bool]


def _in_phase(phase: str, *, weight: int = 0) -> Holds:
    return lambda rollout: rollout["phase"] == phase and rollout.get("weight", 0) == weight


MOMENTS = {
    "Building": _in_phase("Building"),
    "Starting": _in_phase("Starting"),
    "Shifting": _in_phase("Shifting", weight=25),
    "Paused": _in_phase("Paused", weight=25),
    "the second step": _in_phase("Shifting", weight=40),
    "Promoting": _in_phase("Promoting", weight=40),
    "the delay after promotion": _in_phase("Stable", weight=100),
}


def _spec_to_build(version: str) -> Body:
    """Return a spec whose last step needs fewer pods than its promotion."""
    steps = [{"weight": 25, "hold": "1m"}, {"weight": 40, "hold": "1m"}]
    return {**spec_to_build(version), "rollout": {"steps": steps, "progressDeadline": "5m"}}


async def _promotion(world: World) -> None:
    """A revision is built, paused in its first step, and promoted; the old pods leave after the delay."""
    await world.deploy(_spec_to_build("1"))
    await world.apply(_spec_to_build("2"))
    await world.wait_until(lambda s: s["canary"]["weight"] == 25)
    await world.wait(20)
    await world.apply({**_spec_to_build("2"), "paused": True})
    await world.wait(40)
    await world.apply(_spec_to_build("2"))
    await world.wait_until(lambda s: s["phase"] == "Healthy", seconds=400)
    await world.wait(90)


async def _rollback(world: World) -> None:
    """A revision crashes in its first step; its pods leave after the delay."""
    await world.deploy(spec("v1"))
    await world.apply(spec("v2"))
    await world.wait_until(lambda s: s["phase"] == "Rejected", seconds=400)


def _disturbed_at(holds: Holds, disturbance: Disturbance) -> Disturbance:
    """Return what disturbs a world five seconds after its second rollout has come to a moment."""

    async def wait_and_disturb(world: World) -> None:
        await world.wait_until(lambda s: s["stable"]["revision"] and s["rollout"]["phase"] == "Stable")
        await world.wait_until(lambda s: s["rollout"]["phase"] != "Stable")
        await world.wait_until(lambda s: holds(s["rollout"]))
        await world.wait(5)
        await disturbance(world)

    return wait_and_disturb


def _timeline(story: Disturbance, pods: Behaviour, disturbance: Disturbance | None) -> Timeline:
    """Return what happens in a story with this disturbance."""
    timelines: list[Timeline] = []

    async def recorded(world: World) -> None:
        timelines.append(Timeline(world))
        disturbing = None if disturbance is None else asyncio.create_task(disturbance(world))
        await story(world)
        assert disturbing is None or disturbing.done(), "the moment of the disturbance never came"

    serving = failing_pods("v2", pods) if story is _rollback else lambda _pod: pods
    run_story(recorded, serving=serving, building=_slow_builds, ends_idle=False)
    return timelines[0]


def _slow_builds(pod: Body) -> BuildBehaviour:
    return BuildBehaviour(seconds=20, message=successful_report(pod).to_json())


@functools.cache
def _undisturbed(story: Disturbance, pods: Behaviour) -> Timeline:
    return _timeline(story, pods, None)


def _set_clocks(hours: int) -> Disturbance:
    async def set_clocks(world: World) -> None:
        world.clock_offset += hours * HOUR

    return set_clocks


def _restart_with_wrong_clock(hours: int) -> Disturbance:
    async def restart(world: World) -> None:
        await world.kill_operator()
        await world.start_operator(clock_error=hours * HOUR)

    return restart


@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.parametrize("moment", MOMENTS)
def test_setting_the_clock_changes_no_moment_of_a_promotion(moment: str, hours: int) -> None:
    disturbed = _timeline(_promotion, SLOW_PODS, _disturbed_at(MOMENTS[moment], _set_clocks(hours)))
    _undisturbed(_promotion, SLOW_PODS).assert_equals(disturbed, within=3)


@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_restart_on_a_machine_with_a_wrong_clock_changes_no_moment_of_a_promotion(
    moment: str, hours: int
) -> None:
    restart = _disturbed_at(MOMENTS[moment], _restart_with_wrong_clock(hours))
    _undisturbed(_promotion, SLOW_PODS).assert_equals(_timeline(_promotion, SLOW_PODS, restart), within=3)


@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.parametrize(
    "moment", [_in_phase("Shifting", weight=25), _in_phase("RollingBack")], ids=["Shifting", "RollingBack"]
)
def test_setting_the_clock_changes_no_moment_of_a_rollback(moment: Holds, hours: int) -> None:
    disturbed = _timeline(_rollback, CRASHING_UNDER_TRAFFIC, _disturbed_at(moment, _set_clocks(hours)))
    _undisturbed(_rollback, CRASHING_UNDER_TRAFFIC).assert_equals(disturbed, within=3)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set_while_no_operator_runs_rejects_nothing_and_repeats_one_hold_at_most(
    hours: int,
) -> None:
    async def story(world: World) -> None:
        first = await world.deploy(spec("v1"))
        await world.start_canary(spec("v2"))
        await world.wait(30)
        await world.kill_operator()
        world.clock_offset += hours * HOUR
        await world.start_operator()
        await world.wait_until(lambda s: s["canary"]["weight"] == 50, seconds=70)
        await world.wait_until(lambda s: s["phase"] == "Healthy", seconds=70)
        assert (await world.status())["stable"]["revision"] != first["stable"]["revision"]

    run_story(story)


def test_time_in_which_no_operator_ran_is_no_lack_of_progress() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.apply(spec("v2"))
        await world.wait_until(lambda s: s["rollout"]["progressedAt"])
        await world.kill_operator()
        await world.wait(400)
        await world.start_operator()
        await world.wait_until(lambda s: s["canary"]["weight"] == 25, seconds=60)

    run_story(story, serving=failing_pods("v2", Behaviour(ready_after=430)))


def test_an_outage_of_the_api_server_is_no_lack_of_progress() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.apply(spec("v2"))
        await world.wait_until(lambda s: s["rollout"]["progressedAt"])
        world.server.faults.unreachable = True
        world.server.faults.drop_watches()
        await world.wait(400)
        world.server.faults.unreachable = False
        await world.wait_until(lambda s: s["canary"]["weight"] == 25, seconds=90)

    run_story(story, serving=failing_pods("v2", Behaviour(ready_after=430)))


def test_the_progress_deadline_still_ends_a_rollout_after_a_restart() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.apply(spec("v2"))
        await world.wait_until(lambda s: s["rollout"]["progressedAt"])
        await world.wait(100)
        await world.restart_operator()
        status = await world.wait_until(lambda s: s["phase"] == "Rejected", seconds=340)
        assert status["rollout"]["reason"] == "ProgressDeadlineExceeded"

    run_story(story, serving=failing_pods("v2", Behaviour(ready_after=10_000)))


def test_an_abort_is_accepted_after_the_clock_went_back() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.install_decision_policy()
        status = await world.start_canary(spec("v2"))
        world.clock_offset += -HOUR
        await world.wait(45)
        abort = await world.decide("Abort", revision=status["rollout"]["revision"], attempt=1)
        assert (await world.wait_for_result(abort))["phase"] == "Taken"

    run_story(story)


def test_at_rest_nothing_is_written_when_the_clock_is_set() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.wait(120)
        mark = len(world.server.writes)
        world.clock_offset += HOUR
        await world.apply_config("unrelated", {"key": "value"})
        await world.restart_operator()
        await world.wait(60)
        assert [w for w in world.writes_since(mark) if w.kind == "ModelDeployment"] == []

    run_story(story)
