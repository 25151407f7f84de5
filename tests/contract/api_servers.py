"""What the suite of the API server needs of either server: a client, a namespace, and patience."""

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

PATIENCE = 90.0
"""Seconds: the collector of garbage looks for new kinds every thirty."""
WIDGET = Kind("contract.seatrial.dev", "v1", "widgets", "Widget")


@dataclass(frozen=True, slots=True)
class Server:
    """One API server with one namespace for one test."""

    transport: Transport
    client: Client
    namespace: str
    limit_pods: Callable[[int], Awaitable[None]]
    """At most so many pods may be made in the namespace from now on."""

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = JSON,
        **query: str,
    ) -> Response:
        """The raw answer, whatever its status."""
        sent = None if body is None else json.dumps(body).encode()
        return await self.transport.request(Request(method, path, query, sent, content_type))

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = JSON,
        **query: str,
    ) -> Body:
        """The object in the answer; the failure it stands for where there is one."""
        response = await self.send(method, path, body, content_type=content_type, **query)
        if response.status >= 400:
            raise failures.from_response(response)
        answer: Body = json.loads(response.body)
        return answer

    async def apply_as(self, manager: str, kind: Kind, body: Body, *, force: bool = False) -> Body:
        """The object after an apply by somebody else."""
        path = kind.path(self.namespace, body["metadata"]["name"])
        query = {"fieldManager": manager, "force": str(force).lower()}
        return await self.ask("PATCH", path, body, content_type=transport.APPLY_PATCH, **query)

    async def patch_as(self, manager: str, kind: Kind, name: str, patch: Body) -> Body:
        """The object after a merge patch by somebody else."""
        path = kind.path(self.namespace, name)
        return await self.ask("PATCH", path, patch, content_type=transport.MERGE_PATCH, fieldManager=manager)

    async def get(self, kind: Kind, name: str) -> Body:
        """The object in this test's namespace."""
        return await self.client.get(kind, self.namespace, name)

    async def is_gone(self, kind: Kind, name: str) -> bool:
        """Whether there is no such object in this test's namespace."""
        try:
            await self.get(kind, name)
        except failures.NotFound:
            return True
        return False

    async def eventually(self, question: Callable[[], Awaitable[Any]]) -> Any:
        """The first answer that is true; fails when none is in time."""
        ends_at = time.monotonic() + PATIENCE
        while not (answer := await question()):
            assert time.monotonic() < ends_at, "it did not come true in time"
            await asyncio.sleep(0.05)
        return answer

    async def events(self, kind: Kind, version: str, count: int, **selection: Any) -> list[tuple[str, Body]]:
        """The first `count` events after `version` that are no bookmarks."""
        found: list[tuple[str, Body]] = []
        watch = self.client.watch(kind, self.namespace, resource_version=version, **selection)
        async with asyncio.timeout(PATIENCE), aclosing(watch):
            async for event, body in watch:
                if event != "BOOKMARK":
                    found.append((event, body))
                if len(found) >= count:
                    return found
        raise AssertionError(f"the watch ended after {found}")


@asynccontextmanager
async def fake() -> AsyncIterator[Server]:
    """The fake with its controllers, in real time."""
    api = FakeApiServer(lambda: datetime.now(UTC), namespace_seconds=0.2)
    controllers = ControllerManager(api, serving=lambda _: Behaviour(ready_after=0.1), autoscaler_seconds=0.1)

    async def limit_pods(count: int) -> None:
        full = "exceeded quota: pods, requested: pods=1, used: pods=1, limited: pods=1"
        controllers.deployments.refusal = lambda _: full if len(api.all(kinds.POD)) >= count else ""

    server = Server(api, _client(api), "default", limit_pods)
    await _make_widgets(server)
    yield server


@asynccontextmanager
async def real(kubeconfig: str) -> AsyncIterator[Server]:
    """The control plane behind `kubeconfig`, with a new namespace that goes afterwards."""
    carrier = http.HttpTransport(http.from_kubeconfig(kubeconfig))
    client = _client(carrier)
    name = f"contract-{uuid.uuid4().hex[:8]}"
    await client.create(
        kinds.NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    )

    async def limit_pods(count: int) -> None:
        metadata = {"name": "pods", "namespace": name}
        spec = {"hard": {"pods": str(count)}}
        quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec}
        await client.create(kinds.RESOURCE_QUOTA, quota)
        await server.eventually(lambda: _is_counted(server))

    server = Server(carrier, client, name, limit_pods)
    try:
        await _make_widgets(server)
        # a new namespace gets it a moment later, and pods are refused before
        await server.eventually(lambda: _has_account(server))
        yield server
    finally:
        await client.delete(kinds.NAMESPACE, "", name)
        await carrier.close()


async def _has_account(server: Server) -> bool:
    path = f"/api/v1/namespaces/{server.namespace}/serviceaccounts/default"
    return (await server.send("GET", path)).status == 200


async def _is_counted(server: Server) -> bool:
    quota = await server.get(kinds.RESOURCE_QUOTA, "pods")
    return "hard" in (quota.get("status") or {})


def _client(carrier: Transport) -> Client:
    return Client(carrier, Limiter(time.monotonic), lambda: True)


async def _make_widgets(server: Server) -> None:
    """The kind `Widget` is served."""
    with suppress(failures.AlreadyExists):
        await server.client.create(kinds.CRD, _widget_definition())

    async def is_served() -> bool:
        answer = await server.send("GET", WIDGET.path(server.namespace))
        return answer.status == 200

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
