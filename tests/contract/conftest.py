"""The fixture of the contract tests: each test runs against the fake API server and a real control plane."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contract import api_servers
from tests.contract.api_servers import Server


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.controlplane)])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """Return an API server with a namespace for this test."""
    if request.param == "fake":
        context = api_servers.fake()
    else:
        context = api_servers.real(str(request.getfixturevalue("control_plane").kubeconfig))
    async with context as running_server:
        yield running_server
