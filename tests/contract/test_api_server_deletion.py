"""Deletion and garbage collection, tested on the fake and a real API server."""

from __future__ import annotations

import pytest

from seatrial.api import kinds
from seatrial.api.objects import Body
from seatrial.kube import failures
from tests.contract import example_objects as objects
from tests.contract.api_servers import WIDGET, Server

UNUSED_UID = "11111111-2222-3333-4444-555555555555"
WITH_FINALIZER = {"finalizers": ["contract.seatrial.dev/held"]}


async def widget_with_child(server: Server) -> Body:
    """Create a widget that owns a ConfigMap; return the widget."""
    owner = await server.client.create(WIDGET, objects.widget(server))
    child = objects.settings(server, "child", metadata=objects.owned_by(owner))
    await server.client.create(kinds.CONFIG_MAP, child)
    return owner


class TestDelete:
    async def test_delete_removes_the_object(self, server: Server) -> None:
        await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        await server.client.delete(kinds.CONFIG_MAP, server.namespace, "settings")
        assert await server.is_gone(kinds.CONFIG_MAP, "settings")

    async def test_delete_of_a_missing_object_succeeds(self, server: Server) -> None:
        await server.client.delete(kinds.CONFIG_MAP, server.namespace, "nobody")

    async def test_uid_of_another_object_is_a_conflict(self, server: Server) -> None:
        await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        with pytest.raises(failures.Conflict, match="UID"):
            await server.client.delete(kinds.CONFIG_MAP, server.namespace, "settings", uid=UNUSED_UID)
        assert not await server.is_gone(kinds.CONFIG_MAP, "settings")

    async def test_delete_with_the_current_uid_removes_the_object(self, server: Server) -> None:
        created = await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        uid = created["metadata"]["uid"]
        await server.client.delete(kinds.CONFIG_MAP, server.namespace, "settings", uid=uid)
        assert await server.is_gone(kinds.CONFIG_MAP, "settings")

    async def test_recreated_object_has_another_uid(self, server: Server) -> None:
        first = await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        await server.client.delete(kinds.CONFIG_MAP, server.namespace, "settings")
        second = await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        assert first["metadata"]["uid"] != second["metadata"]["uid"]


class TestFinalizers:
    async def test_finalizer_keeps_the_object_with_a_deletion_timestamp(self, server: Server) -> None:
        await server.client.create(WIDGET, objects.widget(server, metadata=WITH_FINALIZER))
        await server.client.delete(WIDGET, server.namespace, "w")
        terminating = await server.get(WIDGET, "w")
        assert terminating["metadata"]["deletionTimestamp"].endswith("Z")
        assert terminating["metadata"]["generation"] == 2
        await server.patch_as("x", WIDGET, "w", {"metadata": {"finalizers": None}})
        assert await server.is_gone(WIDGET, "w")

    async def test_finalizer_keeps_the_name_in_use(self, server: Server) -> None:
        await server.client.create(WIDGET, objects.widget(server, metadata=WITH_FINALIZER))
        await server.client.delete(WIDGET, server.namespace, "w")
        with pytest.raises(failures.AlreadyExists):
            await server.client.create(WIDGET, objects.widget(server))
        await server.patch_as("x", WIDGET, "w", {"metadata": {"finalizers": None}})

    async def test_second_deletion_changes_nothing(self, server: Server) -> None:
        await server.client.create(WIDGET, objects.widget(server, metadata=WITH_FINALIZER))
        await server.client.delete(WIDGET, server.namespace, "w")
        before = await server.get(WIDGET, "w")
        await server.client.delete(WIDGET, server.namespace, "w")
        after = await server.get(WIDGET, "w")
        assert after["metadata"]["deletionTimestamp"] == before["metadata"]["deletionTimestamp"]
        await server.patch_as("x", WIDGET, "w", {"metadata": {"finalizers": None}})


class TestOwners:
    async def test_dependents_are_deleted_with_their_owner(self, server: Server) -> None:
        await widget_with_child(server)
        await server.client.delete(WIDGET, server.namespace, "w")
        await server.eventually(lambda: server.is_gone(kinds.CONFIG_MAP, "child"))

    async def test_orphan_propagation_keeps_the_dependents(self, server: Server) -> None:
        await widget_with_child(server)
        await server.client.delete(WIDGET, server.namespace, "w", propagation="Orphan")

        async def is_orphan() -> bool:
            child = await server.get(kinds.CONFIG_MAP, "child")
            return not child["metadata"].get("ownerReferences")

        await server.eventually(is_orphan)
        await server.eventually(lambda: server.is_gone(WIDGET, "w"))

    async def test_foreground_propagation_deletes_the_owner_last(self, server: Server) -> None:
        await widget_with_child(server)
        await server.client.delete(WIDGET, server.namespace, "w", propagation="Foreground")
        await server.eventually(lambda: server.is_gone(WIDGET, "w"))
        assert await server.is_gone(kinds.CONFIG_MAP, "child")

    async def test_object_whose_owner_does_not_exist_is_deleted(self, server: Server) -> None:
        owner = await server.client.create(WIDGET, objects.widget(server))
        owner["metadata"]["uid"] = UNUSED_UID
        child = objects.settings(server, "child", metadata=objects.owned_by(owner))
        await server.client.create(kinds.CONFIG_MAP, child)
        await server.eventually(lambda: server.is_gone(kinds.CONFIG_MAP, "child"))

    async def test_object_is_kept_while_one_owner_exists(self, server: Server) -> None:
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
    async def test_terminating_namespace_rejects_new_objects(self, server: Server) -> None:
        namespace = f"{server.namespace}-ending"
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        await server.client.create(kinds.NAMESPACE, body)
        widget = objects.widget(server, metadata={**WITH_FINALIZER, "namespace": namespace})
        await server.client.create(WIDGET, widget)
        await server.client.delete(kinds.NAMESPACE, "", namespace)
        with pytest.raises(failures.Forbidden) as error:
            await server.client.create(
                kinds.CONFIG_MAP, objects.settings(server, metadata={"namespace": namespace})
            )
        assert error.value.namespace_terminating
        assert error.value.has_cause("NamespaceTerminating")
        await self._remove_finalizer(server, namespace)

    async def _remove_finalizer(self, server: Server, namespace: str) -> None:
        path = WIDGET.path(namespace, "w")

        async def is_ending() -> bool:
            return "deletionTimestamp" in (await server.client.get(WIDGET, namespace, "w"))["metadata"]

        await server.eventually(is_ending)
        patch = {"metadata": {"finalizers": None}}
        await server.request("PATCH", path, patch, content_type="application/merge-patch+json")

        async def is_gone() -> bool:
            response = await server.send("GET", kinds.NAMESPACE.path("", namespace))
            return response.status == 404

        await server.eventually(is_gone)
