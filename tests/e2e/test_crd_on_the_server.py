"""A real API server accepts the CRDs and every valid example, and rejects every invalid one with its message."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from tests.cluster import binaries
from tests.live import install

REPOSITORY = Path(__file__).resolve().parents[2]
CRDS = sorted((REPOSITORY / "crds").glob("*.yaml"))
EXAMPLES = sorted((REPOSITORY / "crds" / "examples").glob("*.yaml"))
ILLEGAL = [path for path in EXAMPLES if path.name.startswith("illegal-")]
LEGAL = [path for path in EXAMPLES if path not in ILLEGAL]
NAMESPACE = f"crd-{uuid.uuid4().hex[:8]}"
"""A new namespace for each run: the previous one may still be terminating."""

pytestmark = pytest.mark.controlplane


class Cluster(Protocol):
    """The part of the fixture that is used here."""

    kubeconfig: Path


class Server:
    """kubectl for one cluster and one namespace."""

    def __init__(self, kubeconfig: Path) -> None:
        self.environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}

    def run(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl; the command may fail."""
        return subprocess.run(
            [str(binaries.path_of("kubectl")), *arguments],
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def must(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl, which must succeed, and return its output."""
        done = self.run(*arguments, text=text)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create(self, body: dict[str, Any], *flags: str) -> subprocess.CompletedProcess[str]:
        """Try to create `body` with strict validation."""
        here = {**body, "metadata": {**body["metadata"], "namespace": NAMESPACE}}
        return self.run("create", "--validate=strict", *flags, "-f", "-", text=json.dumps(here))


@pytest.fixture(scope="module")
def server(control_plane: Cluster) -> Iterator[Server]:
    server = Server(control_plane.kubeconfig)
    for path in CRDS:
        server.must("apply", "--server-side", "--force-conflicts", "-f", str(path))
    server.must(
        "wait", "--for=condition=Established", *(f"--filename={path}" for path in CRDS), "--timeout=90s"
    )
    server.must("create", "namespace", NAMESPACE)
    yield server
    server.run("delete", "namespace", NAMESPACE, "--wait=false")


def loaded(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def model(name: str, **spec: Any) -> dict[str, Any]:
    body = loaded(REPOSITORY / "crds" / "examples" / "minimal.yaml")
    return {**body, "metadata": {"name": name}, "spec": {**body["spec"], **spec}}


@pytest.mark.parametrize("path", CRDS, ids=lambda path: path.stem)
def test_the_schema_is_structural(server: Server, path: Path) -> None:
    found = json.loads(server.must("get", "-f", str(path), "-o", "json"))
    conditions = {condition["type"]: condition["status"] for condition in found["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}


@pytest.mark.parametrize("path", LEGAL, ids=lambda path: path.stem)
def test_a_valid_example_is_accepted(server: Server, path: Path) -> None:
    done = server.create(loaded(path), "--dry-run=server")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", ILLEGAL, ids=lambda path: path.stem)
def test_an_invalid_example_is_rejected(server: Server, path: Path) -> None:
    done = server.create(loaded(path), "--dry-run=server")
    expected = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# rejected: ")
    assert done.returncode != 0
    assert expected in done.stderr


@pytest.mark.parametrize("kind", ["hostPath", "nfs", "ofTheFuture"])
def test_a_volume_of_another_kind_is_rejected_for_clients_that_do_not_validate(
    server: Server, kind: str
) -> None:
    """The server prunes the unknown field; the rule on the rest of the volume refuses it."""
    body = model("pruned", serving={"pod": {"volumes": [{"name": "node", kind: {"path": "/"}}]}})
    done = server.create(body, "--dry-run=server", "--validate=ignore")
    assert done.returncode != 0
    assert "set exactly one of configMap, csi, downwardAPI" in done.stderr


def test_a_decision_is_immutable(server: Server) -> None:
    body = loaded(REPOSITORY / "crds" / "examples" / "decision-pause.yaml")
    assert server.create(body).returncode == 0
    name = body["metadata"]["name"]
    done = server.run(
        "patch", "rdec", name, "-n", NAMESPACE, "--type=merge", "-p", '{"spec": {"reason": "another"}}'
    )
    assert "a RolloutDecision is immutable; create another one" in done.stderr


def test_a_generated_name_is_validated(server: Server) -> None:
    body = {**model("x"), "metadata": {"generateName": "a-prefix-of-thirty-nine-characters-abc-"}}
    assert "expected a DNS label of at most 40 characters" in server.create(body).stderr


def test_the_server_does_not_change_the_spec_but_for_the_replicas(server: Server) -> None:
    body = model("as-written", rollout={})
    assert server.create(body).returncode == 0
    found = json.loads(server.must("get", "mdep", "as-written", "-n", NAMESPACE, "-o", "json"))
    assert found["spec"] == {**body["spec"], "scaling": {"replicas": 1}}


def test_a_file_that_does_not_name_the_replicas_differs_in_nothing_after_others_have_set_them(
    server: Server,
) -> None:
    body = model("from-git")
    text = json.dumps({**body, "metadata": {**body["metadata"], "namespace": NAMESPACE}})
    for flags in ([], ["--server-side"]):
        server.must("apply", *flags, "-f", "-", text=text)
        server.must("scale", "mdep/from-git", "-n", NAMESPACE, "--replicas=4")
        done = server.run("diff", *flags, "-f", "-", text=text)
        assert (done.returncode, done.stdout) == (0, "")


def test_the_configuration_of_a_router_plugin_is_stored_as_it_is(server: Server) -> None:
    plugin = {"name": "example-mesh", "config": {"routes": [{"weight": 0.5, "exact": None}], "on": True}}
    assert server.create(model("plugin", traffic={"plugin": plugin})).returncode == 0
    found = json.loads(server.must("get", "mdep", "plugin", "-n", NAMESPACE, "-o", "json"))
    assert found["spec"]["traffic"] == {"plugin": plugin}


@pytest.mark.parametrize("text", ["1m1h", "0s", "99999h59m59s999ms", "1s1s1s1s"])
def test_a_duration_in_the_format_of_the_gateway_api_is_accepted(server: Server, text: str) -> None:
    done = server.create(model("held", rollout={"steps": [{"weight": 5, "hold": text}]}), "--dry-run=server")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [("100000s", "a duration such as 90s"), ("99999h60m", "at most 99999h59m59s999ms"), ("", "a duration")],
)
def test_other_durations_are_rejected(server: Server, text: str, message: str) -> None:
    done = server.create(model("held", rollout={"steps": [{"weight": 5, "hold": text}]}), "--dry-run=server")
    assert done.returncode != 0
    assert message in done.stderr


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
