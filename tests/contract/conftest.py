"""The two API servers that one suite is held against: the fake in this process, and a real control plane."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contract import api_servers
from tests.contract.api_servers import Server


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.controlplane)])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """An API server with a namespace of its own for this test."""
    if request.param == "fake":
        opened = api_servers.fake()
    else:
        opened = api_servers.real(str(request.getfixturevalue("control_plane").kubeconfig))
    async with opened as running:
        yield running
