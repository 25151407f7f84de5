"""Secrets are requested by name, without their content, and never listed or watched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from seatrial.api import kinds, objects
from seatrial.api.objects import Body
from seatrial.kube import transport
from seatrial.kube.client import Client
from seatrial.kube.secret_versions import ABSENT_SECONDS, ROUNDS, SecretVersions
from tests.apiserver import FakeApiServer
from tests.unit.kube import kube_objects

pytestmark = pytest.mark.looptime
INTERVAL = ABSENT_SECONDS * ROUNDS + 1


class Polling:
    """Versions that are polled from the first `get` on, and the changes that they reported."""

    def __init__(self, client: Client) -> None:
        self.changes: list[tuple[str, str]] = []
        self.versions = SecretVersions(client, lambda *place: self.changes.append(place))
        self.task: asyncio.Task[None] | None = None

    async def get(self, name: str = "keys") -> Body | None:
        self.task = self.task or asyncio.create_task(self.versions.run())
        await asyncio.sleep(0)
        return await self.versions.get("default", name)


@pytest.fixture
async def polling(client: Client) -> AsyncIterator[Polling]:
    running = Polling(client)
    yield running
    assert running.task is not None
    assert not running.task.done(), "polling never ends by itself"
    running.task.cancel()


def insert(api: FakeApiServer, name: str = "keys") -> None:
    api.insert(kinds.SECRET, {**kube_objects.settings(name, a="MQ=="), "kind": "Secret"})


async def test_only_the_metadata_of_one_secret_is_requested(api: FakeApiServer, polling: Polling) -> None:
    insert(api)
    known = await polling.get()
    assert known is not None
    assert set(known) == {"metadata"}
    await asyncio.sleep(INTERVAL)
    assert {request.path for request in api.requests} == {"/api/v1/namespaces/default/secrets/keys"}
    assert {request.accept for request in api.requests} == {transport.PARTIAL_OBJECT}


async def test_a_change_is_reported_within_half_a_minute(api: FakeApiServer, polling: Polling) -> None:
    insert(api)
    before = await polling.get()
    await asyncio.sleep(INTERVAL)
    assert polling.changes == []
    api.edit(kinds.SECRET, "default", "keys", patch={"data": {"a": "Mg=="}})
    await asyncio.sleep(INTERVAL)
    assert polling.changes == [("default", "keys")]
    after = await polling.get()
    assert objects.version_of(after or {}) != objects.version_of(before or {})


async def test_a_created_secret_is_reported_within_seconds(api: FakeApiServer, polling: Polling) -> None:
    assert await polling.get() is None
    insert(api)
    await asyncio.sleep(ABSENT_SECONDS + 1)
    assert polling.changes == [("default", "keys")]


async def test_a_deleted_secret_is_reported(api: FakeApiServer, polling: Polling) -> None:
    insert(api)
    await polling.get()
    api.remove(kinds.SECRET, "default", "keys")
    await asyncio.sleep(INTERVAL)
    assert polling.changes == [("default", "keys")]
    assert await polling.get() is None


async def test_a_secret_that_nobody_refers_to_is_not_requested_again(
    api: FakeApiServer, polling: Polling
) -> None:
    insert(api)
    await polling.get()
    polling.versions.forget("default", "keys")
    before = len(api.requests)
    await asyncio.sleep(INTERVAL)
    assert len(api.requests) == before


async def test_an_outage_is_no_change(api: FakeApiServer, polling: Polling) -> None:
    insert(api)
    await polling.get()
    api.faults.unreachable = True
    await asyncio.sleep(INTERVAL)
    api.faults.unreachable = False
    await asyncio.sleep(INTERVAL)
    assert polling.changes == []


async def test_requests_are_spread_over_the_interval(api: FakeApiServer, polling: Polling) -> None:
    for number in range(ROUNDS):
        insert(api, f"keys-{number}")
        await polling.get(f"keys-{number}")
    before = len(api.requests)
    await asyncio.sleep(ABSENT_SECONDS + 1)
    assert len(api.requests) == before + 1
