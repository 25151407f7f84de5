"""An informer's copy stays true, whatever happens to the watch."""

from __future__ import annotations

import asyncio
import logging

import pytest

from seatrial.api import kinds
from seatrial.kube.client import Client, Selection
from seatrial.kube.informers import Informer, InformerConfig
from tests.apiserver import FakeApiServer
from tests.unit.kube import kube_objects as objects
from tests.unit.kube.kube_watching import OWNER, Heard, names, settle, start

pytestmark = pytest.mark.looptime


class TestKeeping:
    async def test_begins_with_what_there_is(
        self, api: FakeApiServer, informer: Informer, heard: Heard
    ) -> None:
        start(informer)
        for name in "abcde":
            api.insert(kinds.CONFIG_MAP, objects.settings(name))
        assert not informer.synced.is_set()
        await settle()
        assert informer.synced.is_set()
        assert sorted(heard) == [("ADDED", name) for name in "abcde"]

    async def test_hears_of_changes(self, api: FakeApiServer, informer: Informer, heard: Heard) -> None:
        start(informer)
        await settle()
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        api.edit(kinds.CONFIG_MAP, "default", "a", patch={"data": {"a": "2"}})
        await settle()
        kept = informer.get("default", "a")
        assert kept is not None
        assert kept["data"] == {"a": "2"}
        api.remove(kinds.CONFIG_MAP, "default", "a")
        await settle()
        assert heard == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
        assert len(informer.store) == 0

    async def test_trims(self, api: FakeApiServer, informer: Informer) -> None:
        start(informer)
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle()
        kept = informer.get("default", "a")
        assert kept is not None
        assert "managedFields" not in kept["metadata"]

    async def test_finds_by_index(self, api: FakeApiServer, informer: Informer) -> None:
        start(informer)
        api.insert(kinds.CONFIG_MAP, objects.labelled("b", **{OWNER: "x"}))
        api.insert(kinds.CONFIG_MAP, objects.labelled("a", **{OWNER: "x"}))
        api.insert(kinds.CONFIG_MAP, objects.labelled("c"))
        await settle()
        assert [body["metadata"]["name"] for body in informer.indexed("x")] == ["a", "b"]
        api.edit(kinds.CONFIG_MAP, "default", "a", patch={"metadata": {"labels": {OWNER: "y"}}})
        api.remove(kinds.CONFIG_MAP, "default", "b")
        await settle()
        assert informer.indexed("x") == []
        assert [body["metadata"]["name"] for body in informer.indexed("y")] == ["a"]

    async def test_sees_only_its_selection(self, api: FakeApiServer, client: Client, heard: Heard) -> None:
        config = InformerConfig(asyncio.get_running_loop().time)
        selection = Selection("default", labels="app=x")
        chosen = Informer(client, kinds.CONFIG_MAP, heard, config=config, selection=selection)
        running = asyncio.create_task(chosen.run())
        api.insert(kinds.CONFIG_MAP, objects.labelled("a", app="x"))
        api.insert(kinds.CONFIG_MAP, objects.labelled("b", app="y"))
        await settle()
        api.edit(kinds.CONFIG_MAP, "default", "a", patch={"metadata": {"labels": {"app": "y"}}})
        await settle()
        assert heard == [("ADDED", "a"), ("DELETED", "a")]
        running.cancel()


class TestBreaking:
    async def test_goes_on_where_a_dropped_watch_ended(
        self, api: FakeApiServer, informer: Informer, heard: Heard
    ) -> None:
        start(informer)
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle()
        api.faults.drop_watches()
        api.insert(kinds.CONFIG_MAP, objects.settings("b"))
        api.remove(kinds.CONFIG_MAP, "default", "a")
        await settle(5)
        assert heard == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]
        lists = [r for r in api.requests if r.query.get("watch") is None]
        assert len(lists) == 1

    async def test_lists_again_when_its_place_is_forgotten(
        self, api: FakeApiServer, informer: Informer, heard: Heard
    ) -> None:
        start(informer)
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        api.insert(kinds.CONFIG_MAP, objects.settings("b"))
        await settle()
        api.faults.drop_watches()
        api.remove(kinds.CONFIG_MAP, "default", "a")
        api.insert(kinds.CONFIG_MAP, objects.settings("c"))
        api.faults.compact()
        await settle(5)
        assert names(informer) == {"b", "c"}
        assert ("DELETED", "a") in heard

    async def test_notices_a_lost_deletion_at_the_next_list(
        self, api: FakeApiServer, informer: Informer, heard: Heard
    ) -> None:
        start(informer)
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle()
        api.faults.lose_delete_event(kinds.CONFIG_MAP, "a")
        api.remove(kinds.CONFIG_MAP, "default", "a")
        await settle()
        assert names(informer) == {"a"}
        api.faults.compact()
        api.faults.drop_watches()
        api.insert(kinds.CONFIG_MAP, objects.settings("b"))
        api.faults.compact()
        await settle(5)
        assert names(informer) == {"b"}
        assert heard[-2:] == [("DELETED", "a"), ("ADDED", "b")]

    async def test_replaces_one_of_the_same_name(
        self, api: FakeApiServer, informer: Informer, heard: Heard
    ) -> None:
        start(informer)
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle()
        api.faults.lose_delete_event(kinds.CONFIG_MAP, "a")
        api.remove(kinds.CONFIG_MAP, "default", "a")
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle()
        assert heard == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a")]

    async def test_outlives_an_outage_without_storming(self, api: FakeApiServer, informer: Informer) -> None:
        start(informer)
        await settle()
        api.faults.unreachable = True
        api.faults.drop_watches()
        before = len(api.requests)
        await settle(600)
        assert len(api.requests) - before < 40
        api.faults.unreachable = False
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle(31)
        assert names(informer) == {"a"}

    @pytest.mark.parametrize("status", [403, 429, 500, 503])
    async def test_outlives_refusals(self, api: FakeApiServer, informer: Informer, status: int) -> None:
        start(informer)
        api.faults.fail_next(12, status)
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle(400)
        assert names(informer) == {"a"}

    async def test_does_not_storm_a_server_that_ends_watches_at_once(
        self, api: FakeApiServer, informer: Informer
    ) -> None:
        start(informer)
        await settle()
        before = len(api.requests)
        for _ in range(600):
            api.faults.drop_watches()
            await settle(0.1)
        assert len(api.requests) - before < 20

    async def test_its_silence_has_an_age(self, api: FakeApiServer, informer: Informer) -> None:
        start(informer)
        await settle()
        await settle(300)
        assert informer.last_event_age() <= 61
        api.faults.hanging = True
        api.faults.drop_watches()
        await settle(200)
        assert informer.last_event_age() > 190


class TestSaying:
    async def test_one_line_a_refusal_and_one_at_its_end(
        self, api: FakeApiServer, informer: Informer, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, logger="seatrial.kube.informers")
        api.faults.fail_next(5, 403)
        start(informer)
        await settle(200)
        first, last = caplog.records
        assert (first.levelname, first.getMessage()) == ("WARNING", "watch failed")
        assert vars(first)["kind"] == "ConfigMap"
        assert vars(first)["error"].startswith("403 Forbidden")
        assert (last.levelname, last.getMessage()) == ("INFO", "watch recovered")

    async def test_another_refusal_is_another_line(
        self, api: FakeApiServer, informer: Informer, caplog: pytest.LogCaptureFixture
    ) -> None:
        api.faults.fail_next(3, 403)
        start(informer)
        await settle(1)
        api.faults.fail_next(8, 500)
        await settle(400)
        errors = [vars(record)["error"][:3] for record in caplog.records if record.levelname == "WARNING"]
        assert errors == ["403", "500"]

    async def test_a_watch_that_ends_in_time_is_no_news(
        self, api: FakeApiServer, informer: Informer, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, logger="seatrial.kube.informers")
        start(informer)
        await settle(1)
        api.faults.compact()
        await settle(900)
        assert caplog.records == []
