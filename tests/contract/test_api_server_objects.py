"""Objects and their versions, tested on the fake and a real API server."""

from __future__ import annotations

import pytest

from seatrial.api import kinds
from seatrial.kube import failures, transport
from tests.contract import example_objects as objects
from tests.contract.api_servers import WIDGET, Server


class TestCreate:
    async def test_create_sets_uid_resource_version_and_creation_timestamp(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        metadata = created["metadata"]
        assert metadata["uid"]
        assert metadata["resourceVersion"].isdigit()
        assert metadata["creationTimestamp"].endswith("Z")
        assert metadata["generation"] == 1

    async def test_create_responds_with_201(self, server: Server) -> None:
        path = kinds.CONFIG_MAP.path(server.namespace)
        response = await server.send("POST", path, objects.settings(server))
        assert response.status == 201

    async def test_kind_without_spec_has_no_generation(self, server: Server) -> None:
        created = await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        assert "generation" not in created["metadata"]

    async def test_create_of_an_existing_name_is_rejected(self, server: Server) -> None:
        await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        with pytest.raises(failures.AlreadyExists) as error:
            await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        assert error.value.status == 409
        assert error.value.message == 'configmaps "settings" already exists'

    async def test_generate_name_appends_a_random_suffix(self, server: Server) -> None:
        body = objects.settings(server)
        body["metadata"]["generateName"] = "copy-"
        del body["metadata"]["name"]
        names = {(await server.client.create(kinds.CONFIG_MAP, body))["metadata"]["name"] for _ in range(2)}
        assert len(names) == 2
        assert all(name.startswith("copy-") and len(name) == 10 for name in names)

    async def test_create_in_a_missing_namespace_is_not_found(self, server: Server) -> None:
        body = objects.settings(server, metadata={"namespace": "nowhere"})
        with pytest.raises(failures.NotFound, match='namespaces "nowhere" not found'):
            await server.client.create(kinds.CONFIG_MAP, body)

    async def test_create_with_a_resource_version_is_rejected(self, server: Server) -> None:
        body = objects.settings(server, metadata={"resourceVersion": "1"})
        with pytest.raises(failures.ApiError, match="resourceVersion should not be set"):
            await server.client.create(kinds.CONFIG_MAP, body)

    async def test_create_of_another_kind_is_rejected(self, server: Server) -> None:
        response = await server.send("POST", kinds.SECRET.path(server.namespace), objects.settings(server))
        assert response.status == 400

    @pytest.mark.parametrize("name", ["Upper", "under_score", "-dash"])
    async def test_create_with_an_invalid_name_is_rejected(self, server: Server, name: str) -> None:
        with pytest.raises(failures.Invalid, match=r"metadata\.name"):
            await server.client.create(kinds.CONFIG_MAP, objects.settings(server, name))

    async def test_service_name_must_be_a_dns_label(self, server: Server) -> None:
        with pytest.raises(failures.Invalid, match=r"metadata\.name"):
            await server.client.create(kinds.SERVICE, objects.service(server, "1churn.x"))


class TestGet:
    async def test_missing_object_is_not_found(self, server: Server) -> None:
        with pytest.raises(failures.NotFound) as missing:
            await server.get(kinds.DEPLOYMENT, "nobody")
        assert missing.value.message == 'deployments.apps "nobody" not found'

    async def test_unknown_kind_is_not_found(self, server: Server) -> None:
        response = await server.send("GET", "/apis/nowhere.dev/v1/things")
        assert response.status == 404

    async def test_collection_in_a_missing_namespace_is_empty(self, server: Server) -> None:
        listing = await server.client.list(kinds.CONFIG_MAP, "nowhere")
        assert listing.items == []


class TestReplace:
    async def test_outdated_resource_version_is_a_conflict(self, server: Server) -> None:
        first = await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        await server.client.replace(kinds.CONFIG_MAP, {**first, "data": {"a": "2"}})
        with pytest.raises(failures.Conflict, match="the object has been modified"):
            await server.client.replace(kinds.CONFIG_MAP, {**first, "data": {"a": "3"}})

    async def test_config_map_without_a_resource_version_is_overwritten(self, server: Server) -> None:
        await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        after = await server.client.replace(kinds.CONFIG_MAP, objects.settings(server, data={"b": "2"}))
        assert after["data"] == {"b": "2"}

    @pytest.mark.parametrize("kind", [WIDGET, kinds.LEASE], ids=str)
    async def test_missing_resource_version_is_rejected_for_other_kinds(
        self, server: Server, kind: kinds.Kind
    ) -> None:
        body = objects.widget(server) if kind is WIDGET else objects.lease(server)
        await server.client.create(kind, body)
        with pytest.raises(failures.Invalid, match="must be specified for an update"):
            await server.client.replace(kind, body)

    async def test_uid_of_another_object_is_a_conflict(self, server: Server) -> None:
        await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        body = objects.settings(server, metadata={"uid": "11111111-2222-3333-4444-555555555555"})
        with pytest.raises(failures.Conflict):
            await server.client.replace(kinds.CONFIG_MAP, body)

    async def test_unchanged_object_keeps_its_resource_version(self, server: Server) -> None:
        first = await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        again = await server.client.replace(kinds.CONFIG_MAP, first)
        assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]

    async def test_missing_object_is_not_found(self, server: Server) -> None:
        with pytest.raises(failures.NotFound):
            await server.client.replace(kinds.CONFIG_MAP, objects.settings(server))

    async def test_resource_version_increases(self, server: Server) -> None:
        first = await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        after = await server.client.replace(kinds.CONFIG_MAP, {**first, "data": {"a": "2"}})
        before, now = first["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"]
        assert int(now) > int(before)


class TestStatus:
    async def test_status_is_dropped_at_creation(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server, status={"phase": "Healthy"}))
        assert "status" not in created

    async def test_replace_does_not_change_the_status(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        first = await server.client.replace_status(WIDGET, {**created, "status": {"phase": "Healthy"}})
        after = await server.client.replace(
            WIDGET, {**first, "spec": {"size": 2}, "status": {"phase": "Failed"}}
        )
        assert (after["spec"], after["status"]) == ({"size": 2}, {"phase": "Healthy"})

    async def test_replace_status_changes_only_the_status(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        requested = {**created, "spec": {"size": 9}, "status": {"phase": "Healthy"}}
        requested["metadata"] = {**created["metadata"], "labels": {"x": "y"}}
        after = await server.client.replace_status(WIDGET, requested)
        assert (after["spec"], after["status"]) == ({"size": 1}, {"phase": "Healthy"})
        assert "labels" not in after["metadata"]

    async def test_status_change_increments_the_resource_version_but_not_the_generation(
        self, server: Server
    ) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        after = await server.client.replace_status(WIDGET, {**created, "status": {"phase": "Healthy"}})
        assert after["metadata"]["generation"] == 1
        assert after["metadata"]["resourceVersion"] != created["metadata"]["resourceVersion"]

    async def test_outdated_resource_version_is_a_conflict(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        await server.client.replace_status(WIDGET, {**created, "status": {"phase": "Healthy"}})
        with pytest.raises(failures.Conflict):
            await server.client.replace_status(WIDGET, {**created, "status": {"phase": "Failed"}})

    async def test_patch_status_changes_only_the_status(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        await server.client.replace_status(WIDGET, {**created, "status": {"a": 1, "b": 2}})
        patch = {"spec": {"size": 5}, "status": {"a": None, "c": 3}}
        after = await server.client.patch_status(WIDGET, server.namespace, "w", patch=patch)
        assert (after["spec"], after["status"]) == ({"size": 1}, {"b": 2, "c": 3})

    async def test_patch_status_ignores_the_uid_of_the_patch(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        patch = {"metadata": {"uid": "another", "labels": {"a": "b"}}, "status": {"a": 1}}
        after = await server.client.patch_status(WIDGET, server.namespace, "w", patch=patch)
        assert after["status"] == {"a": 1}
        assert after["metadata"]["uid"] == created["metadata"]["uid"]
        assert not after["metadata"].get("labels")

    async def test_patch_status_with_an_outdated_resource_version_is_a_conflict(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        version = created["metadata"]["resourceVersion"]
        await server.patch_as("x", WIDGET, "w", {"spec": {"size": 2}})
        patch = {"metadata": {"resourceVersion": version}, "status": {"a": 1}}
        with pytest.raises(failures.Conflict):
            await server.client.patch_status(WIDGET, server.namespace, "w", patch=patch)
        assert "status" not in await server.get(WIDGET, "w")

    async def test_patch_status_of_a_recreated_object_is_a_conflict(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        await server.client.delete(WIDGET, server.namespace, "w")
        await server.client.create(WIDGET, objects.widget(server))
        patch = {"metadata": {"resourceVersion": created["metadata"]["resourceVersion"]}, "status": {"a": 1}}
        with pytest.raises(failures.Conflict):
            await server.client.patch_status(WIDGET, server.namespace, "w", patch=patch)

    async def test_replace_status_of_a_recreated_object_is_a_conflict(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        await server.client.delete(WIDGET, server.namespace, "w")
        await server.client.create(WIDGET, objects.widget(server))
        with pytest.raises(failures.Conflict):
            await server.client.replace_status(WIDGET, {**created, "status": {"a": 1}})

    async def test_unchanged_object_keeps_its_resource_version(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        first = await server.client.replace_status(WIDGET, {**created, "status": {"phase": "Healthy"}})
        again = await server.client.replace_status(WIDGET, first)
        assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


class TestGeneration:
    async def test_generation_counts_only_spec_changes(self, server: Server) -> None:
        await server.client.create(WIDGET, objects.widget(server))
        labelled = await server.patch_as("x", WIDGET, "w", {"metadata": {"labels": {"x": "y"}}})
        changed = await server.patch_as("x", WIDGET, "w", {"spec": {"size": 2}})
        assert (labelled["metadata"]["generation"], changed["metadata"]["generation"]) == (1, 2)

    async def test_generation_of_a_deployment_counts_annotations(self, server: Server) -> None:
        await server.client.create(kinds.DEPLOYMENT, objects.deployment(server))
        patch = {"metadata": {"annotations": {"x": "y"}}}
        after = await server.patch_as("x", kinds.DEPLOYMENT, "churn", patch)
        assert after["metadata"]["generation"] == 2


class TestPatch:
    async def test_null_removes_a_field(self, server: Server) -> None:
        await server.client.create(kinds.CONFIG_MAP, objects.settings(server, data={"a": "1", "b": "2"}))
        after = await server.patch_as("x", kinds.CONFIG_MAP, "settings", {"data": {"a": None, "c": "3"}})
        assert after["data"] == {"b": "2", "c": "3"}

    async def test_outdated_resource_version_is_a_conflict(self, server: Server) -> None:
        first = await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        await server.patch_as("x", kinds.CONFIG_MAP, "settings", {"data": {"a": "2"}})
        version = first["metadata"]["resourceVersion"]
        patch = {"metadata": {"resourceVersion": version}, "data": {"a": "3"}}
        with pytest.raises(failures.Conflict):
            await server.patch_as("x", kinds.CONFIG_MAP, "settings", patch)

    async def test_patch_without_changes_keeps_the_resource_version(self, server: Server) -> None:
        first = await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        again = await server.patch_as("x", kinds.CONFIG_MAP, "settings", {"data": {"a": "1"}})
        assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]

    async def test_custom_object_does_not_support_strategic_merge_patch(self, server: Server) -> None:
        await server.client.create(WIDGET, objects.widget(server))
        path = WIDGET.path(server.namespace, "w")
        response = await server.send(
            "PATCH", path, {"spec": {}}, content_type="application/strategic-merge-patch+json"
        )
        assert response.status == 415

    async def test_json_patch_applies_its_operations(self, server: Server) -> None:
        await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        path = kinds.CONFIG_MAP.path(server.namespace, "settings")
        operations = [
            {"op": "test", "path": "/data/a", "value": "1"},
            {"op": "add", "path": "/data/b", "value": "2"},
        ]
        after = await server.request("PATCH", path, operations, content_type=transport.JSON_PATCH)
        assert after["data"] == {"a": "1", "b": "2"}

    async def test_json_patch_with_a_failing_test_operation_is_rejected(self, server: Server) -> None:
        await server.client.create(kinds.CONFIG_MAP, objects.settings(server))
        path = kinds.CONFIG_MAP.path(server.namespace, "settings")
        operations = [{"op": "test", "path": "/data/a", "value": "9"}]
        response = await server.send("PATCH", path, operations, content_type=transport.JSON_PATCH)
        assert response.status == 422
