"""Fields that a kind does not have and values of another type, tested on the fake and a real API server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seatrial.api import kinds
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from seatrial.kube import failures, transport
from tests.apiserver import field_types
from tests.cluster.fixtures import Cluster
from tests.contract import api_servers
from tests.contract import example_objects as objects
from tests.contract.api_servers import Server
from tests.contract.test_api_server_controllers import ready

MISSPELT: dict[str, Any] = {"tolerations": [{"kee": "gpu", "operator": "Exists"}]}
TERMS = {"nodeSelectorTerms": [{"matchExpresions": []}]}
DROPPED: dict[str, Any] = {
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": TERMS}}
}
"""Misspelt, and still valid without the misspelt field."""
ILL_TYPED: dict[str, Any] = {"tolerations": [{"key": 5, "operator": "Exists"}]}
TWO_PLACES: dict[str, Any] = {**MISSPELT, "volumes": [{"name": "v", "emptyDir": {"sizeLimitt": "1Gi"}}]}
NO_MAP: dict[str, Any] = {"affinity": {"nodeAffinity": "x"}}
NO_LIST: dict[str, Any] = {"tolerations": {"key": "gpu"}}


def with_pod(server: Server, **pod: Any) -> Body:
    """Return a Deployment whose pods have these fields."""
    body = objects.deployment(server)
    body["spec"]["template"]["spec"] |= pod
    return body


async def answer(server: Server, method: str, kind: Kind, body: Body, **query: str) -> tuple[int, str]:
    """Return status and message of the response to a write."""
    name = body["metadata"]["name"] if method == "PATCH" else ""
    content_type = transport.APPLY_PATCH if method == "PATCH" else transport.JSON
    response = await server.send(
        method, kind.path(server.namespace, name), body, content_type=content_type, fieldManager="x", **query
    )
    message: str = json.loads(response.body).get("message", "")
    return response.status, message.replace(server.namespace, "NAMESPACE")


class TestCreate:
    @pytest.mark.parametrize(
        ("pod", "sentence"),
        [
            (MISSPELT, 'strict decoding error: unknown field "spec.template.spec.tolerations[0].kee"'),
            (
                TWO_PLACES,
                (
                    'strict decoding error: unknown field "spec.template.spec.tolerations[0].kee",'
                    ' unknown field "spec.template.spec.volumes[0].emptyDir.sizeLimitt"'
                ),
            ),
            (
                ILL_TYPED,
                (
                    "json: cannot unmarshal number into Go struct field"
                    " Toleration.spec.template.spec.tolerations.key of type string"
                ),
            ),
            (
                NO_MAP,
                (
                    "json: cannot unmarshal string into Go struct field"
                    " Affinity.spec.template.spec.affinity.nodeAffinity of type v1.NodeAffinity"
                ),
            ),
            (
                NO_LIST,
                (
                    "json: cannot unmarshal object into Go struct field"
                    " PodSpec.spec.template.spec.tolerations of type []v1.Toleration"
                ),
            ),
        ],
    )
    async def test_strict_creation_names_the_field_and_creates_nothing(
        self, server: Server, pod: dict[str, Any], sentence: str
    ) -> None:
        body = with_pod(server, **pod)
        status, message = await answer(server, "POST", kinds.DEPLOYMENT, body, fieldValidation="Strict")
        what = 'Deployment in version "v1" cannot be handled as a Deployment'
        assert (status, message) == (400, f"{what}: {sentence}")
        assert await server.is_gone(kinds.DEPLOYMENT, "churn")

    async def test_strict_creation_names_a_field_of_an_autoscaler(self, server: Server) -> None:
        body = objects.autoscaler(server, behavior={"scaleUpp": {}})
        status, message = await answer(server, "POST", kinds.HPA, body, fieldValidation="Strict")
        assert status == 400
        assert message.endswith('strict decoding error: unknown field "spec.behavior.scaleUpp"')

    async def test_unknown_field_is_dropped_by_default(self, server: Server) -> None:
        assert (await answer(server, "POST", kinds.DEPLOYMENT, with_pod(server, **DROPPED)))[0] == 201
        template = (await server.get(kinds.DEPLOYMENT, "churn"))["spec"]["template"]
        assert "matchExpresions" not in json.dumps(template)

    async def test_toleration_of_every_key_must_say_so(self, server: Server) -> None:
        body = with_pod(server, tolerations=[{"effect": "NoSchedule"}])
        status, message = await answer(server, "POST", kinds.DEPLOYMENT, body)
        assert status == 422
        assert "spec.template.spec.tolerations[0].operator" in message

    async def test_dry_run_creates_nothing(self, server: Server) -> None:
        await server.client.check(kinds.DEPLOYMENT, with_pod(server))
        assert await server.is_gone(kinds.DEPLOYMENT, "churn")

    async def test_dry_run_has_the_errors_of_a_creation(self, server: Server) -> None:
        with pytest.raises(failures.Invalid, match=r"unknown field .*tolerations\[0\]\.kee"):
            await server.client.check(kinds.DEPLOYMENT, with_pod(server, **MISSPELT))
        await server.client.create(kinds.DEPLOYMENT, with_pod(server))
        with pytest.raises(failures.AlreadyExists):
            await server.client.check(kinds.DEPLOYMENT, with_pod(server))


class TestApply:
    @pytest.mark.parametrize("exists", [False, True])
    @pytest.mark.parametrize(
        ("pod", "sentences"),
        [
            (MISSPELT, (".spec.template.spec.tolerations[0].kee: field not declared in schema",)),
            (
                TWO_PLACES,
                (
                    ".spec.template.spec.tolerations[0].kee: field not declared in schema",
                    '.spec.template.spec.volumes[name="v"].emptyDir.sizeLimitt: field not declared in schema',
                ),
            ),
            (
                ILL_TYPED,
                (
                    (
                        ".spec.template.spec.tolerations[0].key:"
                        " expected string, got &value.valueUnstructured{Value:5}"
                    ),
                ),
            ),
            (NO_MAP, (".spec.template.spec.affinity.nodeAffinity: expected map, got &{x}",)),
        ],
    )
    async def test_apply_that_does_not_fit_the_schema_is_an_internal_error(
        self, server: Server, pod: dict[str, Any], sentences: tuple[str, ...], exists: bool
    ) -> None:
        if exists:
            await server.client.create(kinds.DEPLOYMENT, with_pod(server))
        status, message = await answer(
            server, "PATCH", kinds.DEPLOYMENT, with_pod(server, **pod), force="true"
        )
        what, _, found = message.partition(" (NAMESPACE/churn; apps/v1, Kind=Deployment): ")
        assert (status, what) == (500, "failed to create typed patch object")
        lines = found.removeprefix("errors:\n").splitlines()
        assert sorted(line.strip() for line in lines) == sorted(sentences), "in any order"
        assert (found in sentences) is (len(sentences) == 1)

    async def test_the_client_takes_it_for_an_invalid_object(self, server: Server) -> None:
        with pytest.raises(failures.Invalid):
            await server.client.apply(kinds.DEPLOYMENT, with_pod(server, **MISSPELT))


class TestPause:
    async def test_paused_deployment_scales_but_starts_no_pod_of_another_template(
        self, server: Server
    ) -> None:
        await server.client.create(kinds.DEPLOYMENT, objects.deployment(server, replicas=1))
        await server.eventually(lambda: ready(server, 1))
        changed = {"image": "registry.example/churn:2", "name": "server"}
        template = {"spec": {"containers": [changed]}}
        await server.patch_as("x", kinds.DEPLOYMENT, "churn", {"spec": {"paused": True}})
        await server.client.scale(kinds.DEPLOYMENT, server.namespace, "churn", replicas=2)

        async def is_scaled() -> bool:
            return (await server.get(kinds.DEPLOYMENT, "churn"))["status"].get("readyReplicas") == 2

        await server.eventually(is_scaled)
        await server.patch_as("x", kinds.DEPLOYMENT, "churn", {"spec": {"template": template}})

        async def observed() -> bool:
            body = await server.get(kinds.DEPLOYMENT, "churn")
            return bool(body["status"]["observedGeneration"] == body["metadata"]["generation"])

        await server.eventually(observed)
        pods = (await server.client.list(kinds.POD, server.namespace, labels="app=churn")).items
        assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {"registry.example/churn:1"}

    async def test_an_apply_that_is_not_paused_resumes_it(self, server: Server) -> None:
        body = objects.deployment(server)
        body["spec"]["paused"] = False
        created = await server.client.create(kinds.DEPLOYMENT, body)
        assert not created["spec"].get("paused")
        await server.patch_as("x", kinds.DEPLOYMENT, "churn", {"spec": {"paused": True}})
        resumed = await server.client.apply(kinds.DEPLOYMENT, body)
        assert not resumed["spec"].get("paused")


@pytest.mark.controlplane
async def test_the_stored_types_are_those_of_a_real_server(control_plane: Cluster) -> None:
    async with api_servers.real(str(control_plane.kubeconfig)) as server:

        async def get(path: str) -> Any:
            return json.loads((await server.send("GET", path)).body)

        assert await field_types.read(get) == field_types.stored()
