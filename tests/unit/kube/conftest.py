"""A fake API server in virtual time, and a client of it.

Virtual time begins with the test itself: fixtures start nothing that waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from seatrial.api import kinds, objects
from seatrial.kube.client import Client
from seatrial.kube.informers import Informer, InformerConfig
from seatrial.kube.limiter import Limiter
from tests.apiserver import FakeApiServer
from tests.unit.kube.fence import Fence
from tests.unit.kube.kube_watching import OWNER, RUNNING, START, EventLog


@pytest.fixture
async def api() -> FakeApiServer:
    """The fake; its clock is the loop's."""
    loop = asyncio.get_running_loop()
    return FakeApiServer(lambda: START + timedelta(seconds=loop.time()))


@pytest.fixture
async def client(api: FakeApiServer) -> Client:
    """A client whose fence is open."""
    return Client(api, Limiter(asyncio.get_running_loop().time), lambda: True)


@pytest.fixture
async def fence() -> Fence:
    """A fence that is open."""
    return Fence()


@pytest.fixture
async def fenced(api: FakeApiServer, fence: Fence) -> Client:
    """A client behind the fence."""
    return Client(api, Limiter(asyncio.get_running_loop().time), fence, on_write=fence.count)


@pytest.fixture
def events() -> EventLog:
    return EventLog()


@pytest.fixture
async def informer(client: Client, events: EventLog) -> AsyncIterator[Informer]:
    """An informer of ConfigMaps; the test starts it."""
    config = InformerConfig(
        asyncio.get_running_loop().time,
        jitter=lambda: 1.0,
        index_by=lambda body: objects.labels_of(body).get(OWNER),
        page_size=2,
    )
    made = Informer(client, kinds.CONFIG_MAP, events, config=config)
    yield made
    running = RUNNING.pop(made)
    assert not running.done(), "an informer never ends by itself"
    running.cancel()
