"""Which cluster and namespace `seatrial decide` asks: those of the kubeconfig's context."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.golden import situations
from tests.unit.cli.commands import piped, printed, refused
from tests.unit.cli.test_decide_asks import ABORT, a_cluster


@pytest.fixture
def kubeconfig(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two contexts in two files: prod works in shop, the current one says no namespace."""
    contexts = [{"name": "prod", "context": {"namespace": "shop"}}, {"name": "lab", "context": {}}]
    for name, content in (("a", {"current-context": "lab"}), ("b", {"contexts": contexts})):
        (tmp_path / name).write_text(yaml.safe_dump(content))
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/a:{tmp_path}/b")


@pytest.mark.usefixtures("kubeconfig")
def test_without_a_namespace_that_of_the_context_is_meant() -> None:
    server = a_cluster(situations.with_users())
    text = printed("decide", "abort", "churn", "--context", "prod", server=server)
    assert yaml.safe_load(text)["metadata"]["namespace"] == "shop"
    assert "in namespace default of" in refused("decide", "abort", "churn", server=server)


def test_a_kubeconfig_that_is_none(tmp_path: Any) -> None:
    (tmp_path / "config").write_text("a: [1\n b: }")
    done = piped("", *ABORT, KUBECONFIG=str(tmp_path / "config"))
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("seatrial: the kubeconfig cannot be used: while parsing ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["--context", "nowhere"], "the kubeconfig cannot be used: ", id="no such context"),
        pytest.param([], "the API server cannot be reached: ", id="nobody listens"),
    ],
)
def test_a_cluster_that_is_not_there(tmp_path: Any, arguments: list[str], sentence: str) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "gone",
        "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": "jo"}}],
        "clusters": [{"name": "gone", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "jo", "user": {"token": "x"}}],
    }
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    done = piped("", *ABORT, *arguments, KUBECONFIG=str(tmp_path / "config"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"seatrial: {sentence}")
    assert "Traceback" not in done.stderr
