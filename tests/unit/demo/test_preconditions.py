"""The checks of an existing cluster before the demo creates anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cluster import fixtures
from tests.cluster.errors import LabError
from tests.stage import preconditions
from tests.stage.given import GivenCluster

KUBECONFIG = """
apiVersion: v1
kind: Config
contexts: [{name: here, context: {cluster: c}}, {name: there, context: {cluster: c}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
"""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    file = tmp_path / "kubeconfig"
    file.write_text(KUBECONFIG)
    return file


def test_an_unknown_context_is_reported_with_the_known_ones(kubeconfig: Path) -> None:
    preconditions.check_context(GivenCluster("here", kubeconfig))
    with pytest.raises(LabError, match=r"unknown context 'elsewhere' in .*kubeconfig; known: here, there$"):
        preconditions.check_context(GivenCluster("elsewhere", kubeconfig))


def test_a_prefix_of_a_context_is_not_a_known_context(kubeconfig: Path) -> None:
    with pytest.raises(LabError, match="unknown context 'her'"):
        preconditions.check_context(GivenCluster("her", kubeconfig))


def test_a_missing_kubeconfig_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"the kubeconfig /.* does not exist"):
        preconditions.check_context(GivenCluster("here", tmp_path / "none"))


def test_a_cluster_that_does_not_answer_is_reported(kubeconfig: Path) -> None:
    with pytest.raises(LabError, match=r"^the cluster of context 'here' does not answer: .*127\.0\.0\.1:1"):
        preconditions.check_version(GivenCluster("here", kubeconfig))


@pytest.mark.parametrize(
    ("server", "version"),
    [
        pytest.param({"major": "1", "minor": "34"}, (1, 34), id="plain"),
        pytest.param({"major": "1", "minor": "29+"}, (1, 29), id="with a plus sign"),
        pytest.param({"major": "2", "minor": "0"}, (2, 0), id="a future major version"),
    ],
)
def test_the_version_of_the_server_is_parsed(server: dict[str, str], version: tuple[int, int]) -> None:
    client = {"major": "9", "minor": "9"}
    assert preconditions.version_of({"serverVersion": server, "clientVersion": client}) == version


@pytest.mark.parametrize(
    "document", [{}, {"serverVersion": {}}, {"serverVersion": {"major": "1", "minor": ""}}]
)
def test_a_server_without_a_version_is_rejected(document: dict[str, Any]) -> None:
    with pytest.raises(LabError, match="reports no version"):
        preconditions.version_of(document)


class FakeCluster:
    """A cluster with this version and without these permissions."""

    context = "old"

    def __init__(self, *, minor: str = "34", forbidden: tuple[str, ...] = ()) -> None:
        self.minor, self.forbidden = minor, forbidden

    def run_kubectl(self, *arguments: str) -> Any:
        text = f'{{"serverVersion": {{"major": "1", "minor": "{self.minor}"}}}}'
        return type("Done", (), {"returncode": 0, "stdout": text, "stderr": ""})

    def may(self, verb: str, resource: str, *, namespace: str = "") -> bool:
        return resource not in self.forbidden


def test_a_kubernetes_older_than_1_30_is_rejected() -> None:
    preconditions.check_version(FakeCluster(minor="30"))  # type: ignore[arg-type]
    with pytest.raises(LabError, match=r"runs Kubernetes 1\.29; Seatrial needs 1\.30"):
        preconditions.check_version(FakeCluster(minor="29"))  # type: ignore[arg-type]


def test_all_missing_permissions_are_reported_at_once() -> None:
    cluster = FakeCluster(forbidden=("namespaces", "pods/exec"))
    permissions = (("create", "namespaces", ""), ("create", "pods", "demo"), ("create", "pods/exec", "demo"))
    with pytest.raises(
        LabError, match=r"lacks these permissions: create namespaces, create pods/exec in demo$"
    ):
        preconditions.check_permissions(cluster, permissions)  # type: ignore[arg-type]


def node(name: str, architecture: str = "amd64", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec, "status": {"nodeInfo": {"architecture": architecture}}}


NO_SCHEDULE = [{"key": "kubernetes.io/arch", "value": "arm64", "effect": "NoSchedule"}]
PREFER_NO_SCHEDULE = [{"key": "x", "effect": "PreferNoSchedule"}]


@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param([node("a")], id="same architecture"),
        pytest.param([node("a"), node("b", "arm64", taints=NO_SCHEDULE)], id="the other one is tainted"),
        pytest.param([node("a"), node("b", "arm64", unschedulable=True)], id="the other one is cordoned"),
    ],
)
def test_an_unschedulable_node_can_have_any_architecture(nodes: list[dict[str, Any]]) -> None:
    preconditions.check_nodes({"items": nodes}, "amd64")


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        pytest.param(
            [node("a"), node("b", "arm64")],
            r"but these nodes have another architecture: b \(arm64\);",
            id="one of two",
        ),
        pytest.param([node("b", "arm64", taints=PREFER_NO_SCHEDULE)], r"b \(arm64\)", id="a soft taint"),
        pytest.param([node(n, "arm64") for n in "edcba"], r"a .*, b .*, c .* and 2 more", id="many"),
        pytest.param([node("a", unschedulable=True)], "no node can run pods", id="all cordoned"),
        pytest.param([], "no node can run pods", id="none at all"),
    ],
)
def test_a_node_on_which_a_build_cannot_run_is_reported(nodes: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(LabError, match=message):
        preconditions.check_nodes({"items": nodes}, "amd64")


def test_tests_of_a_given_cluster_report_a_missing_kubeconfig(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=f"{fixtures.GIVEN} names .*none, which is no file"):
        fixtures.given_cluster(tmp_path / "none")


def test_tests_of_a_given_cluster_report_a_cluster_that_does_not_answer(kubeconfig: Path) -> None:
    kubeconfig.write_text(KUBECONFIG + "current-context: here\n")
    with pytest.raises(LabError, match=r"127\.0\.0\.1:1"):
        fixtures.given_cluster(kubeconfig)
