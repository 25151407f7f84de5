"""What users, other controllers and other teams do to a real API server; nothing here is the operator's."""

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
from seatrial.kube.limiter import Limiter
from seatrial.kube.transport import Request, Transport

PATIENCE: Final = 90.0
"""Seconds: guards against waiting without end, and is no promise of the product's."""
LOOK_AGAIN: Final = 0.03
"""Seconds between two looks at what is awaited."""
BUSY: Final = 120.0
"""Seconds for one answer of a server that is asked a thousand things at once."""
MANAGER: Final = "hands"


def image(version: int) -> str:
    """A given image of a version."""
    return f"registry.example/churn@sha256:{version:064x}"


def spec(version: int = 1, *, replicas: int = 1, **rollout: Any) -> Body:
    """A spec with a given image and one short step."""
    return {
        "model": {"image": image(version)},
        "scaling": {"replicas": replicas},
        "rollout": {"steps": [{"weight": 50, "hold": "1s"}], "scaleDownDelay": "1s", **rollout},
    }


def model(namespace: str, name: str, asked: Body) -> Body:
    """A ModelDeployment."""
    head = {"namespace": namespace, "name": name}
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": head, "spec": asked}


@dataclass(frozen=True, slots=True)
class Hands:
    """Hands on one namespace of an API server."""

    carrier: Transport
    client: Client
    namespace: str

    async def send(
        self, method: str, path: str, body: Any = None, *, content_type: str = transport.JSON, **query: str
    ) -> Body:
        """The server's answer; the failure it stands for where there is one."""
        sent = None if body is None else json.dumps(body).encode()
        manager = {} if method == "DELETE" else {"fieldManager": MANAGER}
        request = Request(method, path, {**manager, **query}, sent, content_type, timeout=BUSY)
        response = await self.carrier.request(request)
        if response.status >= 400:
            raise failures.from_response(response)
        answer: Body = json.loads(response.body)
        return answer

    async def create(self, kind: Kind, body: Body) -> Body:
        """The object as created in this namespace."""
        return await self.send("POST", kind.path(self.namespace), body)

    async def patch(self, kind: Kind, name: str, patch: Body) -> Body:
        """The object with the merge patch in it."""
        path = kind.path(self.namespace, name)
        return await self.send("PATCH", path, patch, content_type=transport.MERGE_PATCH)

    async def apply(self, name: str, asked: Body) -> Body:
        """The ModelDeployment asks for this."""
        path = kinds.MODEL_DEPLOYMENT.path(self.namespace, name)
        body = model(self.namespace, name, asked)
        return await self.send("PATCH", path, body, content_type=transport.APPLY_PATCH, force="true")

    async def get(self, name: str, kind: Kind = kinds.MODEL_DEPLOYMENT) -> Body:
        """The object."""
        return await self.client.get(kind, self.namespace, name)

    async def all(self, kind: Kind, owner: str = "", *, label: str = "") -> list[Body]:
        """The objects of a kind; only those of one ModelDeployment, or with one label, where it is named."""
        labels = f"{names.LABEL_DEPLOYMENT}={owner}" if owner else label
        return (await self.client.list(kind, self.namespace, labels=labels)).items

    async def delete(self, kind: Kind, name: str) -> None:
        """The object is told to go, however busy the server is: the client's writes must end with a lease."""
        with contextlib.suppress(failures.NotFound):
            await self.send("DELETE", kind.path(self.namespace, name), propagationPolicy="Background")

    async def until(
        self,
        name: str,
        holds: Callable[[Body], Any],
        *,
        kind: Kind = kinds.MODEL_DEPLOYMENT,
        patience: float = PATIENCE,
    ) -> Body:
        """The object as it was when this first held."""
        end, seen = time.monotonic() + patience, {}
        while time.monotonic() < end:
            try:
                seen = await self.get(name, kind)
                if holds(seen):
                    return seen
            except failures.NotFound:
                seen = {}
            await asyncio.sleep(LOOK_AGAIN)
        raise AssertionError(f"{kind} {name} was not as awaited in {patience:.0f} s: {json.dumps(seen)}")

    async def until_left(
        self,
        kind: Kind,
        owner: str = "",
        *,
        label: str = "",
        count: int = 0,
        patience: float = PATIENCE,
    ) -> list[Body]:
        """So many of this kind are left, counted as in `all`."""
        end = time.monotonic() + patience
        while len(left := await self.all(kind, owner, label=label)) != count:
            assert time.monotonic() < end, f"{len(left)} {kind} of {owner or label} are left"
            await asyncio.sleep(LOOK_AGAIN)
        return left

    async def until_gone(self, kind: Kind, name: str, *, patience: float = PATIENCE) -> None:
        """There is no such object."""
        end = time.monotonic() + patience
        while True:
            try:
                await self.get(name, kind)
            except failures.NotFound:
                return
            assert time.monotonic() < end, f"{kind} {name} is still there"
            await asyncio.sleep(LOOK_AGAIN)

    async def healthy(self, name: str, version: int, *, patience: float = PATIENCE) -> Body:
        """The object, once it serves this version and nothing is on its way."""
        return await self.until(name, lambda body: is_healthy(body, version), patience=patience)


def is_healthy(body: Body, version: int) -> bool:
    """It serves this version and rests."""
    status = body.get("status") or {}
    serves = (status.get("stable") or {}).get("image") == image(version)
    return serves and status.get("phase") == "Healthy"


def phase_is(*phases: str) -> Callable[[Body], bool]:
    """A question for `until`: the display phase is one of these."""
    return lambda body: (body.get("status") or {}).get("phase") in phases


@asynccontextmanager
async def hands(kubeconfig: Path, *, namespace: str = "") -> AsyncIterator[Hands]:
    """Hands on a new namespace, which is told to go afterwards; `namespace`: on one that stays."""
    carrier = http.HttpTransport(http.from_kubeconfig(str(kubeconfig)))
    limiter = Limiter(time.monotonic, rate=100_000, burst=100_000)
    client = Client(carrier, limiter, lambda: True)
    made = namespace or f"live-{uuid.uuid4().hex[:8]}"
    try:
        if not namespace:
            await client.create(
                kinds.NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": made}}
            )
        yield Hands(carrier, client, made)
        if not namespace:
            await client.delete(kinds.NAMESPACE, "", made)
    finally:
        await carrier.close()
