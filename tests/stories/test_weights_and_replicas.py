"""How weights and replicas are kept as decided: in steps, with autoscalers, and after manual edits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from seatrial.api import kinds
from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour
from tests.stories.specs import failing_pods, spec
from tests.stories.world import NAME, NAMESPACE, World, run_story

BOUNDS = {"minReplicas": 3, "maxReplicas": 12}


def _autoscaled_spec(version: str, bounds: Body | None = None, **rollout: Any) -> Body:
    return {**spec(version, **rollout), "scaling": bounds or BOUNDS}


def _autoscaler(world: World, revision: str) -> Body | None:
    return world.server.look(kinds.HPA, NAMESPACE, f"{NAME}-{revision}")


def test_weight_is_raised_only_after_its_pods_are_ready() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1", replicas=8))
        await world.start_canary(spec("v2", replicas=8))
        await world.wait_until(lambda s: s["rollout"]["step"] == 2)
        while (status := await world.status())["canary"]["weight"] == 25:
            assert status["canary"].get("readyReplicas", 0) < 8
            await world.wait(1)
        assert status["canary"]["readyReplicas"] == 8

    run_story(story, serving=failing_pods("v2", Behaviour(ready_after=40)))


def test_actual_weight_is_reported_when_few_pods_round_the_share() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1", replicas=1))
        status = await world.start_canary(spec("v2", replicas=1))
        assert (status["canary"]["weight"], status["canary"]["actualWeight"]) == (25, 50)
        assert "50 %" in status["message"]

    run_story(story)


def test_unreachable_share_waits_for_capacity_when_too_few_is_hold() -> None:
    async def story(world: World) -> None:
        traffic = {"replicas": {"whenTooFew": "Hold"}}
        await world.deploy({**spec("v1", replicas=1), "traffic": traffic})
        await world.apply({**spec("v2", replicas=1), "traffic": traffic})
        status = await world.wait_until(lambda s: s["rollout"]["waitingFor"] == "Capacity")
        assert "25 %" in status["message"]
        await world.wait(900)
        assert (await world.status())["rollout"]["phase"] == "Starting"
        await world.apply({**spec("v2", replicas=3), "traffic": traffic})
        await world.wait_for_phase("Healthy")

    run_story(story)


def test_new_autoscaler_keeps_the_current_replicas() -> None:
    async def story(world: World) -> None:
        revision = (await world.deploy(spec("v1", replicas=10)))["stable"]["revision"]
        pods = world.pod_uids(revision)
        await world.apply(_autoscaled_spec("v1"))
        await world.wait(60)
        assert world.replicas_of(revision) == 10
        assert world.pod_uids(revision) == pods
        autoscaler = _autoscaler(world, revision)
        assert autoscaler is not None
        assert (autoscaler["spec"]["minReplicas"], autoscaler["spec"]["maxReplicas"]) == (3, 12)

    run_story(story)


def test_stable_autoscaler_cannot_scale_down_while_the_canary_has_traffic() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(_autoscaled_spec("v1")))["stable"]["revision"]
        world.cluster.autoscalers.want(NAMESPACE, f"{NAME}-{first}", 8)
        await world.wait_until(lambda s: s["readyReplicas"] == 8)
        second = (await world.start_canary(_autoscaled_spec("v2")))["canary"]["revision"]
        held = _autoscaler(world, first)
        assert held is not None
        assert held["spec"]["minReplicas"] == 8
        assert held["spec"]["behavior"]["scaleDown"]["selectPolicy"] == "Disabled"
        world.cluster.autoscalers.want(NAMESPACE, f"{NAME}-{first}", 3)
        await world.wait(30)
        assert world.replicas_of(first) == 8
        assert _autoscaler(world, second) is None
        await world.wait_for_promotion(second)
        assert world.replicas_of(second) == 8
        await world.wait(60)
        free = _autoscaler(world, second)
        assert free is not None
        assert free["spec"]["minReplicas"] == 3
        assert free["spec"]["behavior"]["scaleDown"]["selectPolicy"] == "Max"
        assert world.replicas_of(second) == 8
        world.cluster.autoscalers.want(NAMESPACE, f"{NAME}-{second}", 4)
        await world.wait_until(lambda s: s["replicas"] == 4)

    run_story(story)


def test_stable_autoscaler_is_restored_after_a_rollback() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        first = (await world.deploy(_autoscaled_spec("v1")))["stable"]["revision"]
        world.cluster.autoscalers.want(NAMESPACE, f"{NAME}-{first}", 6)
        await world.wait_until(lambda s: s["readyReplicas"] == 6)
        second = (await world.start_canary(_autoscaled_spec("v2")))["canary"]["revision"]
        await world.decide("Abort", revision=second, attempt=1)
        await world.wait_until(lambda s: s["rollout"]["phase"] == "Rejected")
        free = _autoscaler(world, first)
        assert free is not None
        assert (free["spec"]["minReplicas"], free["spec"]["behavior"]["scaleDown"]["selectPolicy"]) == (
            3,
            "Max",
        )

    run_story(story)


def test_changed_autoscaler_bounds_apply_during_a_rollout() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(_autoscaled_spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(_autoscaled_spec("v2")))["canary"]["revision"]
        await world.apply(_autoscaled_spec("v2", {"minReplicas": 6, "maxReplicas": 20}))
        await world.wait_until(lambda s: s["stable"]["replicas"] >= 6)
        held = _autoscaler(world, first)
        assert held is not None
        assert held["spec"]["maxReplicas"] == 20
        last = await world.wait_for_promotion(second)
        assert last["stable"]["replicas"] >= 6

    run_story(story)


def test_autoscaled_deployment_with_zero_replicas_is_scaled_up_first() -> None:
    """A HorizontalPodAutoscaler ignores a Deployment with zero replicas."""

    async def story(world: World) -> None:
        world.invariants.outages_allowed = True
        revision = (await world.deploy(_autoscaled_spec("v1")))["stable"]["revision"]
        world.server.scale(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{revision}", replicas=0)
        await world.wait_until(lambda s: s["readyReplicas"] == 3, seconds=20)

    run_story(story)


def test_canary_follows_the_autoscaled_replicas_of_stable() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(_autoscaled_spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(_autoscaled_spec("v2"), weight=50))["canary"]["revision"]
        world.cluster.autoscalers.want(NAMESPACE, f"{NAME}-{first}", 9)
        await world.wait_until(lambda s: s["canary"]["readyReplicas"] == 9)
        await world.wait_for_promotion(second)
        assert world.replicas_of(second) == 9

    run_story(story)


def test_manual_edits_of_children_are_reverted() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        status = await world.start_canary(spec("v2", steps=[{"weight": 25, "hold": "10m"}]))
        stable, canary = status["stable"]["revision"], status["canary"]["revision"]
        world.server.scale(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{stable}", replicas=1)
        world.server.scale(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{canary}", replicas=7)
        edited_selector = {"seatrial.dev/server": NAME, "seatrial.dev/revision": canary}
        world.server.edit(kinds.SERVICE, NAMESPACE, NAME, patch={"spec": {"selector": edited_selector}})
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

    run_story(story)


def test_manually_deleted_children_are_recreated_within_seconds() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        status = await world.start_canary(spec("v2", steps=[{"weight": 25, "hold": "10m"}]))
        stable, canary = status["stable"]["revision"], status["canary"]["revision"]
        for kind, name in (
            (kinds.SERVICE, NAME),
            (kinds.PDB, f"{NAME}-{stable}"),
            (kinds.PDB, f"{NAME}-{canary}"),
            (kinds.DEPLOYMENT, f"{NAME}-{canary}"),
            (kinds.CONTROLLER_REVISION, f"{NAME}-{canary}"),
        ):
            world.server.remove(kind, NAMESPACE, name)
            await world.wait(5)
            assert world.server.look(kind, NAMESPACE, name) is not None, kind
        await world.wait_until(
            lambda s: s["canary"]["weight"] == 25 and s["canary"]["readyReplicas"] == 1, seconds=20
        )
        world.server.remove(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{stable}")
        await world.wait(2)
        assert world.replicas_of(stable) == 3

    run_story(story)


def test_canary_deleted_during_a_pause_is_recreated() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        canary = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply({**spec("v2"), "paused": True})
        await world.wait_for_phase("Paused")
        world.server.remove(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{canary}")
        status = await world.wait_until(lambda s: s["stable"]["weight"] == 100, seconds=5)
        assert status["phase"] == "Paused"
        await world.apply(spec("v2"))
        await world.wait_for_promotion(canary)

    run_story(story)


def test_old_pods_are_kept_for_scale_down_delay_after_promotion() -> None:
    async def story(world: World) -> None:
        world.invariants.scale_down_delay = timedelta(minutes=5)
        await world.deploy(spec("v1", scaleDownDelay="5m"))
        first = (await world.status())["stable"]["revision"]
        await world.deploy(spec("v2", scaleDownDelay="5m"), seconds=400)
        await world.wait(250)
        assert len(world.pod_uids(first)) == 3
        await world.wait(60)
        assert world.pod_uids(first) == set()

    run_story(story)


def test_recreate_stops_the_old_pods_before_the_new_ones_start() -> None:
    async def story(world: World) -> None:
        world.invariants.outages_allowed = True
        first = (await world.deploy(spec("v1", strategy="Recreate")))["stable"]["revision"]
        await world.apply(spec("v2", strategy="Recreate"))
        second = (await world.wait_until(lambda s: s["rollout"]["phase"] == "Starting"))["rollout"][
            "revision"
        ]
        for _ in range(100):
            assert not (world.pod_uids(first) and world.pod_uids(second))
            await world.wait(0.1)
        await world.wait_for_promotion(second, seconds=60)

    run_story(story)


def test_changed_config_map_is_a_new_revision_and_stable_keeps_its_copy() -> None:
    async def story(world: World) -> None:
        serving = {"envFrom": [{"configMapRef": {"name": "settings"}}]}
        await world.apply_config("settings", {"LOG": "info"})
        first = (await world.deploy({**spec("v1"), "serving": serving}))["stable"]["revision"]
        await world.apply_config("settings", {"LOG": "debug"})
        status = await world.wait_until(lambda s: s["canary"]["weight"] == 25)
        assert status["canary"]["revision"] != first
        copies = {c["metadata"]["name"]: c for c in await world.objects(kinds.CONFIG_MAP)}
        assert copies[f"{NAME}-{first}-0"]["data"] == {"LOG": "info"}
        assert copies[f"{NAME}-{first}-0"]["immutable"] is True
        for pod in world.server.all(kinds.POD, NAMESPACE):
            if pod["metadata"]["labels"]["seatrial.dev/revision"] == first:
                world.server.remove(kinds.POD, NAMESPACE, pod["metadata"]["name"])
        await world.wait_until(lambda s: s["stable"]["readyReplicas"] == 3, seconds=30)
        config_maps_in_use = {
            p["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"]
            for p in world.server.all(kinds.POD, NAMESPACE)
            if p["metadata"]["labels"]["seatrial.dev/revision"] == first
        }
        assert config_maps_in_use == {f"{NAME}-{first}-0"}

    run_story(story)


def test_changed_secret_is_a_new_revision() -> None:
    async def story(world: World) -> None:
        serving = {"envFrom": [{"secretRef": {"name": "keys"}}]}
        await world.apply_config("keys", {"KEY": "b25l"}, kind=kinds.SECRET)
        first = (await world.deploy({**spec("v1"), "serving": serving}))["stable"]["revision"]
        await world.apply_config("keys", {"KEY": "dHdv"}, kind=kinds.SECRET)
        last = await world.wait_until(lambda s: s["stable"]["revision"] != first and s["phase"] == "Healthy")
        assert last["history"][0]["outcome"] == "Promoted"

    run_story(story)
