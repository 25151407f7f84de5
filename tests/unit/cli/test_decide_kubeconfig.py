"""`seatrial decide` uses the cluster and the namespace of the kubeconfig's context."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.golden import situations
from tests.unit.cli.commands import error_of, output_of, run_process
from tests.unit.cli.decide_situations import ABORT, api_server_with


@pytest.fixture
def kubeconfig(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two contexts in two files: prod with namespace shop, and the current one without a namespace."""
    contexts = [{"name": "prod", "context": {"namespace": "shop"}}, {"name": "lab", "context": {}}]
    for name, content in (("a", {"current-context": "lab"}), ("b", {"contexts": contexts})):
        (tmp_path / name).write_text(yaml.safe_dump(content))
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/a:{tmp_path}/b")


@pytest.mark.usefixtures("kubeconfig")
def test_the_default_namespace_is_that_of_the_context() -> None:
    server = api_server_with(situations.with_users())
    text = output_of("decide", "abort", "churn", "--context", "prod", server=server)
    assert yaml.safe_load(text)["metadata"]["namespace"] == "shop"
    assert "in namespace default of" in error_of("decide", "abort", "churn", server=server)


def test_an_invalid_kubeconfig_is_reported(tmp_path: Any) -> None:
    (tmp_path / "config").write_text("a: [1\n b: }")
    process = run_process("", *ABORT, KUBECONFIG=str(tmp_path / "config"))
    assert (process.returncode, process.stdout) == (2, "")
    (line,) = process.stderr.splitlines()
    assert line.startswith("seatrial: cannot use the kubeconfig: while parsing ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["--context", "nowhere"], "cannot use the kubeconfig: ", id="unknown context"),
        pytest.param([], "cannot reach the API server: ", id="connection refused"),
    ],
)
def test_an_unreachable_cluster_is_reported(tmp_path: Any, arguments: list[str], sentence: str) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "gone",
        "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": "jo"}}],
        "clusters": [{"name": "gone", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "jo", "user": {"token": "x"}}],
    }
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    process = run_process("", *ABORT, *arguments, KUBECONFIG=str(tmp_path / "config"))
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith(f"seatrial: {sentence}")
    assert "Traceback" not in process.stderr
