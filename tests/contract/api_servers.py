"""The two API servers of the contract tests: the fake one and a real one, each with a client and a namespace."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from seatrial.api import kinds
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from seatrial.kube import failures, http, transport
from seatrial.kube.client import Client
from seatrial.kube.limiter import Limiter
from seatrial.kube.transport import JSON, Request, Response, Transport
from tests.apiserver import FakeApiServer
from tests.apiserver.controller_manager import ControllerManager
from tests.apiserver.pod_behaviour import Behaviour

TIMEOUT = 90.0
"""Seconds; a real garbage collector discovers new kinds every 30 s."""
WIDGET = Kind("contract.seatrial.dev", "v1", "widgets", "Widget")


@dataclass(frozen=True, slots=True)
class Server:
    """One API server with one namespace for one test."""

    transport: Transport
    client: Client
    namespace: str
    limit_pods: Callable[[int], Awaitable[None]]
    """Limits the number of pods in the namespace from now on."""

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = JSON,
        **query: str,
    ) -> Response:
        """Return the raw response, whatever its status."""
        sent = None if body is None else json.dumps(body).encode()
        return await self.transport.request(Request(method, path, query, sent, content_type))

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = JSON,
        **query: str,
    ) -> Body:
        """Return the object of the response; raise the error of an unsuccessful one."""
        response = await self.send(method, path, body, content_type=content_type, **query)
        if response.status >= 400:
            raise failures.from_response(response)
        response_body: Body = json.loads(response.body)
        return response_body

    async def apply_as(self, manager: str, kind: Kind, body: Body, *, force: bool = False) -> Body:
        """Apply as another manager and return the object."""
        path = kind.path(self.namespace, body["metadata"]["name"])
        query = {"fieldManager": manager, "force": str(force).lower()}
        return await self.request("PATCH", path, body, content_type=transport.APPLY_PATCH, **query)

    async def patch_as(self, manager: str, kind: Kind, name: str, patch: Body) -> Body:
        """Send a merge patch as another manager and return the object."""
        path = kind.path(self.namespace, name)
        return await self.request(
            "PATCH", path, patch, content_type=transport.MERGE_PATCH, fieldManager=manager
        )

    async def get(self, kind: Kind, name: str) -> Body:
        """Return an object of this test's namespace."""
        return await self.client.get(kind, self.namespace, name)

    async def is_gone(self, kind: Kind, name: str) -> bool:
        """Return whether the object is absent from this test's namespace."""
        try:
            await self.get(kind, name)
        except failures.NotFound:
            return True
        return False

    async def eventually(self, condition: Callable[[], Awaitable[Any]]) -> Any:
        """Return the first true result of `condition`; fail after a time-out."""
        ends_at = time.monotonic() + TIMEOUT
        while not (result := await condition()):
            assert time.monotonic() < ends_at, "the condition was not met in time"
            await asyncio.sleep(0.05)
        return result

    async def events(self, kind: Kind, version: str, count: int, **selection: Any) -> list[tuple[str, Body]]:
        """Return the first `count` events after `version`, without bookmarks."""
        found: list[tuple[str, Body]] = []
        watch = self.client.watch(kind, self.namespace, resource_version=version, **selection)
        async with asyncio.timeout(TIMEOUT), aclosing(watch):
            async for event, body in watch:
                if event != "BOOKMARK":
                    found.append((event, body))
                if len(found) >= count:
                    return found
        raise AssertionError(f"the watch ended after {found}")


@asynccontextmanager
async def fake() -> AsyncIterator[Server]:
    """Run the fake server and its controllers in real time."""
    api = FakeApiServer(lambda: datetime.now(UTC), namespace_seconds=0.2)
    controllers = ControllerManager(api, serving=lambda _: Behaviour(ready_after=0.1), autoscaler_seconds=0.1)

    async def limit_pods(count: int) -> None:
        quota_message = "exceeded quota: pods, requested: pods=1, used: pods=1, limited: pods=1"
        controllers.deployments.rejection = lambda _: (
            quota_message if len(api.all(kinds.POD)) >= count else ""
        )

    server = Server(api, _client(api), "default", limit_pods)
    await _make_widgets(server)
    yield server


@asynccontextmanager
async def real(kubeconfig: str) -> AsyncIterator[Server]:
    """Connect to the control plane of `kubeconfig`, with a new namespace that is deleted afterwards."""
    connection = http.HttpTransport(http.from_kubeconfig(kubeconfig))
    client = _client(connection)
    name = f"contract-{uuid.uuid4().hex[:8]}"
    await client.create(
        kinds.NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    )

    async def limit_pods(count: int) -> None:
        metadata = {"name": "pods", "namespace": name}
        spec = {"hard": {"pods": str(count)}}
        quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec}
        await client.apply(kinds.RESOURCE_QUOTA, quota)
        await server.eventually(lambda: _is_counted(server, str(count)))

    server = Server(connection, client, name, limit_pods)
    try:
        await _make_widgets(server)
        # pods are rejected until the namespace has its default ServiceAccount
        await server.eventually(lambda: _has_account(server))
        yield server
    finally:
        await client.delete(kinds.NAMESPACE, "", name)
        await connection.close()


async def _has_account(server: Server) -> bool:
    path = f"/api/v1/namespaces/{server.namespace}/serviceaccounts/default"
    return (await server.send("GET", path)).status == 200


async def _is_counted(server: Server, limit: str) -> bool:
    quota = await server.get(kinds.RESOURCE_QUOTA, "pods")
    hard = (quota.get("status") or {}).get("hard") or {}
    return bool(hard.get("pods") == limit)


def _client(connection: Transport) -> Client:
    return Client(connection, Limiter(time.monotonic), lambda: True)


async def _make_widgets(server: Server) -> None:
    """Create the CustomResourceDefinition of `Widget` and wait until it is served."""
    with suppress(failures.AlreadyExists):
        await server.client.create(kinds.CRD, _widget_definition())

    async def is_served() -> bool:
        response = await server.send("GET", WIDGET.path(server.namespace))
        return response.status == 200

    await server.eventually(is_served)


def _widget_definition() -> Body:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    parts = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "size": {"type": "integer"}},
        },
    }
    numbers = {"type": "array", "items": {"type": "integer"}}
    atomic = {
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "additionalProperties": {"type": "string"},
    }
    spec = {
        "type": "object",
        "properties": {
            "replicas": {"type": "integer"},
            "size": {"type": "integer"},
            "colour": {"type": "string"},
            "parts": parts,
            "numbers": numbers,
            "atomic": atomic,
            "more": anything,
        },
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": anything}}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{WIDGET.plural}.{WIDGET.group}"},
        "spec": {
            "group": WIDGET.group,
            "scope": "Namespaced",
            "names": {
                "plural": "widgets",
                "singular": "widget",
                "kind": "Widget",
                "listKind": "WidgetList",
            },
            "versions": [version],
        },
    }
