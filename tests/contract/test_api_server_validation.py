"""The scale subresource and validation, tested on the fake and a real API server."""

from __future__ import annotations

import json

import pytest

from seatrial.api import kinds, names
from seatrial.api.objects import scaled_by
from seatrial.kube import failures, transport
from tests.contract import example_objects as objects
from tests.contract.api_servers import WIDGET, Server


class TestScale:
    @pytest.mark.parametrize("kind", [WIDGET, kinds.DEPLOYMENT], ids=str)
    async def test_scale_changes_only_the_replicas(self, server: Server, kind: kinds.Kind) -> None:
        body = (
            objects.widget(server, "churn", spec={"replicas": 0, "size": 1})
            if kind is WIDGET
            else objects.deployment(server)
        )
        created = await server.client.create(kind, body)
        scale = await server.client.scale(kind, server.namespace, "churn", replicas=3)
        after = await server.get(kind, "churn")
        assert (scale["kind"], scale["spec"]) == ("Scale", {"replicas": 3})
        assert after["spec"] == {**created["spec"], "replicas": 3}
        assert after["metadata"]["generation"] == 2

    async def test_the_client_that_scaled_last_is_named(self, server: Server) -> None:
        kind = kinds.DEPLOYMENT
        await server.client.create(kind, objects.deployment(server))
        assert scaled_by(await server.get(kind, "churn")) == ""
        await server.client.scale(kind, server.namespace, "churn", replicas=3)
        assert scaled_by(await server.get(kind, "churn")) == names.FIELD_MANAGER
        path, patch = kind.path(server.namespace, "churn", "scale"), {"spec": {"replicas": 4}}
        await server.request("PATCH", path, patch, content_type=transport.MERGE_PATCH, fieldManager="another")
        listed = await server.client.list(kind, server.namespace)
        assert [scaled_by(item) for item in listed.items] == ["another"]

    async def test_outdated_resource_version_is_a_conflict(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server))
        version = created["metadata"]["resourceVersion"]
        await server.client.scale(WIDGET, server.namespace, "w", replicas=2, resource_version=version)
        with pytest.raises(failures.Conflict):
            await server.client.scale(WIDGET, server.namespace, "w", replicas=3, resource_version=version)

    async def test_scale_shows_the_replicas_and_selector_of_the_status(self, server: Server) -> None:
        created = await server.client.create(WIDGET, objects.widget(server, spec={"replicas": 2}))
        status = {"replicas": 1, "selector": "app=churn"}
        await server.client.replace_status(WIDGET, {**created, "status": status})
        scale = await server.request("GET", WIDGET.path(server.namespace, "w", "scale"))
        assert scale["spec"] == {"replicas": 2}
        assert scale["status"] == {"replicas": 1, "selector": "app=churn"}

    async def test_negative_replicas_are_rejected(self, server: Server) -> None:
        await server.client.create(kinds.DEPLOYMENT, objects.deployment(server))
        with pytest.raises(failures.Invalid):
            await server.client.scale(kinds.DEPLOYMENT, server.namespace, "churn", replicas=-1)

    async def test_missing_object_is_not_found(self, server: Server) -> None:
        with pytest.raises(failures.NotFound):
            await server.client.scale(kinds.DEPLOYMENT, server.namespace, "churn", replicas=1)


class TestImmutableFields:
    async def test_deployment_selector_is_immutable(self, server: Server) -> None:
        await server.client.create(kinds.DEPLOYMENT, objects.deployment(server))
        labels = {"app": "other"}
        patch = {"spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}}
        with pytest.raises(failures.Invalid, match=r"spec\.selector.*field is immutable"):
            await server.patch_as("x", kinds.DEPLOYMENT, "churn", patch)

    async def test_job_template_is_immutable(self, server: Server) -> None:
        created = await server.client.create(kinds.JOB, objects.job(server))
        changed = json.loads(json.dumps(created))
        changed["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
        del changed["metadata"]["resourceVersion"]
        with pytest.raises(failures.Invalid, match=r"spec\.template.*field is immutable"):
            await server.client.replace(kinds.JOB, changed)

    async def test_immutable_config_map_is_immutable(self, server: Server) -> None:
        await server.client.create(kinds.CONFIG_MAP, objects.settings(server, immutable=True))
        with pytest.raises(failures.Invalid, match="immutable"):
            await server.patch_as("x", kinds.CONFIG_MAP, "settings", {"data": {"a": "2"}})

    async def test_controller_revision_data_is_immutable(self, server: Server) -> None:
        body = objects.new(server, kinds.CONTROLLER_REVISION, "r", data={"a": 1}, revision=1)
        await server.client.create(kinds.CONTROLLER_REVISION, body)
        with pytest.raises(failures.Invalid, match="immutable"):
            await server.patch_as("x", kinds.CONTROLLER_REVISION, "r", {"data": {"a": 2}})

    async def test_selector_must_match_the_template(self, server: Server) -> None:
        body = objects.deployment(server)
        body["spec"]["selector"] = {"matchLabels": {"app": "other"}}
        with pytest.raises(failures.Invalid, match="does not match template"):
            await server.client.create(kinds.DEPLOYMENT, body)

    async def test_autoscaler_max_replicas_must_not_be_below_min_replicas(self, server: Server) -> None:
        with pytest.raises(failures.Invalid, match=r"spec\.maxReplicas"):
            await server.client.create(kinds.HPA, objects.autoscaler(server, minReplicas=5))


class TestPods:
    async def test_duplicate_volume_name_is_rejected(self, server: Server) -> None:
        body = objects.deployment(server)
        body["spec"]["template"]["spec"]["volumes"] = [{"name": "a", "emptyDir": {}}] * 2
        with pytest.raises(failures.Invalid, match=r"volumes.*Duplicate value"):
            await server.client.create(kinds.DEPLOYMENT, body)

    async def test_duplicate_mount_path_is_rejected(self, server: Server) -> None:
        mounts = [{"name": "a", "mountPath": "/a"}, {"name": "b", "mountPath": "/a"}]
        body = objects.deployment(server, volumeMounts=mounts)
        body["spec"]["template"]["spec"]["volumes"] = [{"name": name, "emptyDir": {}} for name in "ab"]
        with pytest.raises(failures.Invalid, match=r"volumeMounts.*must be unique|Duplicate value"):
            await server.client.create(kinds.DEPLOYMENT, body)

    @pytest.mark.parametrize(("seconds", "accepted"), [(3, True), (4, False)])
    async def test_pre_stop_sleep_must_be_within_the_grace_period(
        self, server: Server, seconds: int, accepted: bool
    ) -> None:
        body = objects.deployment(server, lifecycle={"preStop": {"sleep": {"seconds": seconds}}})
        body["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 3
        if accepted:
            await server.client.create(kinds.DEPLOYMENT, body)
            return
        with pytest.raises(failures.Invalid, match=r"preStop.*terminationGracePeriodSeconds"):
            await server.client.create(kinds.DEPLOYMENT, body)
