"""pytest fixtures that give a running lab: `control_plane` and `node_lab`, one of each for a whole pytest process.

Use: `pytest_plugins = ["tests.cluster.fixtures"]` in the conftest.py of the tests' root. With
SEATRIAL_TEST_KUBECONFIG set (`make test KUBECONFIG=file`), `control_plane` is that cluster instead. With
SEATRIAL_TEST_NODE set (`python -m tests.run`), several processes share the node of that name. Without root, tests
of the node are skipped and the end of the run says so in capitals.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from tests import cluster
from tests.cluster import cache, kubectl
from tests.cluster.errors import LabError

GIVEN = "SEATRIAL_TEST_KUBECONFIG"
KEEP = "SEATRIAL_LAB_KEEP"  # when set, labs outlive the tests; the next run finds them
SHARED_NODE = (
    "SEATRIAL_TEST_NODE"  # the name of a node that several processes share; who set it ends the node
)
NO_ROOT = (
    "THE TESTS OF A REAL NODE WERE SKIPPED: they need root. Run them with sudo before you trust a change."
)


class Cluster(Protocol):
    """What tests of a control plane may use of it: the same for a lab and for a cluster given by the user."""

    @property
    def kubeconfig(self) -> Path: ...

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str: ...

    def apply(self, objects: str) -> None: ...


@dataclass(frozen=True, slots=True)
class GivenCluster:
    """The cluster of a kubeconfig that the user gave. Its pods are real, or nobody's."""

    kubeconfig: Path

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl printed."""
        return kubectl.run(self.kubeconfig, *arguments, stdin=stdin)

    def apply(self, objects: str) -> None:
        """The objects are applied on the server's side."""
        kubectl.apply(self.kubeconfig, objects)


def given_cluster(kubeconfig: Path) -> GivenCluster:
    """The cluster of this file. Raises LabError when it cannot be asked: its tests would say so one by one."""
    if not kubeconfig.is_file():
        raise LabError(f"{GIVEN} names {kubeconfig}, which is no file")
    found = GivenCluster(kubeconfig.absolute())
    found.kubectl("get", "namespace", "default", "-o", "name", "--request-timeout=15s")
    return found


def lab_name(flavour: str) -> str:
    """The name of this run's lab: runs side by side do not share one."""
    return f"test-{flavour}" if os.environ.get(KEEP) else f"test-{flavour}-{os.getpid()}"


@pytest.fixture(scope="session")
def control_plane() -> Iterator[Cluster]:
    """A control plane whose pods KWOK plays, or the cluster that the user gave."""
    if given := os.environ.get(GIVEN):
        yield given_cluster(Path(given))
        return
    cluster.end_orphans("test-plane")
    yield cluster.up(lab_name("plane"))
    if not os.environ.get(KEEP):
        cluster.down(lab_name("plane"))


@pytest.fixture(scope="session")
def node_lab() -> Iterator[cluster.NodeLab]:
    """A real node with a registry, an object store and Prometheus."""
    if os.geteuid() != 0:
        pytest.skip(NO_ROOT)
    cluster.end_orphans("test-node")
    shared = os.environ.get(SHARED_NODE)
    name = shared or lab_name("node")
    yield cluster.up_node(name)
    if not shared and not os.environ.get(KEEP):
        cluster.down(name)


def once(lab: cluster.NodeLab, what: str, do: Callable[[], object]) -> None:
    """Call `do` in the first process of this run that asks for `what` in the lab; the others wait until it is done."""
    run = os.environ.get(SHARED_NODE) or str(os.getpid())
    done = lab.folder / f".{what}-{run}.done"
    with cache.locked(lab.folder / f".{what}.lock"):
        if not done.exists():
            do()
            done.touch()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of the node is skipped without root, whether or not it asks for the fixture."""
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("node"):
            item.add_marker(pytest.mark.skip(reason=NO_ROOT))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A skipped node is impossible to overlook."""
    skipped = terminalreporter.stats.get("skipped", [])
    if any(NO_ROOT in str(report.longrepr) for report in skipped):
        terminalreporter.write_sep("!", NO_ROOT, red=True, bold=True)
