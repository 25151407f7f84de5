"""Children that cannot be written: what does not need them goes on, and a mistake in the spec is named as one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from seatrial.api import kinds, names
from seatrial.api.objects import Body
from seatrial.kube import transport
from seatrial.kube.transport import Request
from tests.stories.conditions import condition_reasons, condition_statuses
from tests.stories.specs import spec
from tests.stories.world import NAME, NAMESPACE, World, run_story

ALWAYS = 10_000
AUTOSCALED = {"minReplicas": 3, "maxReplicas": 6, "metrics": [{"cpu": 70}]}
MISTAKES = {
    "spec.serving.pod.tolerations[0].kee: unknown field": {
        "serving": {"pod": {"tolerations": [{"kee": "gpu"}]}}
    },
    "spec.serving.pod.tolerations.key: expected string, got number": {
        "serving": {"pod": {"tolerations": [{"key": 5, "operator": "Exists"}]}}
    },
    "spec.serving.pod.volumes[0].emptyDir.sizeLimitt: unknown field": {
        "serving": {"pod": {"volumes": [{"name": "cache", "emptyDir": {"sizeLimitt": "1Gi"}}]}}
    },
    "spec.scaling.behavior.scaleUp.polices: unknown field": {
        "scaling": {**AUTOSCALED, "behavior": {"scaleUp": {"polices": []}}}
    },
    "spec.scaling.metrics[0].raw.ressource: unknown field": {
        "scaling": {**AUTOSCALED, "metrics": [{"raw": {"type": "Resource", "ressource": {}}}]}
    },
}
"""Sentences of the status, and the sections of a spec that the CRD accepts and Kubernetes does not."""
MISSPELT = {"serving": {"pod": {"tolerations": [{"kee": "gpu"}]}}}


def writes_of(resource: str, name: str = "", *methods: str) -> Callable[[Request], bool]:
    """Match the writes of these methods, by default of all, to objects of this resource, or to the one of this name."""
    return lambda r: (
        r.method in (methods or ("POST", "PUT", "PATCH", "DELETE"))
        and f"/{resource}" in r.path
        and (not name or r.path.endswith(f"/{name}"))
    )


def assert_invalid(status: Body, sentence: str) -> None:
    """Check that the status says that the spec is invalid, and where."""
    assert condition_statuses(status)["Stalled"] == "True"
    assert condition_reasons(status)["Stalled"] == "InvalidSpec"
    assert sentence in status["message"]


async def invalid(world: World) -> Body:
    """Return the status once it says that the spec is invalid."""
    return await world.wait_until(lambda s: condition_reasons(s)["Stalled"] == "InvalidSpec", seconds=5)


@pytest.mark.parametrize("sentence", MISTAKES)
def test_mistake_in_a_passed_on_part_is_named_before_anything_is_created(sentence: str) -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await world.apply({**spec("v2"), **MISTAKES[sentence]})
        status = await invalid(world)
        await world.wait(600)
        assert_invalid(status, sentence)
        assert (status["stable"]["revision"], condition_statuses(status)["Serving"]) == (first, "True")
        assert len(await world.objects(kinds.CONTROLLER_REVISION)) == 1
        assert len(await world.objects(kinds.DEPLOYMENT)) == 1
        await world.deploy(spec("v2"))

    run_story(story)


def test_misspelt_first_spec_starts_no_build() -> None:
    async def story(world: World) -> None:
        await world.apply({**spec("v1"), "model": {"uri": "s3://models/churn/1/"}, **MISSPELT})
        status = await invalid(world)
        await world.wait(600)
        assert {"stable", "canary", "rollout", "build"}.isdisjoint(status)
        assert await world.objects(kinds.JOB) == []
        await world.deploy(spec("v1"))

    run_story(story)


def test_misspelt_spec_in_mid_rollout_does_not_keep_the_last_good_spec_from_ending_it() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await world.start_canary(spec("v2"))
        await world.apply({**spec("v3"), **MISSPELT})
        await invalid(world)
        await world.apply(spec("v1"))
        status = await world.wait_for_promotion(first, seconds=120)
        assert status["phase"] == "Healthy"

    run_story(story)


def test_abort_ends_while_the_spec_is_misspelt() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply({**spec("v3"), **MISSPELT})
        await invalid(world)
        abort = await world.decide("Abort", revision=second, attempt=1)
        assert (await world.wait_for_result(abort, seconds=2))["phase"] == "Taken"
        await world.wait_until(lambda s: s["rejected"][0]["revision"] == second, seconds=120)
        assert not world.pod_uids(second)

    run_story(story)


def test_api_server_is_asked_once_about_a_spec() -> None:
    async def story(world: World) -> None:
        def asked() -> int:
            return sum("dryRun" in request.query for request in world.server.requests)

        good = {"serving": {"pod": {"tolerations": [{"key": "gpu", "operator": "Exists"}]}}}
        await world.deploy({**spec("v1"), **good})
        await world.restart_operator()
        await world.wait(600)
        assert asked() == 1
        await world.apply({**spec("v2"), **MISSPELT})
        await world.wait(1200)
        assert asked() == 2
        await world.deploy(spec("v1"))
        assert asked() == 2, "a spec that passes nothing on needs no question"

    run_story(story)


def test_unanswered_question_does_not_hold_up_a_rollout() -> None:
    async def story(world: World) -> None:
        world.server.faults.fail_next(ALWAYS, 503, lambda request: "dryRun" in request.query)
        await world.deploy({**spec("v1"), "serving": {"pod": {"nodeSelector": {"disk": "ssd"}}}})

    run_story(story)


def test_spec_that_only_the_write_finds_misspelt_is_invalid_and_the_corrected_one_takes_over() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        world.server.faults.fail_next(ALWAYS, 503, lambda request: "dryRun" in request.query)
        await world.apply({**spec("v2"), **MISSPELT})
        status = await invalid(world)
        assert_invalid(status, "spec.serving.pod.tolerations[0].kee: unknown field")
        corrected = await world.deploy(spec("v2"), seconds=400)
        assert corrected["history"][0]["outcome"] == "Promoted"

    run_story(story)


def test_canary_whose_deployment_cannot_be_repaired_is_replaced_by_the_next_spec() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        name = f"{NAME}-{second}"
        world.server.faults.fail_next(ALWAYS, 422, writes_of("deployments", name, "PATCH"))
        world.server.edit(
            kinds.DEPLOYMENT, NAMESPACE, name, patch={"spec": {"minReadySeconds": 9, "paused": True}}
        )
        await invalid(world)
        await world.apply(spec("v3"))
        await world.wait_for_phase("Healthy", seconds=600)
        await world.wait_until(lambda _: world.replicas_of(second) is None, seconds=120)

    run_story(story)


@pytest.mark.parametrize("resource", ["poddisruptionbudgets", "controllerrevisions"])
def test_child_that_cannot_be_written_does_not_keep_a_failed_canary_its_traffic(resource: str) -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        world.server.faults.fail_next(ALWAYS, 403, writes_of(resource))
        world.server.remove(kinds.PDB, NAMESPACE, f"{NAME}-{first}")
        await world.decide("Abort", revision=second, attempt=1)
        await world.wait_until(lambda s: s["canary"]["actualWeight"] == 0, seconds=5)
        service = await world.get(kinds.SERVICE, NAME)
        assert service["spec"]["selector"][names.LABEL_REVISION] == first
        await world.wait_until(lambda s: s["rejected"][0]["revision"] == second, seconds=120)
        assert not world.pod_uids(second)

    run_story(story, ends_idle=False)


def test_budget_that_cannot_be_written_is_said_and_does_not_stop_a_rollout() -> None:
    async def story(world: World) -> None:
        world.server.faults.fail_next(ALWAYS, 403, writes_of("poddisruptionbudgets"))
        await world.apply(spec("v1"))
        first = (await world.wait_until(lambda s: s["stable"]["readyReplicas"] == 3, seconds=120))["stable"]
        await world.apply(spec("v2"))
        await world.wait_until(lambda s: s["stable"]["revision"] != first["revision"], seconds=600)
        await world.wait(60)
        status = await world.status()
        revision = status["stable"]["revision"]
        assert f"PodDisruptionBudget {NAME}-{revision} could not be written" in status["message"]
        assert condition_statuses(status)["Serving"] == "True"
        assert world.replicas_of(first["revision"]) is None, "what served before is deleted"
        events = [e for e in await world.objects(kinds.EVENT) if e["reason"] == "ApiForbidden"]
        assert len(events) <= 2, "one for the budget of each revision"

    run_story(story, ends_idle=False)


def test_revision_without_its_record_receives_no_traffic() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        world.server.faults.fail_next(ALWAYS, 403, writes_of("controllerrevisions", "", "POST"))
        await world.apply(spec("v2"))
        await world.wait(600)
        status = await world.status()
        assert (status["rollout"]["phase"], status["rollout"].get("weight", 0)) == ("Starting", 0)
        assert "ControllerRevision" in status["message"]
        assert (status["stable"]["revision"], status.get("rejected")) == (first, None)

    run_story(story, ends_idle=False)


def paused(world: World, revision: str) -> bool:
    """Return whether the Deployment of a revision is paused."""
    body = world.server.look(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{revision}") or {}
    return bool(body["spec"].get("paused"))


@pytest.mark.parametrize("track", ["stable", "canary"])
def test_deployment_that_is_paused_by_hand_is_resumed_and_the_rollout_ends(track: str) -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        shifting = await world.start_canary(spec("v2"))
        revision = shifting[track]["revision"]
        world.server.edit(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{revision}", patch={"spec": {"paused": True}})
        await world.wait(2)
        assert not paused(world, revision)
        await world.wait_for_promotion(shifting["canary"]["revision"])

    run_story(story)


def test_fields_that_another_manager_takes_are_asserted_again() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        service = await world.get(kinds.SERVICE, NAME)
        deployment = await world.get(kinds.DEPLOYMENT, f"{NAME}-{first}")
        await _take(world, kinds.SERVICE, service, {"selector": {**service["spec"]["selector"], "team": "x"}})
        container = {"name": "server", "image": "registry.example/other:1"}
        await _take(world, kinds.DEPLOYMENT, deployment, {"template": {"spec": {"containers": [container]}}})
        await world.wait(5)
        assert (await world.get(kinds.SERVICE, NAME))["spec"]["selector"] == service["spec"]["selector"]
        after = await world.get(kinds.DEPLOYMENT, f"{NAME}-{first}")
        assert after["spec"]["template"] == deployment["spec"]["template"]
        await world.wait_for_phase("Healthy", seconds=120)

    run_story(story)


async def _take(world: World, kind: kinds.Kind, body: Body, spec: dict[str, Any]) -> None:
    """Apply these fields as another manager, by force."""
    head = {name: body["metadata"][name] for name in ("name", "namespace")}
    wanted = {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": head, "spec": spec}
    query = {"fieldManager": "somebody", "force": "true"}
    path = kind.path(NAMESPACE, head["name"])
    response = await world.server.request(
        Request("PATCH", path, query, json.dumps(wanted).encode(), transport.APPLY_PATCH)
    )
    assert response.status == 200, response.body
