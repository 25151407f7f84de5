"""The operator as a process: it writes nothing at rest, misses nothing, and is never two."""

from __future__ import annotations

import pytest

from seatrial.api import kinds
from seatrial.api.objects import Body, ObjectKey
from tests.apiserver.pod_behaviour import Behaviour, Fault
from tests.stories.specs import image, sick, spec
from tests.stories.world import NAME, NAMESPACE, World, play

LEASE = "seatrial-system"


def test_an_idle_hour_writes_nothing() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        await world.live(spec("v2"))
        await world.rest()
        writes = len(world.line.writes)
        await world.wait(3600)
        assert len(world.line.writes) == writes

    play(story)


def test_a_restart_beside_fifty_objects_writes_nothing() -> None:
    async def story(world: World) -> None:
        names = [f"model-{number}" for number in range(50)]
        for number, name in enumerate(names):
            await world.apply(spec(f"v{number}", replicas=2), name=name)
        for name in names:
            await world.phase("Healthy", name=name, seconds=120)
        await world.wait(90)
        await world.restart_operator()
        await world.wait(300)
        assert world.line.writes == []

    play(story, rests=False)


@pytest.mark.parametrize("state", ["paused", "rejected", "waiting"])
def test_a_restart_in_the_middle_writes_nothing_where_nothing_has_changed(state: str) -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        match state:
            case "paused":
                await world.shifting(spec("v2"))
                await world.apply({**spec("v2"), "paused": True})
                await world.phase("Paused")
            case "rejected":
                await world.apply(spec("bad"))
                await world.phase("Degraded", seconds=120)
                await world.rest()
            case _:
                await world.shifting(spec("v2", steps=[{"weight": 25, "hold": "2h"}]))
        await world.pause_of_writes()
        await world.restart_operator()
        await world.wait(600)
        assert world.line.writes == []

    play(story, serving=sick("bad", Behaviour(fault=Fault.CRASH_LOOP)), rests=False)


def test_an_operator_that_renders_otherwise_restarts_nothing() -> None:
    """As after an upgrade: pods run what was rendered when they were made."""

    async def story(world: World) -> None:
        await world.live(spec("v1"))
        await world.rest()
        registry = world.settings.registry.model_copy(update={"pull_secret_name": "other"})
        world.settings = world.settings.model_copy(update={"registry": registry})
        await world.restart_operator()
        await world.wait(300)
        assert world.line.writes == []

    play(story)


def test_a_first_deploy_needs_few_writes() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1", replicas=1))
        await world.rest()
        assert len(world.line.writes) <= 6, world.line.writes

    play(story)


def test_the_operator_was_away_longer_than_the_hold() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        await world.shifting(spec("v2"))
        await world.kill_operator()
        await world.wait(3600)
        await world.start_operator()
        status = await world.until(lambda s: s["canary"]["weight"] == 50, seconds=30)
        await world.promoted(status["canary"]["revision"], seconds=120)

    play(story)


def test_of_two_operators_one_acts_and_the_other_takes_over() -> None:
    async def story(world: World) -> None:
        await world.kill_operator()
        one = await world.start_operator(lease_namespace=LEASE, identity="one")
        await world.wait(1)
        two = await world.start_operator(lease_namespace=LEASE, identity="two")
        first = await world.live(spec("v1"))
        assert (len(one.line.writes) > 5, two.line.writes) == (True, [])
        await world.shifting(spec("v2"))
        await one.kill()
        await world.until(lambda s: s["canary"]["weight"] == 50)
        last = await world.phase("Healthy")
        assert last["stable"]["image"] == image("v2")
        assert last["stable"]["revision"] != first["stable"]["revision"]
        assert two.line.writes

    play(story)


def test_a_leader_that_cannot_renew_stops_writing_before_another_begins() -> None:
    async def story(world: World) -> None:
        await world.kill_operator()
        one = await world.start_operator(lease_namespace=LEASE, identity="one")
        await world.live(spec("v1"))
        two = await world.start_operator(lease_namespace=LEASE, identity="two")
        await world.wait(20)
        world.server.faults.fail_next(
            10_000, 500, lambda r: "/leases/" in r.path and b"one" in (r.body or b"")
        )
        began = len(one.line.writes)
        while not one.lost.is_set():
            await world.wait(0.5)
        lost_at = len(one.line.writes)
        assert two.line.writes == []
        await world.apply(spec("v2"))
        await world.phase("Healthy")
        assert len(one.line.writes) == lost_at >= began
        assert two.line.writes

    play(story)


async def _change_unheard(world: World) -> None:
    """The watches are dead, the past is forgotten, and a child goes away meanwhile."""
    world.server.faults.lose_delete_event(kinds.SERVICE, NAME)
    world.server.faults.drop_watches()
    world.server.remove(kinds.SERVICE, NAMESPACE, NAME)
    world.server.faults.compact()


def test_a_deletion_that_no_watch_told_of_is_noticed() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        await _change_unheard(world)
        await world.wait(60)
        assert world.server.look(kinds.SERVICE, NAMESPACE, NAME) is not None

    play(story)


def test_watches_that_break_all_the_time_delay_but_never_mislead() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        await world.apply(spec("v2"))
        for _ in range(60):
            world.server.faults.drop_watches()
            world.server.faults.compact()
            await world.wait(3)
        status = await world.phase("Healthy", seconds=600)
        assert status["stable"]["image"] == image("v2")

    play(story)


def test_an_api_server_that_is_away_for_minutes_is_waited_for() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        await world.shifting(spec("v2"))
        world.server.faults.unreachable = True
        await world.wait(400)
        world.server.faults.unreachable = False
        world.server.faults.drop_watches()
        status = await world.phase("Healthy", seconds=900)
        assert status["stable"]["image"] == image("v2")

    play(story)


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_an_object_deleted_in_mid_rollout_is_let_go(policy: str) -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        await world.shifting(spec("v2"))
        writes, requests = len(world.line.writes), len(world.server.requests)
        world.server.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, NAME, options={"propagationPolicy": policy})
        await world.wait(600)
        assert len(world.line.writes) - writes <= 2
        assert len(world.server.requests) - requests < 100
        for kind in (kinds.DEPLOYMENT, kinds.SERVICE, kinds.POD, kinds.CONTROLLER_REVISION):
            assert await world.all(kind) == []

    play(story)


def test_a_namespace_that_ends_is_no_hot_loop() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        await world.shifting(spec("v2"))
        namespace = world.server.look(kinds.NAMESPACE, "", NAMESPACE)
        assert namespace is not None
        ending = {**namespace, "metadata": {**namespace["metadata"], "deletionTimestamp": world.server.now()}}
        world.server.store.put(kinds.NAMESPACE, ObjectKey("", NAMESPACE), ending)
        writes = len(world.line.writes)
        world.server.remove(kinds.SERVICE, NAMESPACE, NAME)
        await world.wait(600)
        assert len(world.line.writes) - writes < 120, world.line.writes[-5:]

    play(story, rests=False)


def test_an_object_that_no_longer_can_be_read_is_told_so_and_nothing_is_touched() -> None:
    """The API server let through what this operator cannot read, as after a downgrade."""

    async def story(world: World) -> None:
        await world.live(spec("v1"))
        broken: Body = {**spec("v1"), "scaling": {"replicas": 3, "minReplicas": 9, "maxReplicas": 1}}
        await world.apply(broken)
        status = await world.until(lambda s: "refused" in s["message"])
        assert status["stable"]["readyReplicas"] == 3
        writes = len(world.line.writes)
        await world.wait(600)
        assert len(world.line.writes) == writes
        await world.client.apply(kinds.MODEL_DEPLOYMENT, {**_object(), "spec": spec("v1")})
        await world.phase("Healthy", seconds=30)

    play(story)


def _object() -> Body:
    return {
        "apiVersion": "seatrial.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
    }
