"""Selectors, pages and watches as the operator relies on them, held against the fake and a real API server."""

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


async def make(server: Server, *names: str, **labels: str) -> None:
    """ConfigMaps of these names with these labels."""
    for name in names:
        await server.client.create(kinds.CONFIG_MAP, objects.settings(server, name, labels=labels))


class TestSelecting:
    @pytest.mark.parametrize(
        ("selector", "chosen"),
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
    async def test_by_labels(self, server: Server, selector: str, chosen: set[str]) -> None:
        await make(server, "a", tier="web", suite="s")
        await make(server, "b", tier="db", suite="s")
        await make(server, "c", suite="s")
        listing = await server.client.list(kinds.CONFIG_MAP, server.namespace, labels=f"suite=s,{selector}")
        assert {item["metadata"]["name"] for item in listing.items} == chosen

    async def test_by_name(self, server: Server) -> None:
        await make(server, "a", "b")
        listing = await server.client.list(kinds.CONFIG_MAP, server.namespace, fields="metadata.name=b")
        assert [item["metadata"]["name"] for item in listing.items] == ["b"]

    async def test_by_namespace(self, server: Server) -> None:
        await make(server, "a")
        fields = f"metadata.namespace={server.namespace},metadata.name=a"
        listing = await server.client.list(kinds.CONFIG_MAP, fields=fields)
        assert [item["metadata"]["name"] for item in listing.items] == ["a"]

    async def test_of_events_by_their_object(self, server: Server) -> None:
        for name in ("one", "two"):
            involved = {"kind": "Widget", "name": name, "namespace": server.namespace}
            event = objects.new(server, kinds.EVENT, f"event-{name}", involvedObject=involved, reason="R")
            await server.client.create(kinds.EVENT, event)
        listing = await server.client.list(
            kinds.EVENT, server.namespace, fields="involvedObject.name=two,involvedObject.kind=Widget"
        )
        assert [item["metadata"]["name"] for item in listing.items] == ["event-two"]

    async def test_by_an_unknown_field_is_refused(self, server: Server) -> None:
        with pytest.raises(failures.Invalid, match="not a known field selector"):
            await server.client.list(kinds.CONFIG_MAP, server.namespace, fields="data.a=1")


class TestListing:
    async def test_in_pages_is_complete_and_in_order(self, server: Server) -> None:
        names = [f"n{number}" for number in range(7)]
        await make(server, *names, suite="s")
        listing = await server.client.list(kinds.CONFIG_MAP, server.namespace, labels="suite=s", limit=3)
        assert [item["metadata"]["name"] for item in listing.items] == names

    async def test_pages_show_one_moment(self, server: Server) -> None:
        await make(server, "a", "b", "c", suite="s")
        path = kinds.CONFIG_MAP.path(server.namespace)
        first = await server.ask("GET", path, limit="2", labelSelector="suite=s")
        await server.client.delete(kinds.CONFIG_MAP, server.namespace, "c")
        token = first["metadata"]["continue"]
        second = await server.ask(
            "GET", path, **{"limit": "2", "labelSelector": "suite=s", "continue": token}
        )
        assert [item["metadata"]["name"] for item in second["items"]] == ["c"]
        assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        assert not second["metadata"].get("continue")

    async def test_items_say_what_they_are(self, server: Server) -> None:
        await make(server, "a", suite="s")
        listing = await server.client.list(kinds.CONFIG_MAP, server.namespace, labels="suite=s")
        assert kinds.kind_of(listing.items[0]) == kinds.CONFIG_MAP

    async def test_items_come_without_what_only_the_server_needs(self, server: Server) -> None:
        await make(server, "a", suite="s")
        listing = await server.client.list(kinds.CONFIG_MAP, server.namespace, labels="suite=s")
        one = await server.client.get(kinds.CONFIG_MAP, server.namespace, "a")
        assert "managedFields" in one["metadata"]
        assert "managedFields" not in listing.items[0]["metadata"]

    async def test_of_metadata_leaves_out_the_rest(self, server: Server) -> None:
        await make(server, "a", suite="s")
        listing = await server.client.list(
            kinds.CONFIG_MAP, server.namespace, labels="suite=s", metadata_only=True
        )
        assert set(listing.items[0]) == {"apiVersion", "kind", "metadata"}
        assert listing.items[0]["metadata"]["labels"] == {"suite": "s"}


class TestWatching:
    async def test_continues_where_a_list_ended(self, server: Server) -> None:
        await make(server, "before")
        listing = await server.client.list(kinds.CONFIG_MAP, server.namespace)
        await make(server, "after")
        await server.patch_as("x", kinds.CONFIG_MAP, "after", {"data": {"a": "2"}})
        await server.client.delete(kinds.CONFIG_MAP, server.namespace, "after")
        events = await server.events(
            kinds.CONFIG_MAP, listing.resource_version, 3, fields="metadata.name=after"
        )
        assert [event for event, _ in events] == ["ADDED", "MODIFIED", "DELETED"]
        assert [body["data"] for _, body in events] == [{"a": "1"}, {"a": "2"}, {"a": "2"}]

    async def test_a_deletion_has_a_version_of_its_own(self, server: Server) -> None:
        made = await server.client.create(WIDGET, objects.widget(server))
        await server.client.delete(WIDGET, server.namespace, "w")
        version = made["metadata"]["resourceVersion"]
        (event, gone), *_ = await server.events(WIDGET, version, 1)
        assert event == "DELETED"
        assert int(gone["metadata"]["resourceVersion"]) > int(version)

    async def test_sees_objects_come_into_the_selection_and_leave_it(self, server: Server) -> None:
        made = await server.client.create(WIDGET, objects.widget(server))
        for tier in ("web", "db"):
            await server.patch_as("x", WIDGET, "w", {"metadata": {"labels": {"tier": tier}}})
        events = await server.events(WIDGET, made["metadata"]["resourceVersion"], 2, labels="tier=web")
        assert [event for event, _ in events] == ["ADDED", "DELETED"]

    async def test_hears_of_what_happens_while_it_is_open(self, server: Server) -> None:
        listing = await server.client.list(WIDGET, server.namespace)
        waiting = asyncio.create_task(server.events(WIDGET, listing.resource_version, 1))
        await asyncio.sleep(0.2)
        await server.client.create(WIDGET, objects.widget(server))
        assert [event for event, _ in await waiting] == ["ADDED"]

    async def test_of_metadata_leaves_out_the_rest(self, server: Server) -> None:
        listing = await server.client.list(WIDGET, server.namespace)
        await server.client.create(WIDGET, objects.widget(server))
        (_, body), *_ = await server.events(WIDGET, listing.resource_version, 1, metadata_only=True)
        assert set(body) == {"apiVersion", "kind", "metadata"}

    async def test_of_the_distant_past_is_gone(self, server: Server) -> None:
        with pytest.raises(failures.Gone):
            await server.events(WIDGET, "1", 1)  # a server just started still remembers all of its own kinds

    async def test_ends_in_time_with_a_bookmark(self, server: Server) -> None:
        made = await server.client.create(WIDGET, objects.widget(server))
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": "3",
            "resourceVersion": made["metadata"]["resourceVersion"],
        }
        began = time.monotonic()
        request = Request("GET", WIDGET.path(server.namespace), query, timeout=60.0)
        async with aclosing(server.transport.stream(request)) as lines:
            events = [json.loads(line) async for line in lines]
        assert time.monotonic() - began < 30, "it ended of itself, and not by the client's patience"
        assert {event["type"] for event in events} <= {"BOOKMARK"}
        assert all(event["object"]["kind"] == "Widget" for event in events)

    async def test_of_an_unknown_kind_is_not_found(self, server: Server) -> None:
        nothing = kinds.Kind("nowhere.dev", "v1", "things", "Thing")
        with pytest.raises(failures.NotFound):
            await server.events(nothing, "1", 1)


class TestAnswers:
    async def test_plain_json_is_answered_to_a_plain_request(self, server: Server) -> None:
        answer = await server.send("GET", WIDGET.path(server.namespace))
        assert answer.headers["content-type"].startswith(transport.JSON)
