"""What the control-plane tests stand on: the lab's cluster with the CRDs, hands on a namespace, operators."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import install, user_actions
from tests.live.operator_process import OperatorProcess
from tests.live.user_actions import Hands

FIXTURES = "tests.cluster.fixtures"

Start = Callable[..., OperatorProcess]


def pytest_configure(config: pytest.Config) -> None:
    """The lab's fixtures, whoever else loads them."""
    if not config.pluginmanager.has_plugin(FIXTURES):
        config.pluginmanager.import_plugin(FIXTURES)


@pytest.fixture(scope="module")
def kubeconfig(request: pytest.FixtureRequest) -> Path:
    """Of a cluster that has the CRDs."""
    found = Path(request.getfixturevalue("control_plane").kubeconfig)
    install.crds(found)
    return found


@pytest.fixture(scope="module")
def decision_policy(kubeconfig: Path) -> Iterator[None]:
    """Nobody can decide in another's name while the tests of this module run."""
    with install.decision_policy(kubeconfig):
        yield


@pytest.fixture
async def hands(kubeconfig: Path) -> AsyncIterator[Hands]:
    """Hands on a namespace of this test alone."""
    async with user_actions.hands(kubeconfig) as found:
        yield found


@pytest.fixture(scope="module")
def operator(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """One operator that works, for all tests of a module and every namespace."""
    started = OperatorProcess(kubeconfig, tmp_path_factory.mktemp("operator") / "log")
    try:
        asyncio.run(started.working())
        yield started
    finally:
        started.kill()


@pytest.fixture
def start(kubeconfig: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts operators with arguments of their own; none outlives the test."""
    started: list[OperatorProcess] = []

    def one_more(*arguments: str, **how: Any) -> OperatorProcess:
        log = tmp_path / f"operator-{len(started)}.log"
        started.append(OperatorProcess(kubeconfig, log, *arguments, **how))
        return started[-1]

    yield one_more
    for process in started:
        process.kill()
