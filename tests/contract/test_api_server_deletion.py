"""Deletion as the operator relies on it, held against the fake and a real API server."""

from __future__ import annotations

import pytest

from seatrial.api import kinds
from seatrial.api.objects import Body
from seatrial.kube import failures
from tests.contract import example_objects as objects
from tests.contract.api_servers import WIDGET, Server

NOBODY = "11111111-2222-3333-4444-555555555555"
HELD = {"finalizers": ["contract.seatrial.dev/held"]}


async def family(server: Server) -> Body:
    """A widget that owns a ConfigMap."""
    owner = await server.client.create(WIDGET, objects.widget(server))
    child = objects.settings(server, "child", metadata=objects.owned_by(owner))
    await server.client.create(kinds.CONFIG_MAP, child)
    return owner


class TestDeleting:
    async def test_ends_an_object(self, server: Server) -> None:
        await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        await server.client.delete(kinds.CONFIG_MAP, server.namespace, "settings")
        assert await server.is_gone(kinds.CONFIG_MAP, "settings")

    async def test_of_a_missing_object_is_done(self, server: Server) -> None:
        await server.client.delete(kinds.CONFIG_MAP, server.namespace, "nobody")

    async def test_of_another_incarnation_conflicts(self, server: Server) -> None:
        await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        with pytest.raises(failures.Conflict, match="UID"):
            await server.client.delete(kinds.CONFIG_MAP, server.namespace, "settings", uid=NOBODY)
        assert not await server.is_gone(kinds.CONFIG_MAP, "settings")

    async def test_of_this_incarnation(self, server: Server) -> None:
        made = await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        uid = made["metadata"]["uid"]
        await server.client.delete(kinds.CONFIG_MAP, server.namespace, "settings", uid=uid)
        assert await server.is_gone(kinds.CONFIG_MAP, "settings")

    async def test_frees_the_name_for_another_uid(self, server: Server) -> None:
        first = await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        await server.client.delete(kinds.CONFIG_MAP, server.namespace, "settings")
        second = await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        assert first["metadata"]["uid"] != second["metadata"]["uid"]


class TestFinalizers:
    async def test_hold_an_object_that_says_so(self, server: Server) -> None:
        await server.client.create(WIDGET, objects.widget(server, metadata=HELD))
        await server.client.delete(WIDGET, server.namespace, "w")
        held = await server.get(WIDGET, "w")
        assert held["metadata"]["deletionTimestamp"].endswith("Z")
        assert held["metadata"]["generation"] == 2
        await server.patch_as("x", WIDGET, "w", {"metadata": {"finalizers": None}})
        assert await server.is_gone(WIDGET, "w")

    async def test_hold_the_name(self, server: Server) -> None:
        await server.client.create(WIDGET, objects.widget(server, metadata=HELD))
        await server.client.delete(WIDGET, server.namespace, "w")
        with pytest.raises(failures.AlreadyExists):
            await server.client.create(WIDGET, objects.widget(server))
        await server.patch_as("x", WIDGET, "w", {"metadata": {"finalizers": None}})

    async def test_make_a_second_deletion_do_nothing(self, server: Server) -> None:
        await server.client.create(WIDGET, objects.widget(server, metadata=HELD))
        await server.client.delete(WIDGET, server.namespace, "w")
        before = await server.get(WIDGET, "w")
        await server.client.delete(WIDGET, server.namespace, "w")
        after = await server.get(WIDGET, "w")
        assert after["metadata"]["deletionTimestamp"] == before["metadata"]["deletionTimestamp"]
        await server.patch_as("x", WIDGET, "w", {"metadata": {"finalizers": None}})


class TestOwners:
    async def test_take_their_dependents_along(self, server: Server) -> None:
        await family(server)
        await server.client.delete(WIDGET, server.namespace, "w")
        await server.eventually(lambda: server.is_gone(kinds.CONFIG_MAP, "child"))

    async def test_may_orphan_their_dependents(self, server: Server) -> None:
        await family(server)
        await server.client.delete(WIDGET, server.namespace, "w", propagation="Orphan")

        async def is_orphan() -> bool:
            child = await server.get(kinds.CONFIG_MAP, "child")
            return not child["metadata"].get("ownerReferences")

        await server.eventually(is_orphan)
        await server.eventually(lambda: server.is_gone(WIDGET, "w"))

    async def test_go_last_in_the_foreground(self, server: Server) -> None:
        await family(server)
        await server.client.delete(WIDGET, server.namespace, "w", propagation="Foreground")
        await server.eventually(lambda: server.is_gone(WIDGET, "w"))
        assert await server.is_gone(kinds.CONFIG_MAP, "child")

    async def test_that_never_were_take_the_object_with_them(self, server: Server) -> None:
        owner = await server.client.create(WIDGET, objects.widget(server))
        owner["metadata"]["uid"] = NOBODY
        child = objects.settings(server, "child", metadata=objects.owned_by(owner))
        await server.client.create(kinds.CONFIG_MAP, child)
        await server.eventually(lambda: server.is_gone(kinds.CONFIG_MAP, "child"))

    async def test_keep_the_object_while_one_is_left(self, server: Server) -> None:
        first = await server.client.create(WIDGET, objects.widget(server, "first"))
        second = await server.client.create(WIDGET, objects.widget(server, "second"))
        both = [objects.owned_by(w, controller=w is first)["ownerReferences"][0] for w in (first, second)]
        child = objects.settings(server, "child", metadata={"ownerReferences": both})
        await server.client.create(kinds.CONFIG_MAP, child)
        await server.client.delete(WIDGET, server.namespace, "first")

        async def is_seconds() -> bool:
            owners = (await server.get(kinds.CONFIG_MAP, "child"))["metadata"]["ownerReferences"]
            return [owner["name"] for owner in owners] == ["second"]

        await server.eventually(is_seconds)


class TestNamespaces:
    async def test_take_nothing_new_while_they_end(self, server: Server) -> None:
        home = f"{server.namespace}-ending"
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": home}}
        await server.client.create(kinds.NAMESPACE, body)
        held = objects.widget(server, metadata={**HELD, "namespace": home})
        await server.client.create(WIDGET, held)
        await server.client.delete(kinds.NAMESPACE, "", home)
        with pytest.raises(failures.Forbidden) as refused:
            await server.client.create(
                kinds.CONFIG_MAP, objects.settings(server, metadata={"namespace": home})
            )
        assert refused.value.namespace_terminating
        assert refused.value.has_cause("NamespaceTerminating")
        await self._let_go(server, home)

    async def _let_go(self, server: Server, home: str) -> None:
        path = WIDGET.path(home, "w")

        async def is_ending() -> bool:
            return "deletionTimestamp" in (await server.client.get(WIDGET, home, "w"))["metadata"]

        await server.eventually(is_ending)
        patch = {"metadata": {"finalizers": None}}
        await server.ask("PATCH", path, patch, content_type="application/merge-patch+json")

        async def is_gone() -> bool:
            answer = await server.send("GET", kinds.NAMESPACE.path("", home))
            return answer.status == 404

        await server.eventually(is_gone)
