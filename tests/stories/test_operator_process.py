"""The operator as a process: idle without writes, robust against missed events, and one leader at a time."""

from __future__ import annotations

import pytest

from seatrial.api import kinds
from seatrial.api.objects import Body, ObjectKey
from tests.apiserver.pod_behaviour import Behaviour, Fault
from tests.stories.conditions import condition_reasons
from tests.stories.specs import failing_pods, image, spec
from tests.stories.world import NAME, NAMESPACE, World, run_story

LEASE_NAMESPACE = "seatrial-system"


def test_idle_operator_writes_nothing_for_an_hour() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.deploy(spec("v2"))
        await world.wait_until_idle()
        writes = len(world.transport.writes)
        await world.wait(3600)
        assert len(world.transport.writes) == writes

    run_story(story)


def test_restart_with_fifty_healthy_objects_writes_nothing() -> None:
    async def story(world: World) -> None:
        names = [f"model-{number}" for number in range(50)]
        for number, name in enumerate(names):
            await world.apply(spec(f"v{number}", replicas=2), name=name)
        for name in names:
            await world.wait_for_phase("Healthy", name=name, seconds=120)
        await world.wait(90)
        await world.restart_operator()
        await world.wait(300)
        assert world.transport.writes == []

    run_story(story, ends_idle=False)


@pytest.mark.parametrize("state", ["paused", "rejected", "waiting"])
def test_restart_during_a_rollout_writes_nothing_when_nothing_changed(state: str) -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        match state:
            case "paused":
                await world.start_canary(spec("v2"))
                await world.apply({**spec("v2"), "paused": True})
                await world.wait_for_phase("Paused")
            case "rejected":
                await world.apply(spec("bad"))
                await world.wait_for_phase("Rejected", seconds=120)
                await world.wait_until_idle()
            case _:
                await world.start_canary(spec("v2", steps=[{"weight": 25, "hold": "2h"}]))
        await world.wait_for_quiet(quiet=15)  # a look at the metrics of every pod included
        await world.restart_operator()
        await world.wait(600)
        assert world.transport.writes == []

    run_story(story, serving=failing_pods("bad", Behaviour(fault=Fault.CRASH_LOOP)), ends_idle=False)


def test_upgrade_that_renders_pods_differently_restarts_no_pods() -> None:
    """An upgraded operator renders new revisions differently; existing pods keep their template."""

    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.wait_until_idle()
        registry = world.settings.registry.model_copy(update={"pull_secret_name": "other"})
        world.settings = world.settings.model_copy(update={"registry": registry})
        await world.restart_operator()
        await world.wait(300)
        assert world.transport.writes == []

    run_story(story)


def test_first_rollout_needs_at_most_six_writes() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1", replicas=1))
        await world.wait_until_idle()
        assert len(world.transport.writes) <= 6, world.transport.writes

    run_story(story)


def test_rollout_continues_after_the_operator_was_down_longer_than_the_hold() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.start_canary(spec("v2"))
        await world.kill_operator()
        await world.wait(3600)
        await world.start_operator()
        status = await world.wait_until(lambda s: s["canary"]["weight"] == 50, seconds=30)
        await world.wait_for_promotion(status["canary"]["revision"], seconds=120)

    run_story(story)


def test_standby_takes_over_when_the_leader_is_killed() -> None:
    async def story(world: World) -> None:
        await world.kill_operator()
        leader = await world.start_operator(lease_namespace=LEASE_NAMESPACE, identity="one")
        await world.wait(1)
        standby = await world.start_operator(lease_namespace=LEASE_NAMESPACE, identity="two")
        first = await world.deploy(spec("v1"))
        assert (len(leader.transport.writes) > 5, standby.transport.writes) == (True, [])
        await world.start_canary(spec("v2"))
        await leader.kill()
        await world.wait_until(lambda s: s["canary"]["weight"] == 50)
        last = await world.wait_for_phase("Healthy")
        assert last["stable"]["image"] == image("v2")
        assert last["stable"]["revision"] != first["stable"]["revision"]
        assert standby.transport.writes

    run_story(story)


def test_leader_that_cannot_renew_stops_writing_before_the_standby_starts() -> None:
    async def story(world: World) -> None:
        await world.kill_operator()
        leader = await world.start_operator(lease_namespace=LEASE_NAMESPACE, identity="one")
        await world.deploy(spec("v1"))
        standby = await world.start_operator(lease_namespace=LEASE_NAMESPACE, identity="two")
        await world.wait(20)
        world.server.faults.fail_next(
            10_000, 500, lambda r: "/leases/" in r.path and b"one" in (r.body or b"")
        )
        writes_before = len(leader.transport.writes)
        while not leader.lease_lost.is_set():
            await world.wait(0.5)
        writes_when_lost = len(leader.transport.writes)
        assert standby.transport.writes == []
        await world.apply(spec("v2"))
        await world.wait_for_phase("Healthy")
        assert len(leader.transport.writes) == writes_when_lost >= writes_before
        assert standby.transport.writes

    run_story(story)


async def _delete_service_unnoticed(world: World) -> None:
    """Delete the Service while no watch is connected, and compact the history so that none can resume."""
    world.server.faults.lose_delete_event(kinds.SERVICE, NAME)
    world.server.faults.drop_watches()
    world.server.remove(kinds.SERVICE, NAMESPACE, NAME)
    world.server.faults.compact()


def test_deletion_missed_by_every_watch_is_repaired() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await _delete_service_unnoticed(world)
        await world.wait(60)
        assert world.server.look(kinds.SERVICE, NAMESPACE, NAME) is not None

    run_story(story)


def test_constantly_broken_watches_only_delay_the_rollout() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.apply(spec("v2"))
        for _ in range(60):
            world.server.faults.drop_watches()
            world.server.faults.compact()
            await world.wait(3)
        status = await world.wait_for_phase("Healthy", seconds=600)
        assert status["stable"]["image"] == image("v2")

    run_story(story)


def test_rollout_continues_after_an_api_server_outage() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.start_canary(spec("v2"))
        world.server.faults.unreachable = True
        await world.wait(400)
        world.server.faults.unreachable = False
        world.server.faults.drop_watches()
        status = await world.wait_for_phase("Healthy", seconds=900)
        assert status["stable"]["image"] == image("v2")

    run_story(story)


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_object_deleted_during_a_rollout_is_cleaned_up_without_a_hot_loop(policy: str) -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.start_canary(spec("v2"))
        writes, requests = len(world.transport.writes), len(world.server.requests)
        world.server.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, NAME, options={"propagationPolicy": policy})
        await world.wait(600)
        assert len(world.transport.writes) - writes <= 2
        assert len(world.server.requests) - requests < 100
        for kind in (kinds.DEPLOYMENT, kinds.SERVICE, kinds.POD, kinds.CONTROLLER_REVISION):
            assert await world.objects(kind) == []

    run_story(story)


def test_terminating_namespace_causes_no_hot_loop() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.start_canary(spec("v2"))
        namespace = world.server.look(kinds.NAMESPACE, "", NAMESPACE)
        assert namespace is not None
        terminating = {
            **namespace,
            "metadata": {**namespace["metadata"], "deletionTimestamp": world.server.now()},
        }
        world.server.store.put(kinds.NAMESPACE, ObjectKey("", NAMESPACE), terminating)
        writes = len(world.transport.writes)
        world.server.remove(kinds.SERVICE, NAMESPACE, NAME)
        await world.wait(600)
        assert len(world.transport.writes) - writes < 120, world.transport.writes[-5:]

    run_story(story, ends_idle=False)


def test_unparsable_spec_is_reported_and_nothing_is_changed() -> None:
    """The API server accepted a spec that this operator cannot parse, as after a downgrade."""

    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        unparsable: Body = {**spec("v1"), "scaling": {"replicas": 3, "minReplicas": 9, "maxReplicas": 1}}
        await world.apply(unparsable)
        status = await world.wait_until(lambda s: condition_reasons(s)["Stalled"] == "InvalidSpec")
        assert status["stable"]["readyReplicas"] == 3
        writes = len(world.transport.writes)
        await world.wait(600)
        assert len(world.transport.writes) == writes
        await world.client.apply(kinds.MODEL_DEPLOYMENT, {**_object(), "spec": spec("v1")})
        await world.wait_for_phase("Healthy", seconds=30)

    run_story(story)


def _object() -> Body:
    return {
        "apiVersion": "seatrial.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
    }
