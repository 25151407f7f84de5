"""The operator on a real API server: whole rollouts, repairs, and what is not its own to touch."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest

from seatrial.api import kinds, names, objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from tests.cluster import binaries
from tests.live.operator_process import OperatorProcess
from tests.live.user_actions import Hands, is_healthy, spec

pytestmark = pytest.mark.controlplane

CHILDREN = (kinds.DEPLOYMENT, kinds.SERVICE, kinds.CONTROLLER_REVISION, kinds.POD)
TWO_STEPS = [{"weight": 25, "hold": "5s"}, {"weight": 50, "hold": "5s"}]
"""Long enough to be seen by somebody who looks on a busy machine."""
AT_ONCE = 20.0
"""Seconds: it is told of the change by its watch; nothing else would make it look before the next change."""
LONG = [{"weight": 50, "hold": "1h"}]


async def child(hands: Hands, kind: Kind) -> Body:
    """The only child of this kind."""
    (found,) = await hands.all(kind, "churn")
    return found


async def versions(hands: Hands) -> dict[str, str]:
    """Uid and resourceVersion of all that the operator writes for the object, and of the object itself."""
    written = (kinds.DEPLOYMENT, kinds.SERVICE, kinds.CONTROLLER_REVISION)
    found = [await hands.get("churn"), *[body for kind in written for body in await hands.all(kind, "churn")]]
    return {objects.uid_of(body): objects.version_of(body) for body in found}


def selected(service: Body) -> str:
    """The one revision that a Service selects; empty while it selects several."""
    return str(service["spec"]["selector"].get(names.LABEL_REVISION, ""))


async def test_new_image_is_rolled_out_step_by_step(operator: OperatorProcess, hands: Hands) -> None:
    await hands.apply("churn", spec(1, replicas=3))
    before = await hands.healthy("churn", 1)
    await hands.apply("churn", spec(2, replicas=3, steps=TWO_STEPS))
    first = await hands.until("churn", lambda body: body["status"]["summary"].get("step") == "1/2")
    canary = first["status"]["canary"]["revision"]
    wide = await hands.until("churn", lambda service: not selected(service), kind=kinds.SERVICE)
    pods = {objects.uid_of(pod) for pod in await hands.all(kinds.POD) if canary in pod["metadata"]["name"]}
    await hands.until("churn", lambda body: body["status"]["summary"].get("step") == "2/2")
    after = await hands.healthy("churn", 2)
    kept = {objects.uid_of(pod) for pod in await hands.all(kinds.POD) if canary in pod["metadata"]["name"]}
    assert wide["metadata"]["labels"][names.LABEL_STABLE] == before["status"]["stable"]["revision"]
    assert (
        selected(await hands.get("churn", kinds.SERVICE)) == canary == after["status"]["stable"]["revision"]
    )
    assert pods
    assert pods <= kept, "no pod of the canary was restarted"
    assert [entry["outcome"] for entry in after["status"]["history"]] == ["Promoted", "Promoted"]
    old = f"churn-{before['status']['stable']['revision']}"
    await hands.until_gone(kinds.DEPLOYMENT, old)


async def test_kubectl_wait_returns_when_ready(
    operator: OperatorProcess, hands: Hands, kubeconfig: Path
) -> None:
    await hands.apply("churn", spec(1))
    argv = [str(binaries.path_of("kubectl")), f"--kubeconfig={kubeconfig}", "-n", hands.namespace]
    wait = [*argv, "wait", "mdep/churn", "--for=condition=Ready", "--timeout=90s"]
    done = await asyncio.to_thread(subprocess.run, wait, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert is_healthy(await hands.get("churn"), 1)


async def settled(hands: Hands) -> dict[str, str]:
    """The versions, once nobody has written for a second: what controllers say of a Deployment comes in pieces."""
    before: dict[str, str] = {}
    while before != (now := await versions(hands)):
        before = now
        await asyncio.sleep(1.0)
    return before


async def test_reconcile_without_changes_writes_nothing(operator: OperatorProcess, hands: Hands) -> None:
    await hands.apply("churn", spec(1))
    await hands.healthy("churn", 1)
    before = await settled(hands)
    passes = int(await operator.total("seatrial_reconcile_total"))
    (uid,) = [uid for uid in before if uid == objects.uid_of(await hands.get("churn"))]
    touch = {"metadata": {"annotations": {"touched": "yes"}, "labels": {"team": "shop"}}}
    touched = await hands.patch(kinds.MODEL_DEPLOYMENT, "churn", touch)
    await operator.passed_over(passes + 1)
    await operator.nothing_waits(seconds=0.5)
    assert await versions(hands) == {**before, uid: objects.version_of(touched)}


@pytest.mark.parametrize("kind", [kinds.DEPLOYMENT, kinds.SERVICE, kinds.CONTROLLER_REVISION], ids=str)
async def test_manually_deleted_child_is_recreated(
    operator: OperatorProcess, hands: Hands, kind: Kind
) -> None:
    await hands.apply("churn", spec(1))
    await hands.healthy("churn", 1)
    lost = await child(hands, kind)
    await hands.delete(kind, lost["metadata"]["name"])
    again = await hands.until(
        lost["metadata"]["name"],
        lambda body: objects.uid_of(body) != objects.uid_of(lost),
        kind=kind,
        patience=AT_ONCE,
    )
    assert objects.controller_of(again) == objects.controller_of(lost)
    await hands.healthy("churn", 1)


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
    operator: OperatorProcess, hands: Hands, kind: Kind, edit: Body, path: tuple[str, ...]
) -> None:
    await hands.apply("churn", spec(1, replicas=2))
    await hands.healthy("churn", 1)
    before = await child(hands, kind)
    edited = await hands.patch(kind, before["metadata"]["name"], edit)
    assert at(edited, path) != at(before, path)
    name = before["metadata"]["name"]
    await hands.until(name, lambda body: at(body, path) == at(before, path), kind=kind, patience=AT_ONCE)


def at(body: Body, path: tuple[str, ...]) -> Any:
    """What stands at a path."""
    found: Any = body
    for part in path:
        found = found[part]
    return found


async def test_foreign_service_with_a_childs_name_is_not_changed(
    operator: OperatorProcess, hands: Hands
) -> None:
    ports = [{"port": 80}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "churn"}, "spec": {"ports": ports}}
    theirs = await hands.create(kinds.SERVICE, service)
    await hands.apply("churn", spec(1))
    told = await hands.until("churn", lambda body: "NameConflict" in str(body.get("status")))
    (ready,) = [c for c in told["status"]["conditions"] if c["type"] == "Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "NameConflict")
    assert "Service churn exists and belongs to another owner" in told["status"]["message"]
    assert objects.version_of(await hands.get("churn", kinds.SERVICE)) == objects.version_of(theirs)
    await hands.delete(kinds.SERVICE, "churn")
    await hands.healthy("churn", 1)


async def test_deletion_removes_all_children(operator: OperatorProcess, hands: Hands) -> None:
    await hands.apply("churn", spec(1))
    await hands.healthy("churn", 1)
    await hands.apply("churn", spec(2, steps=LONG))
    await hands.until("churn", lambda body: body["status"]["summary"].get("step") == "1/1")
    assert len(await hands.all(kinds.DEPLOYMENT, "churn")) == 2
    await hands.delete(kinds.MODEL_DEPLOYMENT, "churn")
    for kind in CHILDREN:
        await hands.until_left(kind, "churn")
