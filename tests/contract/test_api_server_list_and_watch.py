"""Selectors, pages and watches, tested on the fake and a real API server."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import aclosing

import pytest

from seatrial.api import kinds
from seatrial.kube import failures, transport
from seatrial.kube.transport import Request
from tests.contract import example_objects as objects
from tests.contract.api_servers import WIDGET, Server


async def create_config_maps(server: Server, *names: str, **labels: str) -> None:
    """Create ConfigMaps with these names and labels."""
    for name in names:
        await server.client.create(kinds.CONFIG_MAP, objects.settings(server, name, labels=labels))


class TestSelectors:
    @pytest.mark.parametrize(
        ("selector", "selected"),
        [
            pytest.param("tier=web", {"a"}, id="equal"),
            pytest.param("tier==web", {"a"}, id="equal, spelled twice"),
            pytest.param("tier!=web", {"b", "c"}, id="not equal, or absent"),
            pytest.param("tier", {"a", "b"}, id="present"),
            pytest.param("!tier", {"c"}, id="absent"),
            pytest.param("tier in (web, db)", {"a", "b"}, id="one of"),
            pytest.param("tier notin (web)", {"b", "c"}, id="none of"),
            pytest.param("suite=s,tier in (web,db),tier!=db", {"a"}, id="all of several"),
        ],
    )
    async def test_label_selector(self, server: Server, selector: str, selected: set[str]) -> None:
        await create_config_maps(server, "a", tier="web", suite="s")
        await create_config_maps(server, "b", tier="db", suite="s")
        await create_config_maps(server, "c", suite="s")
        listing = await server.client.list(kinds.CONFIG_MAP, server.namespace, labels=f"suite=s,{selector}")
        assert {item["metadata"]["name"] for item in listing.items} == selected

    async def test_field_selector_for_the_name(self, server: Server) -> None:
        await create_config_maps(server, "a", "b")
        listing = await server.client.list(kinds.CONFIG_MAP, server.namespace, fields="metadata.name=b")
        assert [item["metadata"]["name"] for item in listing.items] == ["b"]

    async def test_field_selector_for_the_namespace(self, server: Server) -> None:
        await create_config_maps(server, "a")
        fields = f"metadata.namespace={server.namespace},metadata.name=a"
        listing = await server.client.list(kinds.CONFIG_MAP, fields=fields)
        assert [item["metadata"]["name"] for item in listing.items] == ["a"]

    async def test_field_selector_for_the_involved_object_of_events(self, server: Server) -> None:
        for name in ("one", "two"):
            involved = {"kind": "Widget", "name": name, "namespace": server.namespace}
            event = objects.new(server, kinds.EVENT, f"event-{name}", involvedObject=involved, reason="R")
            await server.client.create(kinds.EVENT, event)
        listing = await server.client.list(
            kinds.EVENT, server.namespace, fields="involvedObject.name=two,involvedObject.kind=Widget"
        )
        assert [item["metadata"]["name"] for item in listing.items] == ["event-two"]

    async def test_unknown_field_selector_is_rejected(self, server: Server) -> None:
        with pytest.raises(failures.Invalid, match="not a known field selector"):
            await server.client.list(kinds.CONFIG_MAP, server.namespace, fields="data.a=1")


class TestList:
    async def test_paged_list_is_complete_and_sorted(self, server: Server) -> None:
        names = [f"n{number}" for number in range(7)]
        await create_config_maps(server, *names, suite="s")
        listing = await server.client.list(kinds.CONFIG_MAP, server.namespace, labels="suite=s", limit=3)
        assert [item["metadata"]["name"] for item in listing.items] == names

    async def test_pages_show_one_resource_version(self, server: Server) -> None:
        await create_config_maps(server, "a", "b", "c", suite="s")
        path = kinds.CONFIG_MAP.path(server.namespace)
        first = await server.request("GET", path, limit="2", labelSelector="suite=s")
        await server.client.delete(kinds.CONFIG_MAP, server.namespace, "c")
        token = first["metadata"]["continue"]
        second = await server.request(
            "GET", path, **{"limit": "2", "labelSelector": "suite=s", "continue": token}
        )
        assert [item["metadata"]["name"] for item in second["items"]] == ["c"]
        assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        assert not second["metadata"].get("continue")

    async def test_client_sets_the_kind_of_items(self, server: Server) -> None:
        await create_config_maps(server, "a", suite="s")
        listing = await server.client.list(kinds.CONFIG_MAP, server.namespace, labels="suite=s")
        assert kinds.kind_of(listing.items[0]) == kinds.CONFIG_MAP

    async def test_client_removes_managed_fields_of_items(self, server: Server) -> None:
        await create_config_maps(server, "a", suite="s")
        listing = await server.client.list(kinds.CONFIG_MAP, server.namespace, labels="suite=s")
        config_map = await server.client.get(kinds.CONFIG_MAP, server.namespace, "a")
        assert "managedFields" in config_map["metadata"]
        assert "managedFields" not in listing.items[0]["metadata"]

    async def test_metadata_only_request_returns_only_metadata(self, server: Server) -> None:
        await create_config_maps(server, "a", suite="s")
        listing = await server.client.list(
            kinds.CONFIG_MAP, server.namespace, labels="suite=s", metadata_only=True
        )
        assert set(listing.items[0]) == {"apiVersion", "kind", "metadata"}
        assert listing.items[0]["metadata"]["labels"] == {"suite": "s"}


class TestWatch:
    async def test_watch_continues_after_a_list(self, server: Server) -> None:
        await create_config_maps(server, "before")
        listing = await server.client.list(kinds.CONFIG_MAP, server.namespace)
        await create_config_maps(server, "after")
        await server.patch_as("x", kinds.CONFIG_MAP, "after", {"data": {"a": "2"}})
        await server.client.delete(kinds.CONFIG_MAP, server.namespace, "after")
        events = await server.events(
            kinds.CONFIG_MAP, listing.resource_version, 3, fields="metadata.name=after"
        )
        assert [event for event, _ in events] == ["ADDED", "MODIFIED", "DELETED"]
        assert [body["data"] for _, body in events] == [{"a": "1"}, {"a": "2"}, {"a": "2"}]

    async def test_deletion_has_its_own_resource_version(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        await server.client.delete(WIDGET, server.namespace, "w")
        version = created["metadata"]["resourceVersion"]
        (event, deleted), *_ = await server.events(WIDGET, version, 1)
        assert event == "DELETED"
        assert int(deleted["metadata"]["resourceVersion"]) > int(version)

    async def test_object_entering_and_leaving_the_selection_is_added_and_deleted(
        self, server: Server
    ) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        for tier in ("web", "db"):
            await server.patch_as("x", WIDGET, "w", {"metadata": {"labels": {"tier": tier}}})
        events = await server.events(WIDGET, created["metadata"]["resourceVersion"], 2, labels="tier=web")
        assert [event for event, _ in events] == ["ADDED", "DELETED"]

    async def test_open_watch_delivers_new_events(self, server: Server) -> None:
        listing = await server.client.list(WIDGET, server.namespace)
        waiting = asyncio.create_task(server.events(WIDGET, listing.resource_version, 1))
        await asyncio.sleep(0.2)
        await server.client.create(WIDGET, objects.widget(server))
        assert [event for event, _ in await waiting] == ["ADDED"]

    async def test_metadata_only_request_returns_only_metadata(self, server: Server) -> None:
        listing = await server.client.list(WIDGET, server.namespace)
        await server.client.create(WIDGET, objects.widget(server))
        (_, body), *_ = await server.events(WIDGET, listing.resource_version, 1, metadata_only=True)
        assert set(body) == {"apiVersion", "kind", "metadata"}

    async def test_watch_from_a_compacted_version_is_gone(self, server: Server) -> None:
        with pytest.raises(failures.Gone):
            await server.events(
                WIDGET, "1", 1
            )  # a server that has just started has not compacted its built-in kinds

    async def test_watch_ends_after_its_timeout_with_a_bookmark(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": "3",
            "resourceVersion": created["metadata"]["resourceVersion"],
        }
        started_at = time.monotonic()
        request = Request("GET", WIDGET.path(server.namespace), query, timeout=60.0)
        async with aclosing(server.transport.stream(request)) as lines:
            events = [json.loads(line) async for line in lines]
        assert time.monotonic() - started_at < 30, "the server ended the watch, not the client's time-out"
        assert {event["type"] for event in events} <= {"BOOKMARK"}
        assert all(event["object"]["kind"] == "Widget" for event in events)

    async def test_unknown_kind_is_not_found(self, server: Server) -> None:
        unknown = kinds.Kind("nowhere.dev", "v1", "things", "Thing")
        with pytest.raises(failures.NotFound):
            await server.events(unknown, "1", 1)


class TestResponses:
    async def test_response_to_a_plain_request_is_json(self, server: Server) -> None:
        response = await server.send("GET", WIDGET.path(server.namespace))
        assert response.headers["content-type"].startswith(transport.JSON)
