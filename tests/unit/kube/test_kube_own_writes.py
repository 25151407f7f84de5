"""Own writes are seen at once, whatever the watch has told."""

from __future__ import annotations

import asyncio

import pytest

from seatrial.api import kinds
from seatrial.api import objects as api_objects
from seatrial.kube import failures
from seatrial.kube.client import Client, Selection
from seatrial.kube.informers import Informer, InformerConfig
from tests.apiserver import FakeApiServer
from tests.unit.kube import kube_objects as objects
from tests.unit.kube.kube_watching import Heard, names, settle, start

pytestmark = pytest.mark.looptime


class TestOwnWrites:
    async def test_are_seen_at_once(self, client: Client, informer: Informer, heard: Heard) -> None:
        start(informer)
        await settle()
        informer.observe_write(await client.create(kinds.CONFIG_MAP, objects.settings("a")))
        assert heard == [("ADDED", "a")]
        await settle()
        assert heard == [("ADDED", "a")], "the watch tells nothing new"

    async def test_do_not_undo_what_is_newer(
        self, api: FakeApiServer, client: Client, informer: Informer
    ) -> None:
        start(informer)
        answer = await client.create(kinds.CONFIG_MAP, objects.settings("a"))
        api.edit(kinds.CONFIG_MAP, "default", "a", patch={"data": {"a": "2"}})
        await settle()
        informer.observe_write(answer)
        kept = informer.get("default", "a")
        assert kept is not None
        assert kept["data"] == {"a": "2"}

    async def test_that_delete_are_seen_at_once(
        self, client: Client, informer: Informer, heard: Heard
    ) -> None:
        start(informer)
        informer.observe_write(await client.create(kinds.CONFIG_MAP, objects.settings("a")))
        await client.delete(kinds.CONFIG_MAP, "default", "a")
        informer.observe_delete("default", "a")
        assert len(informer.store) == 0
        await settle()
        assert len(informer.store) == 0
        assert heard == [("ADDED", "a"), ("DELETED", "a")]

    async def test_that_delete_spare_another_of_the_name(self, client: Client, informer: Informer) -> None:
        start(informer)
        informer.observe_write(await client.create(kinds.CONFIG_MAP, objects.settings("a")))
        informer.observe_delete("default", "a", uid="another")
        assert names(informer) == {"a"}

    async def test_that_create_again_are_seen(self, client: Client, informer: Informer) -> None:
        start(informer)
        await settle()
        informer.observe_write(await client.create(kinds.CONFIG_MAP, objects.settings("a")))
        await client.delete(kinds.CONFIG_MAP, "default", "a")
        informer.observe_delete("default", "a")
        second = await client.create(kinds.CONFIG_MAP, objects.settings("a"))
        informer.observe_write(second)
        await settle()
        kept = informer.get("default", "a")
        assert kept is not None
        assert api_objects.uid_of(kept) == api_objects.uid_of(second)

    async def test_of_something_else_are_left_out(self, client: Client, heard: Heard) -> None:
        config = InformerConfig(asyncio.get_running_loop().time)
        selection = Selection("default", labels="app=x")
        chosen = Informer(client, kinds.CONFIG_MAP, heard, config=config, selection=selection)
        chosen.observe_write(await client.create(kinds.CONFIG_MAP, objects.labelled("a", app="y")))
        assert len(chosen.store) == 0

    async def test_before_the_first_list_are_no_harm(self, client: Client, informer: Informer) -> None:
        start(informer)
        informer.observe_write(await client.create(kinds.CONFIG_MAP, objects.settings("a")))
        await settle()
        assert names(informer) == {"a"}


class TestBodies:
    @pytest.mark.parametrize(
        ("version", "than", "expected"),
        [
            ("10", "9", True),
            ("9", "10", False),
            ("9", "9", False),
            ("x", "9", True),
            ("x", "x", False),
            ("1", "", True),
        ],
    )
    async def test_versions_are_compared_as_numbers(self, version: str, than: str, expected: bool) -> None:
        assert api_objects.is_newer(version, than) is expected

    async def test_gone_is_an_api_error(self) -> None:
        assert issubclass(failures.Gone, failures.ApiError)
