"""The options of the demo, and that the shell's environment does not set them."""

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


def test_without_options_the_demo_runs_on_the_lab() -> None:
    assert arguments.parse([]).cluster is None


def test_the_options_of_an_existing_cluster_are_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command_line = [
        "--context",
        "team",
        "--kubeconfig",
        "k",
        "--registry",
        "r.example/a",
        "--pull-registry",
        "r:5000",
    ]
    options = arguments.parse([*command_line, "--registry-ca", "ca.pem", "--plain-http"])
    # absolute: the commands printed at the end must hold in every folder
    assert options.cluster == GivenCluster("team", tmp_path / "k")
    assert (options.registry, options.pull_registry) == ("r.example/a", "r:5000")
    assert (options.registry_ca, options.plain_http, options.down) == (tmp_path / "ca.pem", True, False)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param(
            ["--registry", "r.example"],
            "--registry: only for your own cluster",
            id="registry alone",
        ),
        pytest.param(
            ["--plain-http"], "--plain-http: only for your own cluster", id="plain HTTP without a cluster"
        ),
        pytest.param(["--down"], "--down: only for your own cluster", id="removal without a cluster"),
        pytest.param(
            ["--pull-registry", "r"], "--pull-registry: only", id="a pull registry without a cluster"
        ),
        pytest.param(
            ["--context", "c"], "--registry is required with --context", id="a cluster without a registry"
        ),
    ],
)
def test_incomplete_options_are_rejected(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(LabError, match=message):
        arguments.parse(argv)
    assert demo.main(argv) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_removing_the_demo_needs_no_registry() -> None:
    options = arguments.parse(["--context", "c", "--down"])
    assert options.down
    assert options.cluster == GivenCluster("c")


def _last_command(target: str, *variables: str, **environment: str) -> str:
    """Return the last command that make would run."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    argv = ["make", "-n", "-W", "pyproject.toml", target, *variables]
    done = subprocess.run(argv, cwd=ROOT, env=clean | environment, capture_output=True, text=True, check=True)
    return done.stdout.replace("\\\n", "").strip().splitlines()[-1]


@pytest.mark.parametrize("target", ["demo", "demo-down", "test"])
def test_exported_variables_are_ignored(target: str) -> None:
    command = _last_command(
        target, CONTEXT="production", KUBECONFIG="/production", REGISTRY="r.example", PLAIN_HTTP="1"
    )
    assert "production" not in command
    assert "--registry" not in command
    assert "--plain-http" not in command


def test_variables_on_the_command_line_become_options_of_the_demo() -> None:
    variables = (
        "CONTEXT=a b",
        "REGISTRY=r/x",
        "PULL_REGISTRY=p",
        "REGISTRY_CA=ca",
        "PLAIN_HTTP=1",
        "KUBECONFIG=k",
    )
    command = _last_command("demo", *variables).split("tests.demo")[1]
    for option in ("--context 'a b'", "--registry 'r/x'", "--pull-registry 'p'", "--registry-ca 'ca'"):
        assert option in command
    assert "--plain-http" in command
    assert "--kubeconfig 'k'" in command


def test_the_tests_use_only_a_kubeconfig_from_the_command_line() -> None:
    assert "SEATRIAL_TEST_KUBECONFIG='mine'" in _last_command(
        "test", "KUBECONFIG=mine", KUBECONFIG="/production"
    )
    # programs that the tests start do not see the exported one either
    assert _last_command("test", KUBECONFIG="/production").startswith("env -u KUBECONFIG ")
