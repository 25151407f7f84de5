"""What a cluster of the user's must be, told from what it says about itself."""

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


def test_an_unknown_context_is_said_with_those_that_are_known(kubeconfig: Path) -> None:
    preconditions.context_known(GivenCluster("here", kubeconfig))
    with pytest.raises(LabError, match=r"no context 'elsewhere' in .*kubeconfig; known: here, there$"):
        preconditions.context_known(GivenCluster("elsewhere", kubeconfig))


def test_a_context_is_known_by_its_whole_name(kubeconfig: Path) -> None:
    with pytest.raises(LabError, match="no context 'her'"):
        preconditions.context_known(GivenCluster("her", kubeconfig))


def test_a_missing_kubeconfig_is_said(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="there is no kubeconfig /"):
        preconditions.context_known(GivenCluster("here", tmp_path / "none"))


def test_a_cluster_that_does_not_answer_is_said(kubeconfig: Path) -> None:
    with pytest.raises(LabError, match=r"^the cluster of context 'here' does not answer: .*127\.0\.0\.1:1"):
        preconditions.answers(GivenCluster("here", kubeconfig))


@pytest.mark.parametrize(
    ("server", "version"),
    [
        pytest.param({"major": "1", "minor": "34"}, (1, 34), id="as it is"),
        pytest.param({"major": "1", "minor": "29+"}, (1, 29), id="as providers write it"),
        pytest.param({"major": "2", "minor": "0"}, (2, 0), id="a day to come"),
    ],
)
def test_the_server_tells_its_version(server: dict[str, str], version: tuple[int, int]) -> None:
    client = {"major": "9", "minor": "9"}
    assert preconditions.version_of({"serverVersion": server, "clientVersion": client}) == version


@pytest.mark.parametrize(
    "document", [{}, {"serverVersion": {}}, {"serverVersion": {"major": "1", "minor": ""}}]
)
def test_a_server_without_a_version_is_not_taken_for_a_new_one(document: dict[str, Any]) -> None:
    with pytest.raises(LabError, match="tells no version"):
        preconditions.version_of(document)


class Answering:
    """A cluster that says one thing."""

    context = "old"

    def __init__(self, *, minor: str = "34", forbidden: tuple[str, ...] = ()) -> None:
        self.minor, self.forbidden = minor, forbidden

    def asked(self, *arguments: str) -> Any:
        text = f'{{"serverVersion": {{"major": "1", "minor": "{self.minor}"}}}}'
        return type("Done", (), {"returncode": 0, "stdout": text, "stderr": ""})

    def may(self, verb: str, resource: str, *, namespace: str = "") -> bool:
        return resource not in self.forbidden


def test_an_old_kubernetes_is_said_and_the_oldest_that_is_taken_is_not() -> None:
    preconditions.answers(Answering(minor="30"))  # type: ignore[arg-type]
    with pytest.raises(LabError, match=r"runs Kubernetes 1\.29; Seatrial needs 1\.30"):
        preconditions.answers(Answering(minor="29"))  # type: ignore[arg-type]


def test_every_missing_right_is_said_at_once() -> None:
    cluster = Answering(forbidden=("namespaces", "pods/exec"))
    rights = (("create", "namespaces", ""), ("create", "pods", "demo"), ("create", "pods/exec", "demo"))
    with pytest.raises(LabError, match=r"may not create namespaces, create pods/exec in demo$"):
        preconditions.allowed(cluster, rights)  # type: ignore[arg-type]


def node(name: str, architecture: str = "amd64", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec, "status": {"nodeInfo": {"architecture": architecture}}}


SHUT = [{"key": "kubernetes.io/arch", "value": "arm64", "effect": "NoSchedule"}]
SOFT = [{"key": "x", "effect": "PreferNoSchedule"}]


@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param([node("a")], id="one that fits"),
        pytest.param([node("a"), node("b", "arm64", taints=SHUT)], id="the other one is tainted"),
        pytest.param([node("a"), node("b", "arm64", unschedulable=True)], id="the other one is cordoned"),
    ],
)
def test_nodes_that_take_no_pods_may_be_anything(nodes: list[dict[str, Any]]) -> None:
    preconditions.nodes_fit({"items": nodes}, "amd64")


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        pytest.param([node("a"), node("b", "arm64")], r"these nodes are not: b \(arm64\);", id="one of two"),
        pytest.param([node("b", "arm64", taints=SOFT)], r"b \(arm64\)", id="a taint that only asks"),
        pytest.param([node(n, "arm64") for n in "edcba"], r"a .*, b .*, c .* and 2 more", id="many"),
        pytest.param([node("a", unschedulable=True)], "no node of the cluster takes pods", id="all cordoned"),
        pytest.param([], "no node of the cluster takes pods", id="none at all"),
    ],
)
def test_a_node_on_which_a_build_cannot_run_is_said(nodes: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(LabError, match=words):
        preconditions.nodes_fit({"items": nodes}, "amd64")


def test_tests_of_a_given_cluster_say_when_there_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=f"{fixtures.GIVEN} names .*none, which is no file"):
        fixtures.given_cluster(tmp_path / "none")


def test_tests_of_a_given_cluster_say_when_it_does_not_answer(kubeconfig: Path) -> None:
    kubeconfig.write_text(KUBECONFIG + "current-context: here\n")
    with pytest.raises(LabError, match=r"127\.0\.0\.1:1"):
        fixtures.given_cluster(kubeconfig)
