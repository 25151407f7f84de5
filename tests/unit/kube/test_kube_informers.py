"""The copy of an informer matches the server, whatever happens to the watch."""

from __future__ import annotations

import asyncio
import logging

import pytest

from seatrial.api import kinds
from seatrial.kube.client import Client, Selection
from seatrial.kube.informers import Informer, InformerConfig
from tests.apiserver import FakeApiServer
from tests.unit.kube import kube_objects as objects
from tests.unit.kube.kube_watching import OWNER, EventLog, names, settle, start

pytestmark = pytest.mark.looptime


class TestCopy:
    async def test_existing_objects_are_added_by_the_first_list(
        self, api: FakeApiServer, informer: Informer, events: EventLog
    ) -> None:
        start(informer)
        for name in "abcde":
            api.insert(kinds.CONFIG_MAP, objects.settings(name))
        assert not informer.synced.is_set()
        await settle()
        assert informer.synced.is_set()
        assert sorted(events) == [("ADDED", name) for name in "abcde"]

    async def test_every_change_is_reported_and_stored(
        self, api: FakeApiServer, informer: Informer, events: EventLog
    ) -> None:
        start(informer)
        await settle()
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        api.edit(kinds.CONFIG_MAP, "default", "a", patch={"data": {"a": "2"}})
        await settle()
        stored = informer.get("default", "a")
        assert stored is not None
        assert stored["data"] == {"a": "2"}
        api.remove(kinds.CONFIG_MAP, "default", "a")
        await settle()
        assert events == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
        assert len(informer.store) == 0

    async def test_managed_fields_are_not_kept(self, api: FakeApiServer, informer: Informer) -> None:
        start(informer)
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle()
        stored = informer.get("default", "a")
        assert stored is not None
        assert "managedFields" not in stored["metadata"]

    async def test_objects_are_found_by_index_key_in_order_of_name(
        self, api: FakeApiServer, informer: Informer
    ) -> None:
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

    async def test_an_object_that_leaves_the_selection_is_deleted(
        self, api: FakeApiServer, client: Client, events: EventLog
    ) -> None:
        config = InformerConfig(asyncio.get_running_loop().time)
        selection = Selection("default", labels="app=x")
        chosen = Informer(client, kinds.CONFIG_MAP, events, config=config, selection=selection)
        running = asyncio.create_task(chosen.run())
        api.insert(kinds.CONFIG_MAP, objects.labelled("a", app="x"))
        api.insert(kinds.CONFIG_MAP, objects.labelled("b", app="y"))
        await settle()
        api.edit(kinds.CONFIG_MAP, "default", "a", patch={"metadata": {"labels": {"app": "y"}}})
        await settle()
        assert events == [("ADDED", "a"), ("DELETED", "a")]
        running.cancel()


class TestFailingWatches:
    async def test_a_dropped_watch_continues_without_another_list(
        self, api: FakeApiServer, informer: Informer, events: EventLog
    ) -> None:
        start(informer)
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle()
        api.faults.drop_watches()
        api.insert(kinds.CONFIG_MAP, objects.settings("b"))
        api.remove(kinds.CONFIG_MAP, "default", "a")
        await settle(5)
        assert events == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]
        lists = [r for r in api.requests if r.query.get("watch") is None]
        assert [r.query["limit"] for r in lists] == ["2", "1"]

    async def test_an_expired_version_leads_to_another_list(
        self, api: FakeApiServer, informer: Informer, events: EventLog
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
        assert ("DELETED", "a") in events

    async def test_the_next_list_reveals_a_deletion_that_the_watch_missed(
        self, api: FakeApiServer, informer: Informer, events: EventLog
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
        assert events[-2:] == [("DELETED", "a"), ("ADDED", "b")]

    async def test_a_new_object_of_the_same_name_is_reported_as_deletion_and_addition(
        self, api: FakeApiServer, informer: Informer, events: EventLog
    ) -> None:
        start(informer)
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle()
        api.faults.lose_delete_event(kinds.CONFIG_MAP, "a")
        api.remove(kinds.CONFIG_MAP, "default", "a")
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle()
        assert events == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a")]

    async def test_an_informer_survives_an_outage_without_flooding_the_server(
        self, api: FakeApiServer, informer: Informer
    ) -> None:
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
    async def test_an_informer_survives_errors(
        self, api: FakeApiServer, informer: Informer, status: int
    ) -> None:
        start(informer)
        api.faults.fail_next(12, status)
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle(400)
        assert names(informer) == {"a"}

    async def test_a_server_that_ends_watches_at_once_is_not_flooded(
        self, api: FakeApiServer, informer: Informer
    ) -> None:
        start(informer)
        await settle()
        before = len(api.requests)
        for _ in range(600):
            api.faults.drop_watches()
            await settle(0.1)
        assert len(api.requests) - before < 20

    async def test_bookmarks_keep_the_last_event_age_low_and_silence_lets_it_grow(
        self, api: FakeApiServer, informer: Informer
    ) -> None:
        start(informer)
        await settle()
        await settle(300)
        assert informer.last_event_age() <= 61
        api.faults.hanging = True
        api.faults.drop_watches()
        await settle(200)
        assert informer.last_event_age() > 190


class TestLogging:
    async def test_an_error_is_logged_once_and_so_is_the_recovery(
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

    async def test_a_different_error_is_logged_again(
        self, api: FakeApiServer, informer: Informer, caplog: pytest.LogCaptureFixture
    ) -> None:
        api.faults.fail_next(3, 403)
        start(informer)
        await settle(1)
        api.faults.fail_next(8, 500)
        await settle(400)
        errors = [vars(record)["error"][:3] for record in caplog.records if record.levelname == "WARNING"]
        assert errors == ["403", "500"]

    async def test_the_regular_end_of_a_watch_is_not_logged(
        self, api: FakeApiServer, informer: Informer, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, logger="seatrial.kube.informers")
        start(informer)
        await settle(1)
        api.faults.compact()
        await settle(900)
        assert caplog.records == []


class TestRestoredBackup:
    """After etcd is restored the API server is at an older version than the copy."""

    async def test_the_copy_is_that_of_the_backup_and_hears_of_what_follows(
        self, api: FakeApiServer, informer: Informer, events: EventLog
    ) -> None:
        api.insert(kinds.CONFIG_MAP, objects.settings("kept"))
        api.insert(kinds.CONFIG_MAP, objects.settings("deleted-later"))
        start(informer)
        await settle()
        backup = api.store.backup()
        for number in range(10):
            api.edit(kinds.CONFIG_MAP, "default", "kept", patch={"data": {"a": str(number)}})
        api.remove(kinds.CONFIG_MAP, "default", "deleted-later")
        api.insert(kinds.CONFIG_MAP, objects.settings("created-later"))
        await settle()
        assert names(informer) == {"kept", "created-later"}
        events.clear()
        api.store.restore(backup)
        api.faults.drop_watches()
        await settle(60)
        assert names(informer) == {"kept", "deleted-later"}
        assert (informer.get("default", "kept") or {})["data"] == {"a": "1"}
        assert sorted(events) == [
            ("ADDED", "deleted-later"),
            ("DELETED", "created-later"),
            ("MODIFIED", "kept"),
        ]
        api.edit(kinds.CONFIG_MAP, "default", "kept", patch={"data": {"a": "after"}})
        await settle()
        assert (informer.get("default", "kept") or {})["data"] == {"a": "after"}

    async def test_a_deaf_watch_is_noticed_when_it_ends(self, api: FakeApiServer, informer: Informer) -> None:
        start(informer)
        await settle()
        backup = api.store.backup()
        for name in "abc":
            api.insert(kinds.CONFIG_MAP, objects.settings(name))
        await settle()
        api.store.restore(backup)
        await settle(300)
        assert names(informer) == set()
