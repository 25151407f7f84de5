"""Own writes are in the store at once, before the watch reports them."""

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
from tests.unit.kube.kube_watching import EventLog, names, settle, start

pytestmark = pytest.mark.looptime


class TestOwnWrites:
    async def test_an_own_write_is_in_the_store_at_once_and_its_echo_is_no_event(
        self, client: Client, informer: Informer, events: EventLog
    ) -> None:
        start(informer)
        await settle()
        informer.observe_write(await client.create(kinds.CONFIG_MAP, objects.settings("a")))
        assert events == [("ADDED", "a")]
        await settle()
        assert events == [("ADDED", "a")], "the event of the watch is no change"

    async def test_an_own_write_may_be_observed_without_an_event(
        self, client: Client, informer: Informer, events: EventLog
    ) -> None:
        start(informer)
        await settle()
        informer.observe_write(await client.create(kinds.CONFIG_MAP, objects.settings("a")), notify=False)
        await settle()
        assert (names(informer), events) == ({"a"}, [])

    async def test_a_response_after_the_deletion_does_not_bring_the_object_back(
        self, api: FakeApiServer, client: Client, informer: Informer
    ) -> None:
        start(informer)
        await settle()
        response = await client.create(kinds.CONFIG_MAP, objects.settings("a"))
        api.remove(kinds.CONFIG_MAP, "default", "a")
        await settle()
        informer.observe_write(response)
        assert len(informer.store) == 0

    async def test_a_late_response_does_not_replace_a_newer_version(
        self, api: FakeApiServer, client: Client, informer: Informer
    ) -> None:
        start(informer)
        response = await client.create(kinds.CONFIG_MAP, objects.settings("a"))
        api.edit(kinds.CONFIG_MAP, "default", "a", patch={"data": {"a": "2"}})
        await settle()
        informer.observe_write(response)
        stored = informer.get("default", "a")
        assert stored is not None
        assert stored["data"] == {"a": "2"}

    async def test_an_own_deletion_is_in_effect_at_once(
        self, client: Client, informer: Informer, events: EventLog
    ) -> None:
        start(informer)
        informer.observe_write(await client.create(kinds.CONFIG_MAP, objects.settings("a")))
        await client.delete(kinds.CONFIG_MAP, "default", "a")
        informer.observe_delete("default", "a")
        assert len(informer.store) == 0
        await settle()
        assert len(informer.store) == 0
        assert events == [("ADDED", "a"), ("DELETED", "a")]

    async def test_an_own_deletion_spares_another_object_of_the_name(
        self, client: Client, informer: Informer
    ) -> None:
        start(informer)
        informer.observe_write(await client.create(kinds.CONFIG_MAP, objects.settings("a")))
        informer.observe_delete("default", "a", uid="another")
        assert names(informer) == {"a"}

    async def test_an_object_that_is_created_again_is_stored(
        self, client: Client, informer: Informer
    ) -> None:
        start(informer)
        await settle()
        informer.observe_write(await client.create(kinds.CONFIG_MAP, objects.settings("a")))
        await client.delete(kinds.CONFIG_MAP, "default", "a")
        informer.observe_delete("default", "a")
        second = await client.create(kinds.CONFIG_MAP, objects.settings("a"))
        informer.observe_write(second)
        await settle()
        stored = informer.get("default", "a")
        assert stored is not None
        assert api_objects.uid_of(stored) == api_objects.uid_of(second)

    async def test_an_own_write_outside_the_selection_is_ignored(
        self, client: Client, events: EventLog
    ) -> None:
        config = InformerConfig(asyncio.get_running_loop().time)
        selection = Selection("default", labels="app=x")
        chosen = Informer(client, kinds.CONFIG_MAP, events, config=config, selection=selection)
        chosen.observe_write(await client.create(kinds.CONFIG_MAP, objects.labelled("a", app="y")))
        assert len(chosen.store) == 0

    async def test_an_own_write_before_the_first_list_is_kept(
        self, client: Client, informer: Informer
    ) -> None:
        start(informer)
        informer.observe_write(await client.create(kinds.CONFIG_MAP, objects.settings("a")))
        await settle()
        assert names(informer) == {"a"}


class TestVersions:
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
