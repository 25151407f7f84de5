"""Fixtures of the control-plane tests: the lab's cluster with the CRDs, a user with a namespace, operators."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.kubectl_server import server
from tests.live import cluster_user, install
from tests.live.cluster_user import ClusterUser
from tests.live.operator_process import OperatorProcess

__all__ = ["server"]

FIXTURES = "tests.cluster.fixtures"

Start = Callable[..., OperatorProcess]


def pytest_configure(config: pytest.Config) -> None:
    """Load the lab's fixtures once."""
    if not config.pluginmanager.has_plugin(FIXTURES):
        config.pluginmanager.import_plugin(FIXTURES)


@pytest.fixture(scope="module")
def kubeconfig(request: pytest.FixtureRequest) -> Path:
    """Return the kubeconfig of a cluster with the CRDs."""
    found = Path(request.getfixturevalue("control_plane").kubeconfig)
    install.crds(found)
    return found


@pytest.fixture(scope="module")
def decision_policy(kubeconfig: Path) -> Iterator[None]:
    """Install the admission policy for decisions while the tests of this module run."""
    with install.decision_policy(kubeconfig):
        yield


@pytest.fixture
async def user(kubeconfig: Path) -> AsyncIterator[ClusterUser]:
    """Return a user with a new namespace for this test."""
    async with cluster_user.connect(kubeconfig) as found:
        yield found


@pytest.fixture(scope="module")
def operator(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """Run one operator for all tests of a module and all namespaces."""
    started = OperatorProcess(kubeconfig, tmp_path_factory.mktemp("operator") / "log")
    try:
        asyncio.run(started.working())
        yield started
    finally:
        started.kill()


@pytest.fixture
def start(kubeconfig: Path, tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts an operator; kill every operator after the test."""
    started: list[OperatorProcess] = []

    def start_operator(*arguments: str, **how: Any) -> OperatorProcess:
        log = tmp_path / f"operator-{len(started)}.log"
        started.append(OperatorProcess(kubeconfig, log, *arguments, **how))
        return started[-1]

    yield start_operator
    for process in started:
        process.kill()
