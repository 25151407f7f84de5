"""What people see and do with kubectl: columns, scale, explain, wait, and warnings when they apply."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.kubectl_server import (
    NAMESPACE,
    REPOSITORY,
    Server,
    loaded,
    model,
)
from tests.live import install

pytestmark = pytest.mark.controlplane


def test_the_columns_show_the_state_of_the_rollout(server: Server) -> None:
    assert server.create(model("shown")).returncode == 0
    status = {
        "phase": "Canary",
        "message": "canary 9f3c2a71d0: 25 % of traffic",
        "summary": {"step": "2/3", "weight": 25, "verdict": "–", "ready": "5/5"},
        "stable": {"revision": "41b07c55ee"},
        "canary": {"revision": "9f3c2a71d0"},
    }
    patch = json.dumps({"status": status})
    server.must(
        "patch", "mdep", "shown", "-n", NAMESPACE, "--subresource=status", "--type=merge", "-p", patch
    )
    head, row = server.must("get", "mdep", "shown", "-n", NAMESPACE).splitlines()
    assert head.split() == [
        "NAME",
        "PHASE",
        "STEP",
        "WEIGHT",
        "STABLE",
        "CANARY",
        "VERDICT",
        "READY",
        "AGE",
        "MESSAGE",
    ]
    shown = row.split(maxsplit=9)
    assert shown[1:8] == ["Canary", "2/3", "25", "41b07c55ee", "9f3c2a71d0", "–", "5/5"]
    assert shown[9].strip() == "canary 9f3c2a71d0: 25 % of traffic"


def test_the_columns_show_who_decided_what(server: Server) -> None:
    example = loaded(REPOSITORY / "crds" / "examples" / "decision-rollback-to-previous.yaml")
    body = {**example, "metadata": {"name": "churn-20261130t235959-abcde"}}
    assert server.create(body).returncode == 0
    status = {"phase": "Taken", "message": "rollback to 41b07c55ee started", "at": "2026-11-30T23:59:59Z"}
    name, patch = body["metadata"]["name"], json.dumps({"status": status})
    server.must("patch", "rdec", name, "-n", NAMESPACE, "--subresource=status", "--type=merge", "-p", patch)
    head, row = server.must("get", "rdec", name, "-n", NAMESPACE).splitlines()
    assert head.split() == ["NAME", "ACTION", "REVISION", "BY", "PHASE", "AGE"]
    assert row.split()[:5] == [name, "Rollback", "9f3c2a71d0", "jo@shop.example", "Taken"]
    head, row = server.must("get", "rdec", name, "-n", NAMESPACE, "-o", "wide").splitlines()
    assert head.split()[6:] == ["DEPLOYMENT", "TO", "MESSAGE"]
    assert row.split(maxsplit=8)[6:] == ["churn", "previous", status["message"]]


def test_the_readme_shows_how_controller_revisions_are_listed(server: Server) -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    command = re.search(r"^kubectl -n shop (get controllerrevisions (?:.*\\\n)*.*)$", readme, re.MULTILINE)
    assert command is not None
    annotations = {"promoted-at": "2026-11-30T12:00:00Z", "source": "s3://models/churn/1/", "built-at": "b"}
    head = {
        "name": "churn-41b07c55ee",
        "labels": {"seatrial.dev/deployment": "churn", "seatrial.dev/revision": "41b07c55ee"},
        "annotations": {f"seatrial.dev/{name}": value for name, value in annotations.items()},
    }
    body = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": head,
        "revision": 7,
        "data": {},
    }
    assert server.create(body).returncode == 0
    arguments = shlex.split(command.group(1).replace("\\\n", ""))
    columns, row = server.must(*arguments, "-n", NAMESPACE).splitlines()
    assert columns.split() == ["NUMBER", "REVISION", "PROMOTED", "BUILT", "SOURCE", "VERSION", "DIGEST"]
    assert row.split()[:5] == [
        "7",
        "41b07c55ee",
        *(annotations[name] for name in ("promoted-at", "built-at", "source")),
    ]


def test_a_model_deployment_can_be_scaled(server: Server) -> None:
    assert server.create(model("scaled", scaling={"replicas": 2})).returncode == 0
    server.must("scale", "mdep/scaled", "-n", NAMESPACE, "--replicas=4")
    assert (
        server.must("get", "mdep/scaled", "-n", NAMESPACE, "-o", "jsonpath={.spec.scaling.replicas}") == "4"
    )


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        pytest.param("unsaid", {}, id="no scaling"),
        pytest.param("empty", {"scaling": {}}, id="an empty scaling"),
        pytest.param("partial", {"scaling": {"disruptionBudget": {}}}, id="a scaling without replicas"),
        pytest.param("bounded", {"scaling": {"minReplicas": 1, "maxReplicas": 4}}, id="bounds"),
    ],
)
def test_scale_answers_before_anybody_wrote_the_replicas(
    server: Server, name: str, spec: dict[str, Any]
) -> None:
    assert server.create(model(name, **spec)).returncode == 0
    scale = json.loads(server.must("get", "mdep", name, "-n", NAMESPACE, "--subresource=scale", "-o", "json"))
    assert scale["spec"] == {"replicas": 1}


def test_an_autoscaled_model_deployment_cannot_be_scaled_by_hand(server: Server) -> None:
    assert server.create(model("followed", scaling={"minReplicas": 1, "maxReplicas": 4})).returncode == 0
    done = server.run("scale", "mdep/followed", "-n", NAMESPACE, "--replicas=4")
    assert "set either replicas, or minReplicas and maxReplicas" in done.stderr


@pytest.fixture(scope="module")
def warning(server: Server) -> Iterator[None]:
    """Install the chart's warning about large shares until the end of the module."""
    manifest = install.rendered("templates/share-warning.yaml")
    server.must("apply", "-f", "-", text=manifest)
    deadline = time.monotonic() + 60
    while not (done := server.create(model("warned"), "--dry-run=server")).stderr:
        assert time.monotonic() < deadline, done
        time.sleep(0.2)
    yield
    server.must("delete", "-f", "-", text=manifest)


@pytest.mark.usefixtures("warning")
@pytest.mark.parametrize(
    ("spec", "warned"),
    [
        pytest.param(
            {}, "50 % of traffic, not 10 %: one pod beside 1; raise spec.scaling to 9", id="defaults"
        ),
        pytest.param({"scaling": {"replicas": 4}}, "20 % of traffic, not 10 %", id="four pods"),
        pytest.param({"scaling": {"replicas": 5}}, "", id="five pods"),
        pytest.param({"scaling": {"replicas": 0}}, "", id="no pods"),
        pytest.param({"scaling": {"minReplicas": 2, "maxReplicas": 9}}, "33 % of traffic", id="bounds"),
        pytest.param({"rollout": {"steps": [{"weight": 25}]}}, "not 25 %", id="a step of a quarter"),
        pytest.param({"rollout": {"steps": [{"weight": 50}]}}, "", id="a step of a half"),
        pytest.param({"rollout": {"steps": []}}, "", id="no steps"),
        pytest.param({"rollout": {"strategy": "Recreate"}}, "", id="Recreate"),
        pytest.param({"traffic": {"replicas": {"whenTooFew": "Hold"}}}, "", id="Hold"),
        pytest.param({"traffic": {"replicas": {}}}, "50 % of traffic", id="the replica router by name"),
        pytest.param({"traffic": {"plugin": {"name": "example-mesh"}}}, "", id="another router"),
    ],
)
def test_a_first_step_that_too_few_pods_cannot_meet_is_warned_of_when_it_is_applied(
    server: Server, spec: dict[str, Any], warned: str
) -> None:
    done = server.create(model("few", **spec), "--dry-run=server")
    assert done.returncode == 0
    assert warned in done.stderr
    assert bool(done.stderr) is bool(warned)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        pytest.param("mdep.spec.rollout.steps.weight", "in whole percent", id="a weight"),
        pytest.param("mdep.spec.rollout.progressDeadline", "Default: 10m.", id="a default"),
        pytest.param("rdec.spec.toRevision", "with Rollback", id="a decision"),
    ],
)
def test_kubectl_explain_shows_the_description(server: Server, field: str, text: str) -> None:
    # the server publishes the documentation of a new kind some time after it serves the kind
    deadline = time.monotonic() + 60
    while text not in (output := " ".join(server.run("explain", field).stdout.split())):
        assert time.monotonic() < deadline, output
        time.sleep(0.2)


@pytest.mark.parametrize(("ready", "reason"), [("True", "Healthy"), ("False", "CrashLoop")])
def test_the_wait_recipe_of_the_readme_ends_on_success_and_on_rejection(
    server: Server, ready: str, reason: str
) -> None:
    name = f"settled-{reason.lower()}"
    assert server.create(model(name)).returncode == 0
    wait = ("-n", NAMESPACE, "wait", f"mdep/{name}")
    _report(server, name, generation=1, Settled="False", Ready="False")
    assert server.run(*wait, "--for=condition=Settled", "--timeout=0").returncode == 1
    _report(server, name, generation=1, reason=reason, Settled="True", Ready=ready)
    assert server.run(*wait, "--for=condition=Settled", "--timeout=30s").returncode == 0
    ended = server.run(*wait, "--for=condition=Ready", "--timeout=0")
    assert ended.returncode == (0 if ready == "True" else 1)
    path = '{.status.conditions[?(@.type=="Settled")].reason}'
    assert server.must("-n", NAMESPACE, "get", "mdep", name, "-o", f"jsonpath={path}") == reason


def test_the_wait_recipe_does_not_believe_what_an_earlier_spec_has_settled(server: Server) -> None:
    assert server.create(model("earlier")).returncode == 0
    _report(server, "earlier", generation=1, Settled="True", Ready="True")
    paused = json.dumps({"spec": {"paused": True}})
    server.must("-n", NAMESPACE, "patch", "mdep", "earlier", "--type=merge", "-p", paused)
    waited = server.run("-n", NAMESPACE, "wait", "mdep/earlier", "--for=condition=Settled", "--timeout=1s")
    assert waited.returncode == 1


def _report(
    server: Server, name: str, *, generation: int, reason: str = "Shifting", **conditions: str
) -> None:
    """Write these conditions into the status, as the operator does."""
    listed = [
        {"type": kind, "status": status, "reason": reason, "observedGeneration": generation}
        for kind, status in conditions.items()
    ]
    text = json.dumps({"status": {"observedGeneration": generation, "conditions": listed}})
    server.must("-n", NAMESPACE, "patch", "mdep", name, "--subresource=status", "--type=merge", "-p", text)
