"""How shares and replicas are kept true: by steps, beside autoscalers, and against edits by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from seatrial.api import kinds
from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour
from tests.stories.specs import sick, spec
from tests.stories.world import NAME, NAMESPACE, World, play

BOUNDS = {"minReplicas": 3, "maxReplicas": 12}


def _scaled(version: str, bounds: Body | None = None, **rollout: Any) -> Body:
    return {**spec(version, **rollout), "scaling": bounds or BOUNDS}


def _scaler(world: World, revision: str) -> Body | None:
    return world.server.look(kinds.HPA, NAMESPACE, f"{NAME}-{revision}")


def test_the_weight_is_raised_only_when_the_pods_for_it_are_there() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1", replicas=8))
        await world.shifting(spec("v2", replicas=8))
        await world.until(lambda s: s["rollout"]["step"] == 2)
        while (status := await world.status())["canary"]["weight"] == 25:
            assert status["canary"].get("readyReplicas", 0) < 8
            await world.wait(1)
        assert status["canary"]["readyReplicas"] == 8

    play(story, serving=sick("v2", Behaviour(ready_after=40)))


def test_one_pod_beside_one_is_a_half_and_says_so() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1", replicas=1))
        status = await world.shifting(spec("v2", replicas=1))
        assert (status["canary"]["weight"], status["canary"]["actualWeight"]) == (25, 50)
        assert "really 50 %" in status["message"]

    play(story)


def test_a_share_that_few_pods_cannot_give_is_waited_for_when_told_to_hold() -> None:
    async def story(world: World) -> None:
        traffic = {"replicas": {"whenTooFew": "Hold"}}
        await world.live({**spec("v1", replicas=1), "traffic": traffic})
        await world.apply({**spec("v2", replicas=1), "traffic": traffic})
        status = await world.until(lambda s: s["rollout"]["waitingFor"] == "Capacity")
        assert "25 %" in status["message"]
        await world.wait(900)
        assert (await world.status())["rollout"]["phase"] == "Starting"
        await world.apply({**spec("v2", replicas=3), "traffic": traffic})
        await world.phase("Healthy")

    play(story)


def test_an_autoscaler_finds_ten_pods_and_leaves_them() -> None:
    async def story(world: World) -> None:
        revision = (await world.live(spec("v1", replicas=10)))["stable"]["revision"]
        pods = world.pods_of(revision)
        await world.apply(_scaled("v1"))
        await world.wait(60)
        assert world.replicas_of(revision) == 10
        assert world.pods_of(revision) == pods
        scaler = _scaler(world, revision)
        assert scaler is not None
        assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (3, 12)

    play(story)


def test_the_autoscaler_is_held_while_the_canary_has_users_and_free_afterwards() -> None:
    async def story(world: World) -> None:
        first = (await world.live(_scaled("v1")))["stable"]["revision"]
        world.cluster.autoscalers.want(NAMESPACE, f"{NAME}-{first}", 8)
        await world.until(lambda s: s["readyReplicas"] == 8)
        second = (await world.shifting(_scaled("v2")))["canary"]["revision"]
        held = _scaler(world, first)
        assert held is not None
        assert held["spec"]["minReplicas"] == 8
        assert held["spec"]["behavior"]["scaleDown"]["selectPolicy"] == "Disabled"
        world.cluster.autoscalers.want(NAMESPACE, f"{NAME}-{first}", 3)
        await world.wait(30)
        assert world.replicas_of(first) == 8
        assert _scaler(world, second) is None
        await world.promoted(second)
        assert world.replicas_of(second) == 8
        await world.wait(60)
        free = _scaler(world, second)
        assert free is not None
        assert free["spec"]["minReplicas"] == 3
        assert free["spec"]["behavior"]["scaleDown"]["selectPolicy"] == "Max"
        assert world.replicas_of(second) == 8
        world.cluster.autoscalers.want(NAMESPACE, f"{NAME}-{second}", 4)
        await world.until(lambda s: s["replicas"] == 4)

    play(story)


def test_the_autoscaler_is_free_again_after_a_rollback() -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        first = (await world.live(_scaled("v1")))["stable"]["revision"]
        world.cluster.autoscalers.want(NAMESPACE, f"{NAME}-{first}", 6)
        await world.until(lambda s: s["readyReplicas"] == 6)
        second = (await world.shifting(_scaled("v2")))["canary"]["revision"]
        await world.decide("Abort", revision=second, attempt=1)
        await world.until(lambda s: s["rollout"]["phase"] == "Rejected")
        free = _scaler(world, first)
        assert free is not None
        assert (free["spec"]["minReplicas"], free["spec"]["behavior"]["scaleDown"]["selectPolicy"]) == (
            3,
            "Max",
        )

    play(story)


def test_bounds_that_change_in_mid_rollout_count_at_once() -> None:
    async def story(world: World) -> None:
        first = (await world.live(_scaled("v1")))["stable"]["revision"]
        second = (await world.shifting(_scaled("v2")))["canary"]["revision"]
        await world.apply(_scaled("v2", {"minReplicas": 6, "maxReplicas": 20}))
        await world.until(lambda s: s["stable"]["replicas"] >= 6)
        held = _scaler(world, first)
        assert held is not None
        assert held["spec"]["maxReplicas"] == 20
        last = await world.promoted(second)
        assert last["stable"]["replicas"] >= 6

    play(story)


def test_an_autoscaled_track_without_pods_is_scaled_first() -> None:
    """An autoscaler leaves a Deployment of zero replicas alone."""

    async def story(world: World) -> None:
        world.watcher.outages_allowed = True
        revision = (await world.live(_scaled("v1")))["stable"]["revision"]
        world.server.scale(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{revision}", replicas=0)
        await world.until(lambda s: s["readyReplicas"] == 3, seconds=20)

    play(story)


def test_the_canary_follows_what_the_autoscaler_makes_of_stable() -> None:
    async def story(world: World) -> None:
        first = (await world.live(_scaled("v1")))["stable"]["revision"]
        second = (await world.shifting(_scaled("v2"), weight=50))["canary"]["revision"]
        world.cluster.autoscalers.want(NAMESPACE, f"{NAME}-{first}", 9)
        await world.until(lambda s: s["canary"]["readyReplicas"] == 9)
        await world.promoted(second)
        assert world.replicas_of(second) == 9

    play(story)


def test_what_is_edited_by_hand_is_put_right() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        status = await world.shifting(spec("v2", steps=[{"weight": 25, "hold": "10m"}]))
        stable, canary = status["stable"]["revision"], status["canary"]["revision"]
        world.server.scale(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{stable}", replicas=1)
        world.server.scale(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{canary}", replicas=7)
        mine = {"seatrial.dev/server": NAME, "seatrial.dev/revision": canary}
        world.server.edit(kinds.SERVICE, NAMESPACE, NAME, patch={"spec": {"selector": mine}})
        await world.wait(5)
        assert (world.replicas_of(stable), world.replicas_of(canary)) == (3, 1)
        service = await world.get(kinds.SERVICE, NAME)
        assert service["spec"]["selector"] == {"seatrial.dev/server": NAME}
        image = {
            "spec": {"template": {"spec": {"containers": [{"name": "server", "image": "evil@sha256:0"}]}}}
        }
        world.server.edit(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{stable}", patch=image)
        await world.wait(5)
        body = await world.get(kinds.DEPLOYMENT, f"{NAME}-{stable}")
        assert body["spec"]["template"]["spec"]["containers"][0]["image"].startswith("registry.lab:5000/v1@")

    play(story)


def test_children_that_are_deleted_by_hand_are_back_in_seconds() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        status = await world.shifting(spec("v2", steps=[{"weight": 25, "hold": "10m"}]))
        stable, canary = status["stable"]["revision"], status["canary"]["revision"]
        for kind, name in (
            (kinds.SERVICE, NAME),
            (kinds.PDB, NAME),
            (kinds.DEPLOYMENT, f"{NAME}-{canary}"),
            (kinds.CONTROLLER_REVISION, f"{NAME}-{canary}"),
        ):
            world.server.remove(kind, NAMESPACE, name)
            await world.wait(5)
            assert world.server.look(kind, NAMESPACE, name) is not None, kind
        await world.until(
            lambda s: s["canary"]["weight"] == 25 and s["canary"]["readyReplicas"] == 1, seconds=20
        )
        world.server.remove(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{stable}")
        await world.wait(2)
        assert world.replicas_of(stable) == 3

    play(story)


def test_a_canary_deleted_in_a_pause_is_made_again() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        canary = (await world.shifting(spec("v2")))["canary"]["revision"]
        await world.apply({**spec("v2"), "paused": True})
        await world.phase("Paused")
        world.server.remove(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{canary}")
        status = await world.until(lambda s: s["stable"]["weight"] == 100, seconds=5)
        assert status["phase"] == "Paused"
        await world.apply(spec("v2"))
        await world.promoted(canary)

    play(story)


def test_a_longer_delay_is_kept_before_pods_leave() -> None:
    async def story(world: World) -> None:
        world.watcher.kept_for = timedelta(minutes=5)
        await world.live(spec("v1", scaleDownDelay="5m"))
        first = (await world.status())["stable"]["revision"]
        await world.live(spec("v2", scaleDownDelay="5m"), seconds=400)
        await world.wait(250)
        assert len(world.pods_of(first)) == 3
        await world.wait(60)
        assert world.pods_of(first) == set()

    play(story)


def test_recreate_stops_the_old_before_the_new_starts() -> None:
    async def story(world: World) -> None:
        world.watcher.outages_allowed = True
        first = (await world.live(spec("v1", strategy="Recreate")))["stable"]["revision"]
        await world.apply(spec("v2", strategy="Recreate"))
        second = (await world.until(lambda s: s["rollout"]["phase"] == "Starting"))["rollout"]["revision"]
        for _ in range(100):
            assert not (world.pods_of(first) and world.pods_of(second))
            await world.wait(0.1)
        await world.promoted(second, seconds=60)

    play(story)


def test_a_configuration_that_changes_is_a_new_revision_and_stable_keeps_its_copy() -> None:
    async def story(world: World) -> None:
        serving = {"envFrom": [{"configMapRef": {"name": "settings"}}]}
        await world.configure("settings", {"LOG": "info"})
        first = (await world.live({**spec("v1"), "serving": serving}))["stable"]["revision"]
        await world.configure("settings", {"LOG": "debug"})
        status = await world.until(lambda s: s["canary"]["weight"] == 25)
        assert status["canary"]["revision"] != first
        copies = {c["metadata"]["name"]: c for c in await world.all(kinds.CONFIG_MAP)}
        assert copies[f"{NAME}-{first}-0"]["data"] == {"LOG": "info"}
        assert copies[f"{NAME}-{first}-0"]["immutable"] is True
        for pod in world.server.all(kinds.POD, NAMESPACE):
            if pod["metadata"]["labels"]["seatrial.dev/revision"] == first:
                world.server.remove(kinds.POD, NAMESPACE, pod["metadata"]["name"])
        await world.until(lambda s: s["stable"]["readyReplicas"] == 3, seconds=30)
        read = {
            p["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"]
            for p in world.server.all(kinds.POD, NAMESPACE)
            if p["metadata"]["labels"]["seatrial.dev/revision"] == first
        }
        assert read == {f"{NAME}-{first}-0"}

    play(story)


def test_a_secret_that_changes_is_a_new_revision() -> None:
    async def story(world: World) -> None:
        serving = {"envFrom": [{"secretRef": {"name": "keys"}}]}
        await world.configure("keys", {"KEY": "b25l"}, kind=kinds.SECRET)
        first = (await world.live({**spec("v1"), "serving": serving}))["stable"]["revision"]
        await world.configure("keys", {"KEY": "dHdv"}, kind=kinds.SECRET)
        last = await world.until(lambda s: s["stable"]["revision"] != first and s["phase"] == "Healthy")
        assert last["history"][0]["outcome"] == "Promoted"

    play(story)
