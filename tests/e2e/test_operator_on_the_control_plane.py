"""The operator on a real API server: rollouts, repairs, and foreign objects that it must not change."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from seatrial.api import kinds, names, objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from tests.cluster import binaries
from tests.live.cluster_user import ClusterUser, is_healthy, spec
from tests.live.operator_process import OperatorProcess

pytestmark = pytest.mark.controlplane

CHILDREN = (kinds.DEPLOYMENT, kinds.SERVICE, kinds.CONTROLLER_REVISION, kinds.POD)
TWO_STEPS = [{"weight": 25, "hold": "5s"}, {"weight": 50, "hold": "5s"}]
"""Steps that are long enough to be observed on a busy machine."""
REPAIR_TIMEOUT = 20.0
"""Seconds; only the watch event of a manual change triggers its repair this soon."""
LONG = [{"weight": 50, "hold": "1h"}]


async def child(user: ClusterUser, kind: Kind) -> Body:
    """Return the only child of this kind."""
    (found,) = await user.all(kind, "churn")
    return found


async def versions(user: ClusterUser) -> dict[str, str]:
    """Return uid and resourceVersion of the object and of every object that the operator writes for it."""
    written = (kinds.DEPLOYMENT, kinds.SERVICE, kinds.CONTROLLER_REVISION)
    found = [await user.get("churn"), *[body for kind in written for body in await user.all(kind, "churn")]]
    return {objects.uid_of(body): objects.version_of(body) for body in found}


def selected(service: Body) -> str:
    """Return the one revision that a Service selects; empty while it selects several."""
    return str(service["spec"]["selector"].get(names.LABEL_REVISION, ""))


async def test_new_image_is_rolled_out_step_by_step(operator: OperatorProcess, user: ClusterUser) -> None:
    await user.apply("churn", spec(1, replicas=3))
    before = await user.healthy("churn", 1)
    await user.apply("churn", spec(2, replicas=3, steps=TWO_STEPS))
    first = await user.until("churn", lambda body: body["status"]["summary"].get("step") == "1/2")
    canary = first["status"]["canary"]["revision"]
    shared_service = await user.until("churn", lambda service: not selected(service), kind=kinds.SERVICE)
    pods = {objects.uid_of(pod) for pod in await user.all(kinds.POD) if canary in pod["metadata"]["name"]}
    await user.until("churn", lambda body: body["status"]["summary"].get("step") == "2/2")
    after = await user.healthy("churn", 2)
    pods_after = {
        objects.uid_of(pod) for pod in await user.all(kinds.POD) if canary in pod["metadata"]["name"]
    }
    assert shared_service["metadata"]["labels"][names.LABEL_STABLE] == before["status"]["stable"]["revision"]
    assert selected(await user.get("churn", kinds.SERVICE)) == canary == after["status"]["stable"]["revision"]
    assert pods
    assert pods <= pods_after, "no pod of the canary was restarted"
    assert [entry["outcome"] for entry in after["status"]["history"]] == ["Promoted", "Promoted"]
    old = f"churn-{before['status']['stable']['revision']}"
    await user.until_gone(kinds.DEPLOYMENT, old)


async def test_object_that_is_nested_without_end_does_not_hide_the_others(
    operator: OperatorProcess, user: ClusterUser, kubeconfig: Path
) -> None:
    levels = 3000
    body = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": "deep", "namespace": user.namespace},
        "spec": {**spec(1), "serving": {"pod": {"affinity": {"a": "DEEP"}}}},
    }
    text = json.dumps(body).replace('"DEEP"', '{"a": ' * levels + "1" + "}" * levels)
    kubectl = [str(binaries.path_of("kubectl")), f"--kubeconfig={kubeconfig}", "create", "-f", "-"]
    created = await asyncio.to_thread(
        subprocess.run, kubectl, input=text, capture_output=True, text=True, check=False
    )
    assert created.returncode == 0, created.stderr
    await user.apply("churn", spec(1))
    await user.healthy("churn", 1)
    deep = await user.until("deep", lambda body: body.get("status", {}).get("message"))
    assert "spec.serving.pod.affinity: expected at most 50 levels" in deep["status"]["message"]


async def test_kubectl_wait_returns_when_ready(
    operator: OperatorProcess, user: ClusterUser, kubeconfig: Path
) -> None:
    await user.apply("churn", spec(1))
    kubectl = [str(binaries.path_of("kubectl")), f"--kubeconfig={kubeconfig}", "-n", user.namespace]
    wait = [*kubectl, "wait", "mdep/churn", "--for=condition=Ready", "--timeout=90s"]
    result = await asyncio.to_thread(subprocess.run, wait, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert is_healthy(await user.get("churn"), 1)


async def settled(user: ClusterUser) -> dict[str, str]:
    """Return the versions once they have not changed for a second; controllers update a Deployment's status late."""
    before: dict[str, str] = {}
    while before != (now := await versions(user)):
        before = now
        await asyncio.sleep(1.0)
    return before


async def test_reconcile_without_changes_writes_nothing(operator: OperatorProcess, user: ClusterUser) -> None:
    await user.apply("churn", spec(1))
    await user.healthy("churn", 1)
    before = await settled(user)
    passes = int(await operator.total("seatrial_reconcile_total"))
    (uid,) = [uid for uid in before if uid == objects.uid_of(await user.get("churn"))]
    touch = {"metadata": {"annotations": {"touched": "yes"}, "labels": {"team": "shop"}}}
    touched = await user.patch(kinds.MODEL_DEPLOYMENT, "churn", touch)
    await operator.passed_over(passes + 1)
    await operator.nothing_waits(seconds=0.5)
    assert await versions(user) == {**before, uid: objects.version_of(touched)}


@pytest.mark.parametrize("kind", [kinds.DEPLOYMENT, kinds.SERVICE, kinds.CONTROLLER_REVISION], ids=str)
async def test_manually_deleted_child_is_recreated(
    operator: OperatorProcess, user: ClusterUser, kind: Kind
) -> None:
    await user.apply("churn", spec(1))
    await user.healthy("churn", 1)
    deleted = await child(user, kind)
    await user.delete(kind, deleted["metadata"]["name"])
    recreated = await user.until(
        deleted["metadata"]["name"],
        lambda body: objects.uid_of(body) != objects.uid_of(deleted),
        kind=kind,
        patience=REPAIR_TIMEOUT,
    )
    assert objects.controller_of(recreated) == objects.controller_of(deleted)
    await user.healthy("churn", 1)


@pytest.mark.parametrize(
    ("kind", "edit", "path"),
    [
        pytest.param(
            kinds.SERVICE, {"spec": {"selector": {"elsewhere": "yes"}}}, ("spec", "selector"), id="a selector"
        ),
        pytest.param(kinds.DEPLOYMENT, {"spec": {"replicas": 5}}, ("spec", "replicas"), id="replicas"),
        pytest.param(
            kinds.DEPLOYMENT,
            {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 77}}}},
            ("spec", "template", "spec", "terminationGracePeriodSeconds"),
            id="a template",
        ),
    ],
)
async def test_manual_edit_is_reverted(
    operator: OperatorProcess, user: ClusterUser, kind: Kind, edit: Body, path: tuple[str, ...]
) -> None:
    await user.apply("churn", spec(1, replicas=2))
    await user.healthy("churn", 1)
    before = await child(user, kind)
    edited = await user.patch(kind, before["metadata"]["name"], edit)
    assert at(edited, path) != at(before, path)
    name = before["metadata"]["name"]
    await user.until(
        name, lambda body: at(body, path) == at(before, path), kind=kind, patience=REPAIR_TIMEOUT
    )


def at(body: Body, path: tuple[str, ...]) -> Any:
    """Return the value at a path."""
    value: Any = body
    for part in path:
        value = value[part]
    return value


async def test_foreign_service_with_a_childs_name_is_not_changed(
    operator: OperatorProcess, user: ClusterUser
) -> None:
    ports = [{"port": 80}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "churn"}, "spec": {"ports": ports}}
    foreign = await user.create(kinds.SERVICE, service)
    await user.apply("churn", spec(1))
    conflicting = await user.until("churn", lambda body: "NameConflict" in str(body.get("status")))
    (ready,) = [c for c in conflicting["status"]["conditions"] if c["type"] == "Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "NameConflict")
    assert "Service churn" in conflicting["status"]["message"]
    assert objects.version_of(await user.get("churn", kinds.SERVICE)) == objects.version_of(foreign)
    await user.delete(kinds.SERVICE, "churn")
    await user.healthy("churn", 1)


async def test_deletion_removes_all_children(operator: OperatorProcess, user: ClusterUser) -> None:
    await user.apply("churn", spec(1))
    await user.healthy("churn", 1)
    await user.apply("churn", spec(2, steps=LONG))
    await user.until("churn", lambda body: body["status"]["summary"].get("step") == "1/1")
    assert len(await user.all(kinds.DEPLOYMENT, "churn")) == 2
    await user.delete(kinds.MODEL_DEPLOYMENT, "churn")
    for kind in CHILDREN:
        await user.until_left(kind, "churn")


async def test_misspelt_field_is_named_before_anything_is_created_and_the_corrected_spec_takes_over(
    operator: OperatorProcess, user: ClusterUser
) -> None:
    await user.apply("churn", spec(1))
    before = await user.healthy("churn", 1)
    pod = {"tolerations": [{"kee": "gpu"}], "volumes": [{"name": "cache", "emptyDir": {"sizeLimitt": "1Gi"}}]}
    await user.apply("churn", {**spec(2, steps=LONG), "serving": {"pod": pod}})
    invalid = await user.until("churn", is_invalid)
    (stalled,) = [c for c in invalid["status"]["conditions"] if c["type"] == "Stalled"]
    for path in ("spec.serving.pod.tolerations[0].kee", "spec.serving.pod.volumes[0].emptyDir.sizeLimitt"):
        assert path in stalled["message"]
    assert invalid["status"]["stable"]["revision"] == before["status"]["stable"]["revision"]
    assert len(await user.all(kinds.DEPLOYMENT, "churn")) == 1
    assert len(await user.all(kinds.CONTROLLER_REVISION, "churn")) == 1
    await user.apply("churn", spec(2))
    await user.healthy("churn", 2)


async def test_deployment_that_is_paused_by_hand_is_resumed(
    operator: OperatorProcess, user: ClusterUser
) -> None:
    await user.apply("churn", spec(1))
    await user.healthy("churn", 1)
    name = (await child(user, kinds.DEPLOYMENT))["metadata"]["name"]
    await user.patch(kinds.DEPLOYMENT, name, {"spec": {"paused": True}})
    await user.until(
        name, lambda body: not body["spec"].get("paused"), kind=kinds.DEPLOYMENT, patience=REPAIR_TIMEOUT
    )
    await user.healthy("churn", 1)


def is_invalid(body: Body) -> bool:
    """Return whether the object waits for a corrected spec."""
    conditions = {c["type"]: (c["status"], c["reason"]) for c in body.get("status", {}).get("conditions", ())}
    return conditions.get("Stalled") == ("True", "InvalidSpec")
