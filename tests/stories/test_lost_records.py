"""What is lost or edited by hand costs no user an answer, and no verdict is forgotten."""

from __future__ import annotations

import json

import pytest

from seatrial.api import kinds, names
from tests.apiserver.pod_behaviour import Behaviour
from tests.stories.conditions import condition_messages
from tests.stories.specs import failing_pods, spec
from tests.stories.world import NAME, NAMESPACE, World, run_story

CRASHING_UNDER_TRAFFIC = Behaviour(restarts=(20,))


@pytest.mark.parametrize("kind", [kinds.DEPLOYMENT, kinds.CONTROLLER_REVISION], ids=lambda kind: kind.kind)
def test_relabelling_a_child_of_stable_removes_no_pod(kind: kinds.Kind) -> None:
    async def story(world: World) -> None:
        revision = (await world.deploy(spec("v1")))["stable"]["revision"]
        pods = world.pod_uids(revision)
        await world.wait(60)  # past the delay in which no pods are removed
        labels = {"metadata": {"labels": {names.LABEL_REVISION: "foo"}}}
        world.server.edit(kind, NAMESPACE, f"{NAME}-{revision}", patch=labels)
        await world.wait(120)
        assert world.pod_uids(revision) == pods
        assert (await world.status())["phase"] == "Healthy"
        await world.deploy(spec("v2"))

    run_story(story)


def test_a_relabelled_deployment_gets_its_label_back() -> None:
    async def story(world: World) -> None:
        revision = (await world.deploy(spec("v1")))["stable"]["revision"]
        await world.wait(60)
        labels = {"metadata": {"labels": {names.LABEL_REVISION: "foo"}}}
        world.server.edit(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{revision}", patch=labels)
        await world.wait(5)
        body = await world.get(kinds.DEPLOYMENT, f"{NAME}-{revision}")
        assert body["metadata"]["labels"][names.LABEL_REVISION] == revision

    run_story(story)


@pytest.mark.parametrize("promoted_before", [True, False], ids=["beside stable", "first deployment"])
def test_what_was_rejected_is_not_tried_again_when_the_status_is_lost(promoted_before: bool) -> None:
    async def story(world: World) -> None:
        if promoted_before:
            await world.deploy(spec("v1"))
        await world.apply(spec("v2"))
        rejected = await world.wait_until(lambda s: s["rollout"]["phase"] == "Rejected")
        await world.wait(60)
        await world.clear_status()
        status = await world.wait_until(lambda s: s["rollout"]["phase"] == "Rejected", seconds=20)
        await world.wait(300)
        status = await world.status()
        assert status["rejected"] == rejected["rejected"]
        assert status["phase"] == rejected["phase"]
        assert status.get("canary") is None
        if promoted_before:
            assert status["stable"]["revision"] == rejected["stable"]["revision"]

    pods = CRASHING_UNDER_TRAFFIC if promoted_before else Behaviour(fault=Behaviour().fault.CRASH_LOOP)
    run_story(story, serving=failing_pods("v2", pods))


def test_a_revision_that_a_person_left_is_not_promoted_again_when_the_status_is_lost() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.deploy(spec("v2")))["stable"]["revision"]
        await world.decide("Rollback", revision=second, toRevision=first)
        await world.wait_until(lambda s: s["stable"]["revision"] == first)
        await world.wait(60)
        await world.clear_status()
        await world.wait(600)
        status = await world.status()
        assert (status["stable"]["revision"], status["rejected"][0]["revision"]) == (first, second)

    run_story(story)


def test_a_retry_takes_the_mark_of_the_rejection_away() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        await world.apply(spec("v2"))
        revision = (await world.wait_until(lambda s: s["rollout"]["phase"] == "Rejected"))["rollout"][
            "revision"
        ]
        await world.wait(60)
        mark = json.loads(_annotations(world, revision)["seatrial.dev/rejected"])
        assert (mark["revision"], mark["attempt"]) == (revision, 1)
        world.cluster.kubelet.serving = lambda _pod: Behaviour()
        await world.decide("Retry", revision=revision, attempt=1)
        await world.wait_for_promotion(revision)
        await world.wait(5)
        assert "seatrial.dev/rejected" not in _annotations(world, revision)

    run_story(story, serving=failing_pods("v2", CRASHING_UNDER_TRAFFIC))


def _annotations(world: World, revision: str) -> dict[str, str]:
    body = world.server.look(kinds.CONTROLLER_REVISION, NAMESPACE, f"{NAME}-{revision}") or {}
    annotations: dict[str, str] = body["metadata"]["annotations"]
    return annotations


@pytest.mark.parametrize("wanted", ["v1", "v2"], ids=["what serves", "another revision"])
def test_stable_keeps_its_pods_when_its_record_and_the_status_are_lost(wanted: str) -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        pods = world.pod_uids(first)
        await world.kill_operator()
        world.server.remove(kinds.CONTROLLER_REVISION, NAMESPACE, f"{NAME}-{first}")
        await world.clear_status()
        await world.apply({**spec(wanted), "paused": True})
        await world.start_operator()
        await world.wait(120)
        assert world.pod_uids(first) == pods
        status = await world.status()
        assert status["stable"]["revision"] == first
        await world.deploy(spec(wanted))

    run_story(story)


@pytest.mark.parametrize("watches_end", [True, False], ids=["watches end", "watches stay silent"])
def test_after_a_restored_backup_of_etcd_the_operator_hears_of_changes_again(watches_end: bool) -> None:
    async def story(world: World) -> None:
        world.invariants.outages_allowed = True
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await world.wait(60)
        backup = world.server.store.backup()
        await world.deploy(spec("v2"))
        await world.wait(60)
        world.server.store.restore(backup)
        if watches_end:
            world.server.faults.drop_watches()
        await world.wait(60 if watches_end else 400)
        status = await world.status()
        assert (status["phase"], status["stable"]["revision"]) == ("Healthy", first)
        third = await world.deploy(spec("v3"))
        assert third["stable"]["revision"] != first

    run_story(story, ends_idle=False)


def test_a_rollout_names_the_relabelled_pod_that_it_waits_for_and_what_to_do_about_it() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.wait(60)
        pods = [pod["metadata"]["name"] for pod in world.server.all(kinds.POD, NAMESPACE)]
        labels = {"metadata": {"labels": {names.LABEL_REVISION: "debug"}, "ownerReferences": None}}
        world.server.edit(kinds.POD, NAMESPACE, pods[0], patch=labels)
        await world.wait(10)
        await world.apply(spec("v2"))
        status = await world.wait_until(lambda s: s["rollout"]["waitingFor"] == "Capacity")
        assert pods[0] in status["message"]
        assert names.LABEL_SERVER in condition_messages(status)["Reconciling"]
        out = {"metadata": {"labels": {names.LABEL_SERVER: None}}}
        world.server.edit(kinds.POD, NAMESPACE, pods[0], patch=out)
        await world.wait_for_phase("Healthy")

    run_story(story)


@pytest.mark.parametrize("field", ["containers", "initContainers"])
def test_a_container_that_somebody_adds_to_our_pods_is_taken_out(field: str) -> None:
    async def story(world: World) -> None:
        revision = (await world.deploy(spec("v1")))["stable"]["revision"]
        name = f"{NAME}-{revision}"
        body = await world.get(kinds.DEPLOYMENT, name)
        pod_spec = body["spec"]["template"]["spec"]
        before = dict(pod_spec)
        foreign = {"name": "miner", "image": "evil/miner:1"}
        added = {field: [*(pod_spec.get(field) or []), foreign]}
        patch = {"spec": {"template": {"spec": added}}}
        world.server.edit(kinds.DEPLOYMENT, NAMESPACE, name, patch=patch, manager="kubectl-edit")
        await world.wait(30)
        after = (await world.get(kinds.DEPLOYMENT, name))["spec"]["template"]["spec"]
        assert [c["name"] for c in after["containers"]] == [c["name"] for c in before["containers"]]
        assert not after.get("initContainers")

    run_story(story)
