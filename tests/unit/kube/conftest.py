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
from tests.unit.kube.kube_watching import OWNER, RUNNING, START, Heard


@pytest.fixture
async def api() -> FakeApiServer:
    """The fake; its clock is the loop's."""
    loop = asyncio.get_running_loop()
    return FakeApiServer(lambda: START + timedelta(seconds=loop.time()))


@pytest.fixture
async def client(api: FakeApiServer) -> Client:
    """A client that leads."""
    return Client(api, Limiter(asyncio.get_running_loop().time), lambda: True)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def informer(client: Client, heard: Heard) -> AsyncIterator[Informer]:
    """An informer of ConfigMaps; the test starts it."""
    config = InformerConfig(
        asyncio.get_running_loop().time,
        jitter=lambda: 1.0,
        index_by=lambda body: objects.labels_of(body).get(OWNER),
        page_size=2,
    )
    watched = Informer(client, kinds.CONFIG_MAP, heard, config=config)
    yield watched
    running = RUNNING.pop(watched)
    assert not running.done(), "an informer never ends by itself"
    running.cancel()
