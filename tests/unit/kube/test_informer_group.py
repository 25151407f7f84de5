"""An operator of several namespaces lists and watches each of them, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from seatrial.api import kinds, objects
from seatrial.api.objects import Body
from seatrial.kube.client import Client
from seatrial.kube.informer_group import InformerGroup
from seatrial.kube.informers import InformerConfig
from tests.apiserver import FakeApiServer
from tests.unit.kube import kube_objects

pytestmark = pytest.mark.looptime
NAMESPACES = ("north", "south")


def settings(namespace: str, name: str = "settings") -> Body:
    body = kube_objects.settings(name)
    body["metadata"]["namespace"] = namespace
    return body


class Watching:
    """A group of two namespaces and the names that it reported."""

    def __init__(self, client: Client) -> None:
        self.events: list[tuple[str, str]] = []
        self.group = InformerGroup(
            client,
            kinds.CONFIG_MAP,
            lambda event, body: self.events.append((event, objects.key_of(body).namespace)),
            config=InformerConfig(asyncio.get_running_loop().time, index_by=lambda _: "all"),
            namespaces=NAMESPACES,
        )
        self.tasks = [asyncio.create_task(informer.run()) for informer in self.group.informers]


@pytest.fixture
async def watching(api: FakeApiServer, client: Client) -> AsyncIterator[Watching]:
    for namespace in (*NAMESPACES, "elsewhere"):
        api.add_namespace(namespace)
        api.insert(kinds.CONFIG_MAP, settings(namespace))
    running = Watching(client)
    await asyncio.sleep(1)
    yield running
    for task in running.tasks:
        task.cancel()


async def test_objects_of_each_namespace_are_found(watching: Watching) -> None:
    assert len(watching.group) == 2
    assert watching.group.get("north", "settings") is not None
    assert watching.group.get("elsewhere", "settings") is None
    found = [objects.key_of(body).namespace for body in watching.group.indexed("all")]
    assert found == ["north", "south"]


async def test_changes_of_each_namespace_are_reported(api: FakeApiServer, watching: Watching) -> None:
    watching.events.clear()
    for namespace in (*NAMESPACES, "elsewhere"):
        api.edit(kinds.CONFIG_MAP, namespace, "settings", patch={"data": {"a": "2"}})
    await asyncio.sleep(1)
    assert sorted(watching.events) == [("MODIFIED", "north"), ("MODIFIED", "south")]


async def test_no_request_is_about_all_namespaces(api: FakeApiServer, watching: Watching) -> None:
    assert {request.path for request in api.requests} == {
        f"/api/v1/namespaces/{namespace}/configmaps" for namespace in NAMESPACES
    }


async def test_an_own_write_is_in_effect_at_once(client: Client, watching: Watching) -> None:
    made = await client.create(kinds.CONFIG_MAP, settings("south", "made"))
    watching.group.observe_write(made)
    assert watching.group.has_seen(made)
    assert watching.group.get("south", "made") is not None
    watching.group.observe_delete("south", "made", uid=made["metadata"]["uid"])
    assert watching.group.get("south", "made") is None


async def test_without_a_namespace_one_informer_watches_all(client: Client) -> None:
    config = InformerConfig(asyncio.get_running_loop().time)
    group = InformerGroup(client, kinds.CONFIG_MAP, lambda _event, _body: None, config=config)
    assert len(group.informers) == 1
