"""What may be said to the demo, and that a shell's environment says nothing to it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cluster.errors import LabError
from tests.demo import __main__ as demo
from tests.demo import arguments
from tests.stage.given import GivenCluster
from tests.stage.install import ROOT


def test_nothing_is_the_lab() -> None:
    assert arguments.wanted([]).cluster is None


def test_a_cluster_and_a_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = [
        "--context",
        "team",
        "--kubeconfig",
        "k",
        "--registry",
        "r.example/a",
        "--pull-registry",
        "r:5000",
    ]
    found = arguments.wanted([*said, "--registry-ca", "ca.pem", "--plain-http"])
    # absolute: the commands printed at the end must hold in every folder
    assert found.cluster == GivenCluster("team", tmp_path / "k")
    assert (found.registry, found.pull_registry) == ("r.example/a", "r:5000")
    assert (found.registry_ca, found.plain_http, found.down) == (tmp_path / "ca.pem", True, False)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        pytest.param(["--registry", "r.example"], "--registry is for a cluster", id="a registry alone"),
        pytest.param(["--plain-http"], "--plain-http is for a cluster", id="a manner alone"),
        pytest.param(["--down"], "--down is for a cluster", id="taking down nothing"),
        pytest.param(["--pull-registry", "r"], "--pull-registry is", id="the cluster's name alone"),
        pytest.param(["--context", "c"], "name a registry", id="a cluster without a registry"),
    ],
)
def test_half_of_it_is_refused(argv: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LabError, match=words):
        arguments.wanted(argv)
    assert demo.main(argv) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_taking_down_needs_no_registry() -> None:
    found = arguments.wanted(["--context", "c", "--down"])
    assert found.down
    assert found.cluster == GivenCluster("c")


def _made(target: str, *variables: str, **environment: str) -> str:
    """The command that make would run last."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    argv = ["make", "-n", "-W", "pyproject.toml", target, *variables]
    done = subprocess.run(argv, cwd=ROOT, env=clean | environment, capture_output=True, text=True, check=True)
    return done.stdout.replace("\\\n", "").strip().splitlines()[-1]


@pytest.mark.parametrize("target", ["demo", "demo-down", "test"])
def test_an_exported_variable_chooses_no_cluster(target: str) -> None:
    made = _made(target, CONTEXT="production", KUBECONFIG="/production", REGISTRY="r.example", PLAIN_HTTP="1")
    assert "production" not in made
    assert "--registry" not in made
    assert "--plain-http" not in made


def test_variables_on_the_command_line_reach_the_demo() -> None:
    given = (
        "CONTEXT=a b",
        "REGISTRY=r/x",
        "PULL_REGISTRY=p",
        "REGISTRY_CA=ca",
        "PLAIN_HTTP=1",
        "KUBECONFIG=k",
    )
    made = _made("demo", *given).split("tests.demo")[1]
    for option in ("--context 'a b'", "--registry 'r/x'", "--pull-registry 'p'", "--registry-ca 'ca'"):
        assert option in made
    assert "--plain-http" in made
    assert "--kubeconfig 'k'" in made


def test_the_tests_take_a_kubeconfig_from_the_command_line_alone() -> None:
    assert "SEATRIAL_TEST_KUBECONFIG='mine'" in _made("test", "KUBECONFIG=mine", KUBECONFIG="/production")
    # nor does a program that a test starts see the exported one
    assert _made("test", KUBECONFIG="/production").startswith("env -u KUBECONFIG ")
