"""A real API server accepts the CRDs and every valid example, and rejects every invalid one with its message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.kubectl_server import (
    CRDS,
    ILLEGAL,
    LEGAL,
    NAMESPACE,
    REPOSITORY,
    Server,
    loaded,
    model,
)

pytestmark = pytest.mark.controlplane


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
