"""A fake API server in virtual time, and a client of it.

Virtual time begins with the test itself: fixtures start nothing that waits.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from seatrial.kube.client import Client
from seatrial.kube.fake import FakeApiServer
from seatrial.kube.limiter import Limiter

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def api() -> FakeApiServer:
    """The fake; its clock is the loop's."""
    loop = asyncio.get_running_loop()
    return FakeApiServer(lambda: START + timedelta(seconds=loop.time()))


@pytest.fixture
async def client(api: FakeApiServer) -> Client:
    """A client that leads."""
    return Client(api, Limiter(asyncio.get_running_loop().time), lambda: True)
