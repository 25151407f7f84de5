"""A fake API server in virtual time and the parts of the shell over it; fixtures start nothing that waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from seatrial.applier import Applier
from seatrial.kube.caches import Caches
from seatrial.kube.client import Client
from seatrial.kube.limiter import Limiter
from tests.apiserver import FakeApiServer
from tests.unit.shell.reconcile_loop import Loop
from tests.unit.shell.shell_objects import START, server


@pytest.fixture
async def api() -> FakeApiServer:
    """The fake, with two ModelDeployments; its clock is the loop's."""
    loop = asyncio.get_running_loop()
    return server(lambda: START + timedelta(seconds=loop.time()))


@pytest.fixture
async def limiter() -> Limiter:
    return Limiter(asyncio.get_running_loop().time)


@pytest.fixture
async def client(api: FakeApiServer, limiter: Limiter) -> Client:
    """A client whose fence is open."""
    return Client(api, limiter, lambda: True)


@pytest.fixture
async def caches(client: Client) -> Caches:
    """Caches that contain own writes only, unless the test runs their informers."""
    clock = asyncio.get_running_loop().time
    return Caches(client, lambda _key: None, lambda *_place: None, clock=clock)


@pytest.fixture
async def applier(client: Client, caches: Caches) -> Applier:
    """An applier over the fake."""
    return Applier(client, caches)


@pytest.fixture
async def loop(api: FakeApiServer) -> AsyncIterator[Loop]:
    """The reconcile loop over the fake; it starts with the first `work`."""
    loop = Loop(api)
    yield loop
    if loop.task is not None:
        loop.task.cancel()
