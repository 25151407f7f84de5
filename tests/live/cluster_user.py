"""A user of a real API server: applies ModelDeployments, edits other objects and waits for their state."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from seatrial.api import kinds, names
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from seatrial.kube import failures, http, transport
from seatrial.kube.client import Client
from seatrial.kube.concurrency import ConcurrencyLimit
from seatrial.kube.limiter import Limiter
from seatrial.kube.transport import Request, Transport

TIMEOUT: Final = 90.0
"""Seconds; ends a wait that would never end, and says nothing about the operator's speed."""
POLL_INTERVAL: Final = 0.03
"""Seconds between two polls."""
REQUEST_TIMEOUT: Final = 120.0
"""Seconds for one response of a server with a thousand concurrent requests."""
MANAGER: Final = "user"


def image(version: int) -> str:
    """Return the prebuilt image of a version."""
    return f"registry.example/churn@sha256:{version:064x}"


def spec(version: int = 1, *, replicas: int = 1, **rollout: Any) -> Body:
    """Return a spec with a prebuilt image and one short step."""
    return {
        "model": {"image": image(version)},
        "scaling": {"replicas": replicas},
        "rollout": {"steps": [{"weight": 50, "hold": "1s"}], "scaleDownDelay": "1s", **rollout},
    }


def model_deployment(namespace: str, name: str, spec: Body) -> Body:
    """Return a ModelDeployment."""
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata, "spec": spec}


@dataclass(frozen=True, slots=True)
class ClusterUser:
    """A user of one namespace of an API server."""

    connection: Transport
    client: Client
    namespace: str

    async def send(
        self, method: str, path: str, body: Any = None, *, content_type: str = transport.JSON, **query: str
    ) -> Body:
        """Send a request and return the response body; raise the error of an unsuccessful response."""
        sent = None if body is None else json.dumps(body).encode()
        manager = {} if method == "DELETE" else {"fieldManager": MANAGER}
        request = Request(method, path, {**manager, **query}, sent, content_type, timeout=REQUEST_TIMEOUT)
        response = await self.connection.request(request)
        if response.status >= 400:
            raise failures.from_response(response)
        response_body: Body = json.loads(response.body)
        return response_body

    async def create(self, kind: Kind, body: Body) -> Body:
        """Create the object in this namespace and return it."""
        return await self.send("POST", kind.path(self.namespace), body)

    async def patch(self, kind: Kind, name: str, patch: Body) -> Body:
        """Apply a merge patch and return the object."""
        path = kind.path(self.namespace, name)
        return await self.send("PATCH", path, patch, content_type=transport.MERGE_PATCH)

    async def apply(self, name: str, spec: Body) -> Body:
        """Apply a ModelDeployment with this spec."""
        path = kinds.MODEL_DEPLOYMENT.path(self.namespace, name)
        body = model_deployment(self.namespace, name, spec)
        return await self.send("PATCH", path, body, content_type=transport.APPLY_PATCH, force="true")

    async def get(self, name: str, kind: Kind = kinds.MODEL_DEPLOYMENT) -> Body:
        """Return the object."""
        return await self.client.get(kind, self.namespace, name)

    async def all(self, kind: Kind, owner: str = "", *, label: str = "") -> list[Body]:
        """Return the objects of a kind, optionally only those of one ModelDeployment or with one label."""
        labels = f"{names.LABEL_DEPLOYMENT}={owner}" if owner else label
        return (await self.client.list(kind, self.namespace, labels=labels)).items

    async def delete(self, kind: Kind, name: str) -> None:
        """Delete the object, with a time-out for a busy server that is longer than the client's."""
        with contextlib.suppress(failures.NotFound):
            await self.send("DELETE", kind.path(self.namespace, name), propagationPolicy="Background")

    async def until(
        self,
        name: str,
        holds: Callable[[Body], Any],
        *,
        kind: Kind = kinds.MODEL_DEPLOYMENT,
        patience: float = TIMEOUT,
    ) -> Body:
        """Return the object once the condition holds."""
        end, body = time.monotonic() + patience, {}
        while time.monotonic() < end:
            try:
                body = await self.get(name, kind)
                if holds(body):
                    return body
            except failures.NotFound:
                body = {}
            await asyncio.sleep(POLL_INTERVAL)
        raise AssertionError(
            f"{kind} {name} did not meet the condition in {patience:.0f} s: {json.dumps(body)}"
        )

    async def until_left(
        self,
        kind: Kind,
        owner: str = "",
        *,
        label: str = "",
        count: int = 0,
        patience: float = TIMEOUT,
    ) -> list[Body]:
        """Wait until exactly `count` objects are left, selected as in `all`."""
        end = time.monotonic() + patience
        while len(left := await self.all(kind, owner, label=label)) != count:
            assert time.monotonic() < end, f"{len(left)} {kind} of {owner or label} are left"
            await asyncio.sleep(POLL_INTERVAL)
        return left

    async def until_gone(self, kind: Kind, name: str, *, patience: float = TIMEOUT) -> None:
        """Wait until the object does not exist."""
        end = time.monotonic() + patience
        while True:
            try:
                await self.get(name, kind)
            except failures.NotFound:
                return
            assert time.monotonic() < end, f"{kind} {name} is still there"
            await asyncio.sleep(POLL_INTERVAL)

    async def healthy(self, name: str, version: int, *, patience: float = TIMEOUT) -> Body:
        """Return the object once it serves this version and no rollout is running."""
        return await self.until(name, lambda body: is_healthy(body, version), patience=patience)


def is_healthy(body: Body, version: int) -> bool:
    """Return whether this version is stable and healthy."""
    status = body.get("status") or {}
    serves = (status.get("stable") or {}).get("image") == image(version)
    return serves and status.get("phase") == "Healthy"


def phase_is(*phases: str) -> Callable[[Body], bool]:
    """Return a condition for `until`: the phase is one of these."""
    return lambda body: (body.get("status") or {}).get("phase") in phases


@asynccontextmanager
async def connect(kubeconfig: Path, *, namespace: str = "") -> AsyncIterator[ClusterUser]:
    """Connect a user to a new namespace, which is deleted afterwards, or to an existing `namespace`."""
    connection = http.HttpTransport(http.from_kubeconfig(str(kubeconfig)))
    unchanged = ConcurrencyLimit(first=http.CONNECTIONS, fewest=http.CONNECTIONS, most=http.CONNECTIONS)
    limiter = Limiter(time.monotonic, rate=100_000, burst=100_000, concurrency=unchanged)
    client = Client(connection, limiter, lambda: True)
    used_namespace = namespace or f"live-{uuid.uuid4().hex[:8]}"
    try:
        if not namespace:
            await client.create(
                kinds.NAMESPACE,
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": used_namespace}},
            )
        yield ClusterUser(connection, client, used_namespace)
        if not namespace:
            await client.delete(kinds.NAMESPACE, "", used_namespace)
    finally:
        await connection.close()
