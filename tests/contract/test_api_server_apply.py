"""Server-side apply, tested on the fake and a real API server."""

from __future__ import annotations

import pytest

from seatrial.api import kinds
from seatrial.api.objects import Body
from seatrial.kube import client, failures
from tests.contract import example_objects as objects
from tests.contract.api_servers import WIDGET, Server

UNUSED_UID = "11111111-2222-3333-4444-555555555555"


def owners(body: Body) -> set[tuple[str, str]]:
    """Return the managers and operations in managedFields."""
    return {(entry["manager"], entry["operation"]) for entry in body["metadata"]["managedFields"]}


def fields_of(body: Body, manager: str, operation: str) -> Body:
    """Return the fields that one manager owns."""
    found = [
        entry["fieldsV1"]
        for entry in body["metadata"]["managedFields"]
        if (entry["manager"], entry["operation"]) == (manager, operation)
    ]
    return found[0] if found else {}


def environment(body: Body) -> list[tuple[str, str]]:
    """Return the environment variables of a Deployment's first container."""
    return [(v["name"], v["value"]) for v in body["spec"]["template"]["spec"]["containers"][0]["env"]]


def variables(*pairs: tuple[str, str]) -> list[Body]:
    """Return environment variables of a container."""
    return [{"name": name, "value": value} for name, value in pairs]


class TestApply:
    async def test_apply_to_an_unused_name_creates_the_object(self, server: Server) -> None:
        path = WIDGET.path(server.namespace, "w")
        response = await server.send(
            "PATCH",
            path,
            objects.widget(server),
            content_type="application/apply-patch+yaml",
            fieldManager="a",
        )
        assert response.status == 201

    async def test_apply_owns_exactly_the_applied_fields(self, server: Server) -> None:
        body = objects.widget(
            server, labels={"x": "y"}, spec={"size": 1, "parts": [{"name": "a", "size": 2}]}
        )
        created = await server.client.apply(WIDGET, body)
        assert fields_of(created, client.FIELD_MANAGER, "Apply") == {
            "f:metadata": {"f:labels": {"f:x": {}}},
            "f:spec": {
                "f:size": {},
                "f:parts": {'k:{"name":"a"}': {".": {}, "f:name": {}, "f:size": {}}},
            },
        }

    async def test_repeated_apply_keeps_the_resource_version(self, server: Server) -> None:
        body = objects.widget(server, labels={"x": "y"})
        first = await server.client.apply(WIDGET, body)
        again = await server.client.apply(WIDGET, body)
        assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]

    async def test_repeated_apply_of_a_deployment_keeps_the_generation(self, server: Server) -> None:
        body = objects.deployment(server, resources={"limits": {"cpu": "1000m", "memory": "1024Mi"}})
        await server.client.apply(kinds.DEPLOYMENT, body)
        again = await server.client.apply(kinds.DEPLOYMENT, body)
        assert again["metadata"]["generation"] == 1

    async def test_apply_needs_a_field_manager(self, server: Server) -> None:
        path = WIDGET.path(server.namespace, "w")
        body = objects.widget(server)
        response = await server.send("PATCH", path, body, content_type="application/apply-patch+yaml")
        assert response.status in (400, 422)

    async def test_apply_does_not_change_the_status(self, server: Server) -> None:
        await server.client.apply(WIDGET, objects.widget(server, status={"phase": "Failed"}))
        assert "status" not in await server.get(WIDGET, "w")

    async def test_apply_to_the_path_of_another_name_is_rejected(self, server: Server) -> None:
        path = WIDGET.path(server.namespace, "v")
        response = await server.send(
            "PATCH",
            path,
            objects.widget(server, "w"),
            content_type="application/apply-patch+yaml",
            fieldManager="a",
        )
        assert response.status == 400


class TestRemovedFields:
    async def test_field_that_is_no_longer_applied_is_removed(self, server: Server) -> None:
        await server.client.apply(WIDGET, objects.widget(server, spec={"size": 1, "colour": "red"}))
        after = await server.client.apply(WIDGET, objects.widget(server, spec={"size": 1}))
        assert after["spec"] == {"size": 1}

    async def test_field_with_another_owner_is_kept(self, server: Server) -> None:
        await server.client.apply(WIDGET, objects.widget(server, spec={"size": 1, "colour": "red"}))
        await server.apply_as("other", WIDGET, objects.widget(server, spec={"colour": "red"}))
        after = await server.client.apply(WIDGET, objects.widget(server, spec={"size": 1}))
        assert after["spec"] == {"size": 1, "colour": "red"}

    async def test_field_that_was_never_applied_is_kept(self, server: Server) -> None:
        await server.client.create(WIDGET, objects.widget(server, spec={"size": 1, "colour": "red"}))
        after = await server.client.apply(WIDGET, objects.widget(server, spec={"size": 1}))
        assert after["spec"] == {"size": 1, "colour": "red"}

    async def test_field_created_by_post_is_kept(self, server: Server) -> None:
        # The creation remains an owner of its fields, so that a later apply cannot remove them.
        body = objects.widget(server, spec={"size": 1, "colour": "red"})
        await server.client.create(WIDGET, body)
        await server.client.apply(WIDGET, body)
        after = await server.client.apply(WIDGET, objects.widget(server, spec={"size": 1}))
        assert after["spec"] == {"size": 1, "colour": "red"}

    async def test_item_of_a_keyed_list_is_removed(self, server: Server) -> None:
        first = objects.deployment(server, env=variables(("A", "1"), ("B", "2"), ("C", "3")))
        await server.client.apply(kinds.DEPLOYMENT, first)
        after = await server.client.apply(
            kinds.DEPLOYMENT, objects.deployment(server, env=variables(("A", "1"), ("C", "4")))
        )
        assert environment(after) == [("A", "1"), ("C", "4")]

    async def test_label_is_removed(self, server: Server) -> None:
        await server.client.apply(WIDGET, objects.widget(server, labels={"a": "1", "b": "2"}))
        after = await server.client.apply(WIDGET, objects.widget(server, labels={"a": "1"}))
        assert after["metadata"]["labels"] == {"a": "1"}

    async def test_replicas_fall_back_to_the_default(self, server: Server) -> None:
        await server.client.apply(kinds.DEPLOYMENT, objects.deployment(server, replicas=0))
        after = await server.client.apply(kinds.DEPLOYMENT, objects.deployment(server, replicas=None))
        assert after["spec"]["replicas"] == 1


class TestMerge:
    async def test_list_items_of_other_managers_are_kept(self, server: Server) -> None:
        await server.client.apply(WIDGET, objects.widget(server, spec={"parts": [{"name": "a", "size": 1}]}))
        other = objects.widget(server, spec={"parts": [{"name": "b", "size": 2}]})
        after = await server.apply_as("other", WIDGET, other)
        assert after["spec"]["parts"] == [{"name": "a", "size": 1}, {"name": "b", "size": 2}]

    async def test_one_field_of_a_list_item_is_changed(self, server: Server) -> None:
        await server.apply_as("other", WIDGET, objects.widget(server, spec={"parts": [{"name": "a"}]}))
        after = await server.client.apply(
            WIDGET, objects.widget(server, spec={"parts": [{"name": "a", "size": 3}]})
        )
        assert after["spec"]["parts"] == [{"name": "a", "size": 3}]

    async def test_new_variables_are_added_in_the_applied_order(self, server: Server) -> None:
        await server.client.apply(kinds.DEPLOYMENT, objects.deployment(server, env=variables(("B", "1"))))
        requested = variables(("A", "1"), ("B", "1"), ("C", "1"))
        after = await server.client.apply(kinds.DEPLOYMENT, objects.deployment(server, env=requested))
        assert environment(after) == [("A", "1"), ("B", "1"), ("C", "1")]

    async def test_list_without_keys_is_replaced(self, server: Server) -> None:
        await server.client.apply(WIDGET, objects.widget(server, spec={"numbers": [1, 2]}))
        after = await server.client.apply(WIDGET, objects.widget(server, spec={"numbers": [3]}))
        assert after["spec"]["numbers"] == [3]

    async def test_atomic_map_is_replaced(self, server: Server) -> None:
        await server.client.apply(WIDGET, objects.widget(server, spec={"atomic": {"a": "1"}}))
        after = await server.client.apply(WIDGET, objects.widget(server, spec={"atomic": {"b": "2"}}))
        assert after["spec"]["atomic"] == {"b": "2"}

    async def test_service_selector_is_replaced(self, server: Server) -> None:
        await server.client.create(kinds.SERVICE, objects.service(server, app="a", revision="1"))
        after = await server.client.apply(kinds.SERVICE, objects.service(server, app="a"))
        assert after["spec"]["selector"] == {"app": "a"}

    async def test_service_keeps_its_cluster_ip(self, server: Server) -> None:
        created = await server.client.create(kinds.SERVICE, objects.service(server))
        after = await server.client.apply(kinds.SERVICE, objects.service(server, revision="2"))
        assert after["spec"]["clusterIP"] == created["spec"]["clusterIP"]

    async def test_scaled_replicas_are_kept(self, server: Server) -> None:
        await server.client.create(kinds.DEPLOYMENT, objects.deployment(server, replicas=0))
        await server.client.scale(kinds.DEPLOYMENT, server.namespace, "churn", replicas=2)
        changed = objects.deployment(server, replicas=None, image="registry.example/churn:2")
        after = await server.client.apply(kinds.DEPLOYMENT, changed)
        assert after["spec"]["replicas"] == 2

    async def test_finalizers_of_other_managers_are_kept(self, server: Server) -> None:
        await server.client.create(WIDGET, objects.widget(server, metadata={"finalizers": ["a.dev/x"]}))
        after = await server.client.apply(
            WIDGET, objects.widget(server, metadata={"finalizers": ["b.dev/y"]})
        )
        assert set(after["metadata"]["finalizers"]) == {"a.dev/x", "b.dev/y"}
        await server.patch_as("x", WIDGET, "w", {"metadata": {"finalizers": None}})


class TestConflicts:
    async def test_conflict_with_another_applier_is_rejected(self, server: Server) -> None:
        await server.apply_as("other", WIDGET, objects.widget(server, spec={"size": 5}))
        with pytest.raises(failures.Conflict, match="conflict with") as error:
            await server.client.apply(WIDGET, objects.widget(server), force=False)
        assert error.value.has_cause("FieldManagerConflict")
        assert [cause["field"] for cause in error.value.details["causes"]] == [".spec.size"]

    async def test_conflict_with_an_editor_is_rejected(self, server: Server) -> None:
        await server.client.apply(WIDGET, objects.widget(server))
        await server.patch_as("kubectl", WIDGET, "w", {"spec": {"size": 7}})
        with pytest.raises(failures.Conflict, match='conflict with "kubectl"'):
            await server.client.apply(WIDGET, objects.widget(server), force=False)

    async def test_force_takes_over_the_field(self, server: Server) -> None:
        await server.apply_as("other", WIDGET, objects.widget(server, spec={"size": 5, "colour": "red"}))
        after = await server.client.apply(WIDGET, objects.widget(server))
        assert after["spec"] == {"size": 1, "colour": "red"}
        assert fields_of(after, "other", "Apply") == {"f:spec": {"f:colour": {}}}

    async def test_equal_values_are_no_conflict(self, server: Server) -> None:
        await server.apply_as("other", WIDGET, objects.widget(server))
        after = await server.client.apply(WIDGET, objects.widget(server), force=False)
        assert owners(after) == {("other", "Apply"), (client.FIELD_MANAGER, "Apply")}

    async def test_edit_takes_over_the_field(self, server: Server) -> None:
        await server.client.apply(WIDGET, objects.widget(server, spec={"size": 1, "colour": "red"}))
        after = await server.patch_as("kubectl", WIDGET, "w", {"spec": {"size": 7}})
        assert fields_of(after, client.FIELD_MANAGER, "Apply") == {"f:spec": {"f:colour": {}}}
        assert fields_of(after, "kubectl", "Update") == {"f:spec": {"f:size": {}}}

    async def test_scaling_takes_over_the_replicas(self, server: Server) -> None:
        await server.client.apply(WIDGET, objects.widget(server, spec={"replicas": 1, "size": 1}))
        await server.client.scale(WIDGET, server.namespace, "w", replicas=4)
        after = await server.get(WIDGET, "w")
        assert fields_of(after, client.FIELD_MANAGER, "Apply") == {"f:spec": {"f:size": {}}}


class TestPreconditions:
    async def test_uid_prevents_a_creation(self, server: Server) -> None:
        with pytest.raises(failures.Conflict):
            await server.client.apply(WIDGET, objects.widget(server, metadata={"uid": UNUSED_UID}))

    @pytest.mark.parametrize("kind", [WIDGET, kinds.SERVICE, kinds.DEPLOYMENT], ids=str)
    async def test_uid_of_another_object_is_a_conflict(self, server: Server, kind: kinds.Kind) -> None:
        # The server responds with Invalid; the client raises Conflict.
        make = {WIDGET: objects.widget, kinds.SERVICE: objects.service, kinds.DEPLOYMENT: objects.deployment}
        body = make[kind](server)
        await server.client.create(kind, body)
        body["metadata"]["uid"] = UNUSED_UID
        with pytest.raises(failures.Conflict, match=r"metadata\.uid"):
            await server.client.apply(kind, body)

    async def test_outdated_resource_version_is_a_conflict(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        await server.patch_as("x", WIDGET, "w", {"spec": {"size": 2}})
        guard = {"resourceVersion": created["metadata"]["resourceVersion"]}
        with pytest.raises(failures.Conflict):
            await server.client.apply(WIDGET, objects.widget(server, metadata=guard))

    async def test_current_uid_and_resource_version_are_accepted(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        guard = {name: created["metadata"][name] for name in ("uid", "resourceVersion")}
        after = await server.client.apply(WIDGET, objects.widget(server, metadata=guard, spec={"size": 3}))
        assert after["spec"] == {"size": 3}

    async def test_resource_version_does_not_prevent_a_creation(self, server: Server) -> None:
        # Only a uid prevents the creation.
        body = objects.widget(server, metadata={"resourceVersion": "1"})
        assert (await server.client.apply(WIDGET, body))["metadata"]["uid"]
