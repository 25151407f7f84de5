"""What starts a rollout and what does not; how existing children are adopted and a lost status is restored."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.api import kinds, names
from seatrial.api.objects import Body
from tests.stories.conditions import condition_reasons, condition_statuses
from tests.stories.specs import image, spec
from tests.stories.world import NAME, NAMESPACE, World, run_story

CHILDREN = (kinds.DEPLOYMENT, kinds.SERVICE, kinds.CONTROLLER_REVISION, kinds.PDB)


def _reports_name_conflict(status: Body) -> bool:
    is_stalled = condition_statuses(status)["Stalled"] == "True"
    return is_stalled and condition_reasons(status)["Stalled"] == "NameConflict"


def test_orphaned_children_are_adopted_without_pod_restarts() -> None:
    """As after a restored backup: the children exist, their owner does not."""

    async def story(world: World) -> None:
        first = await world.deploy(spec("v1"))
        revision = first["stable"]["revision"]
        pods = world.pod_uids(revision)
        await world.kill_operator()
        world.server.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, NAME, options={"propagationPolicy": "Orphan"})
        await world.wait(5)
        await world.apply(spec("v1"))
        await world.start_operator()
        status = await world.wait_for_phase("Healthy", seconds=60)
        assert status["stable"]["revision"] == revision
        uid = world.server.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, NAME)["metadata"]["uid"]  # type: ignore[index]
        for kind in CHILDREN:
            for child in await world.objects(kind):
                assert [o["uid"] for o in child["metadata"]["ownerReferences"]] == [uid], child["metadata"]
        assert world.pod_uids(revision) == pods

    run_story(story)


def test_replacement_object_starts_after_the_old_children_are_gone() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        world.server.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, NAME)
        await world.apply(spec("v2"))
        status = await world.wait_for_phase("Healthy", seconds=120)
        assert status["stable"]["image"] == image("v2")
        assert len(await world.objects(kinds.DEPLOYMENT)) == 1

    run_story(story)


def test_changed_labels_start_no_rollout() -> None:
    async def story(world: World) -> None:
        first = await world.deploy(spec("v1"))
        await world.apply(spec("v1"), labels={"team": "risk"})
        await world.wait(120)
        last = await world.status()
        assert last["rollout"] == first["rollout"]

    run_story(story)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"scaling": {"replicas": 5}}, id="replicas"),
        pytest.param({"rollout": {"steps": [{"weight": 1, "hold": "1h"}]}}, id="steps"),
        pytest.param({"rollout": {"strategy": "Recreate"}}, id="strategy"),
        pytest.param({"traffic": {"replicas": {"whenTooFew": "Hold"}}}, id="traffic"),
        pytest.param({"scaling": {"minReplicas": 3, "maxReplicas": 6}}, id="bounds"),
    ],
)
def test_spec_change_outside_the_pod_template_starts_no_rollout(change: Any) -> None:
    async def story(world: World) -> None:
        first = await world.deploy(spec("v1"))
        pods = world.pod_uids(first["stable"]["revision"])
        last = await world.deploy({**spec("v1"), **change})
        assert last["rollout"] == first["rollout"]
        assert pods <= world.pod_uids(first["stable"]["revision"])

    run_story(story)


def test_equivalent_spellings_are_the_same_revision() -> None:
    async def story(world: World) -> None:
        one_spelling = {**spec("v1"), "serving": {"resources": {"requests": {"cpu": "1000m"}}, "env": []}}
        other_spelling = {**spec("v1"), "serving": {"resources": {"limits": {}, "requests": {"cpu": "1"}}}}
        first = await world.deploy(one_spelling)
        last = await world.deploy(other_spelling)
        assert last["rollout"] == first["rollout"]

    run_story(story)


def test_object_created_paused_creates_no_children() -> None:
    async def story(world: World) -> None:
        await world.apply({**spec("v1"), "paused": True})
        status = await world.wait_for_phase("Paused", seconds=5)
        assert "spec.paused" in status["message"]
        await world.wait_until_idle()
        assert await world.objects(kinds.DEPLOYMENT) == []
        await world.deploy(spec("v1"))

    run_story(story)


def test_zero_replicas_are_promoted_immediately_and_skipped_checks_are_recorded() -> None:
    async def story(world: World) -> None:
        world.invariants.outages_allowed = True
        await world.deploy(spec("v1", replicas=0), phase="Stopped")
        status = await world.deploy(spec("v2", replicas=0), phase="Stopped", seconds=60)
        assert status["stable"]["image"] == image("v2")
        assert "checks" in status["history"][0]["message"]
        await world.deploy(spec("v2", replicas=2), seconds=60)

    run_story(story)


def test_scaling_to_zero_and_back_starts_no_rollout() -> None:
    async def story(world: World) -> None:
        world.invariants.outages_allowed = True
        first = await world.deploy(spec("v1"))
        await world.apply(spec("v1", replicas=0))
        status = await world.wait_until(lambda s: s["replicas"] == 0 and s.get("readyReplicas", 0) == 0)
        assert (status["phase"], condition_reasons(status)["Serving"]) == ("Stopped", "Stopped")
        last = await world.deploy(spec("v1"))
        assert last["rollout"] == first["rollout"]

    run_story(story)


def test_lost_status_keeps_the_rollback_templates() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.deploy(spec("v2")))["stable"]["revision"]
        await world.wait_until_idle()
        await world.clear_status()
        await world.wait_for_phase("Healthy", seconds=30)
        await world.wait_until_idle()
        revisions = {
            body["metadata"]["labels"][names.LABEL_REVISION]
            for body in await world.objects(kinds.CONTROLLER_REVISION)
        }
        assert revisions == {first, second}
        assert (await world.deploy(spec("v1")))["stable"]["revision"] == first

    run_story(story)


def test_lost_status_is_restored_from_the_children() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        second = await world.deploy(spec("v2"))
        await world.wait_until_idle()
        revision = second["stable"]["revision"]
        pods = world.pod_uids(revision)
        mark = len(world.server.writes)
        await world.clear_status()
        last = await world.wait_for_phase("Healthy", seconds=30)
        assert (last["stable"]["revision"], last["stable"]["image"]) == (revision, image("v2"))
        assert world.pod_uids(revision) == pods
        assert {w.kind for w in world.writes_since(mark)} <= {"ModelDeployment"}

    run_story(story)


def test_lost_status_is_restored_when_the_service_selector_was_edited_too() -> None:
    async def story(world: World) -> None:
        world.invariants.outages_allowed = True
        revision = (await world.deploy(spec("v1")))["stable"]["revision"]
        await world.wait_until_idle()
        pods = world.pod_uids(revision)
        await world.kill_operator()
        service = await world.get(kinds.SERVICE, NAME)
        original_selector = service["spec"]["selector"]
        foreign = {**service, "spec": {**service["spec"], "selector": {"app": "other"}}}
        await world.client.replace(kinds.SERVICE, foreign)
        await world.clear_status()
        await world.start_operator()
        last = await world.wait_for_phase("Healthy", seconds=30)
        assert last["stable"]["revision"] == revision
        assert "rollout" not in last
        assert world.pod_uids(revision) == pods
        assert (await world.get(kinds.SERVICE, NAME))["spec"]["selector"] == original_selector

    run_story(story)


def test_status_lost_during_a_rollout_keeps_stable_and_restarts_the_canary() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(spec("v2"), weight=50))["canary"]["revision"]
        pods = world.pod_uids(first)
        await world.clear_status()
        status = await world.wait_until(lambda s: s["stable"]["revision"] == first, seconds=10)
        assert status["rollout"]["revision"] == second
        assert world.pod_uids(first) == pods
        await world.wait_for_promotion(second)

    run_story(story)


def test_foreign_service_with_a_childs_name_is_never_changed() -> None:
    async def story(world: World) -> None:
        kind = kinds.SERVICE
        foreign = {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": {"team": "somebody"}},
            "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]},
        }
        before = world.server.insert(kind, foreign)
        await world.apply(spec("v1"))
        status = await world.wait_until(_reports_name_conflict, seconds=60)
        assert kind.kind in status["message"]
        await world.wait(600)
        assert await world.get(kind, NAME) == before
        assert len(world.transport.writes) < 80
        world.server.remove(kind, NAMESPACE, NAME)
        await world.wait_for_phase("Healthy", seconds=90)

    run_story(story)


def test_foreign_deployment_with_a_childs_name_is_never_changed() -> None:
    async def story(world: World) -> None:
        revision = (await world.deploy(spec("v1")))["stable"]["revision"]
        world.server.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, NAME)
        await world.wait(5)
        before = world.server.insert(kinds.DEPLOYMENT, _foreign_deployment(f"{NAME}-{revision}"))
        await world.apply(spec("v1"))
        await world.wait_until(_reports_name_conflict, seconds=60)
        await world.wait(300)
        after = await world.get(kinds.DEPLOYMENT, f"{NAME}-{revision}")
        assert (after["spec"], after["metadata"]["labels"]) == (before["spec"], before["metadata"]["labels"])
        world.server.remove(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{revision}")
        await world.wait_for_phase("Healthy", seconds=60)

    run_story(story)


def test_second_owner_of_a_child_name_reports_a_name_conflict() -> None:
    """The child has all the operator's labels, but another object is its controller."""

    async def story(world: World) -> None:
        rival = await world.apply(spec("v1", replicas=0), name="rival")
        await world.wait_for_phase("Stopped", name="rival", seconds=20)
        owner = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "name": "rival",
            "uid": rival["metadata"]["uid"],
            "controller": True,
        }
        metadata = {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": {names.LABEL_DEPLOYMENT: NAME, names.LABEL_MANAGED_BY: names.MANAGED_BY},
            "ownerReferences": [owner],
        }
        body = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 1}]}}
        before = world.server.insert(kinds.SERVICE, body)
        await world.apply(spec("v1"))
        await world.wait_until(_reports_name_conflict, seconds=60)
        await world.wait(120)
        assert await world.get(kinds.SERVICE, NAME) == before
        world.server.remove(kinds.SERVICE, NAMESPACE, NAME)
        await world.wait_for_phase("Healthy", seconds=60)

    run_story(story)


def _foreign_deployment(name: str) -> Body:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"team": "somebody"}},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
    }
