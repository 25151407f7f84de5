"""Asks an API server for objects and writes them: dictionaries in, dictionaries out, failures by name.

Every write checks the fence first, so that a process that lost its lease writes nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from seatrial.api import names, objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from seatrial.kube import failures, transport
from seatrial.kube.limiter import Limiter
from seatrial.kube.transport import Request, Response, Transport

FIELD_MANAGER: Final = names.FIELD_MANAGER
DEFAULT_RETRY_AFTER: Final = 1.0
WATCH_SECONDS: Final = 290.0
"""After this the server ends a watch; the informer opens the next where it ended."""
WATCH_GRACE: Final = 15.0
"""Seconds that a watch may last longer than the server was asked for."""
WRITE_SECONDS: Final = 5.0
"""A write that is sent just before the lease's deadline has ended before another process may hold the lease."""
PATIENCE: Final = 5.0
"""Seconds of a pause that a write or a get waits for: what takes longer is not held, but fails and comes again."""

_ESCAPED_BY_GO: Final = {ord(letter): f"\\u{ord(letter):04x}" for letter in "&<>\u2028\u2029"}

OnWrite = Callable[[str, str], None]
"""Told kind and verb of every write before it is sent."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A collection at one moment; a watch continues from `resource_version`."""

    items: list[Body]
    resource_version: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a kind are meant: everything, unless narrowed."""

    namespace: str = ""
    labels: str = ""
    fields: str = ""
    metadata_only: bool = False

    def query(self) -> dict[str, str]:
        """The selectors as query parameters."""
        wanted = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {name: value for name, value in wanted.items() if value}


def _count_nothing(_kind: str, _verb: str) -> None:
    """The default of `on_write`."""


class Client:
    """One API server. `fence` says whether this process may write; time-outs are in seconds."""

    def __init__(
        self,
        carrier: Transport,
        limiter: Limiter,
        fence: Callable[[], bool],
        *,
        on_write: OnWrite = _count_nothing,
        timeout: float = 30.0,
    ) -> None:
        self._transport = carrier
        self._limiter = limiter
        self._fence = fence
        self._on_write = on_write
        self._timeout = timeout

    # reading

    async def get(self, kind: Kind, namespace: str, name: str) -> Body:
        """The object; `NotFound` when there is none."""
        await self._limiter.acquire(patience=PATIENCE)
        return _object(await self._carry(Request("GET", kind.path(namespace, name))))

    async def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        limit: int = 500,
        metadata_only: bool = False,
    ) -> Listing:
        """All objects that match, in pages of `limit`; each says its apiVersion and kind, none its managedFields."""
        wanted = Selection(namespace or "", labels, fields, metadata_only)
        try:
            return await self._pages(kind, wanted, limit)
        except failures.Gone:
            # The pages outlived the server's memory of their first moment: one large answer instead.
            return await self._pages(kind, wanted, 0)

    async def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        resource_version: str,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> AsyncGenerator[tuple[str, Body]]:
        """ADDED, MODIFIED, DELETED and BOOKMARK from `resource_version` on, until the server ends it.

        `Gone` when the server no longer knows that version.
        """
        wanted = Selection(namespace or "", labels, fields, metadata_only)
        query = wanted.query() | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(int(WATCH_SECONDS)),
        }
        accept = transport.PARTIAL_OBJECT if metadata_only else transport.JSON
        request = Request(
            "GET", kind.path(wanted.namespace), query, accept=accept, timeout=WATCH_SECONDS + WATCH_GRACE
        )
        await self._limiter.acquire()
        async with aclosing(self._lines(request)) as lines:
            async for line in lines:
                yield _event(kind, line)

    async def raw_get(
        self, path: str, *, query: Mapping[str, str] | None = None, within: float = 0.0
    ) -> bytes:
        """The bytes behind any path of the API server, its pod proxy among them; `within` seconds.

        A 429 of a pod is the pod's own: it stops nobody else.
        """
        request = Request("GET", path, query or {}, accept="*/*", timeout=within or self._timeout)
        await self._limiter.acquire(patience=PATIENCE)
        response = await self._answer(request)
        if response.status < 400:
            return response.body
        raise failures.from_response(response)

    # writing

    async def create(self, kind: Kind, body: Body) -> Body:
        """The object as created; `AlreadyExists` when the name is taken."""
        namespace, _ = objects.key_of(body)
        return await self._write("create", kind, _json_request("POST", kind.path(namespace), body))

    async def replace(self, kind: Kind, body: Body) -> Body:
        """The object replaced; `Conflict` when its resourceVersion is not the present one."""
        return await self._write("update", kind, _json_request("PUT", kind.path(*objects.key_of(body)), body))

    async def apply(self, kind: Kind, body: Body, *, force: bool = True) -> Body:
        """The object has what `body` says and has lost what our last apply said and `body` does not.

        With `metadata.uid` or `metadata.resourceVersion` in `body`, `Conflict` unless they match.
        """
        path = kind.path(*objects.key_of(body))
        request = Request("PATCH", path, {"force": str(force).lower()}, _bytes(body), transport.APPLY_PATCH)
        return await self._write("apply", kind, request)

    async def patch(self, kind: Kind, namespace: str, name: str, *, patch: Body) -> Body:
        """The object with the JSON merge patch in it."""
        request = Request("PATCH", kind.path(namespace, name), {}, _bytes(patch), transport.MERGE_PATCH)
        return await self._write("patch", kind, request)

    async def replace_status(self, kind: Kind, body: Body) -> Body:
        """The object with this `status`; `Conflict` unless its resourceVersion is the one in `body`."""
        path = kind.path(*objects.key_of(body), "status")
        return await self._write("update_status", kind, _json_request("PUT", path, body))

    async def patch_status(self, kind: Kind, namespace: str, name: str, *, patch: Body) -> Body:
        """The object with the merge patch in its status: `patch` is `{"status": …}`."""
        path = kind.path(namespace, name, "status")
        request = Request("PATCH", path, {}, _bytes(patch), transport.MERGE_PATCH)
        return await self._write("patch_status", kind, request)

    async def scale(
        self, kind: Kind, namespace: str, name: str, *, replicas: int, resource_version: str = ""
    ) -> Body:
        """The Scale wants this many replicas; `Conflict` when `resource_version` is not the present one."""
        patch: Body = {"spec": {"replicas": replicas}}
        if resource_version:
            patch["metadata"] = {"resourceVersion": resource_version}
        path = kind.path(namespace, name, "scale")
        request = Request("PATCH", path, {}, _bytes(patch), transport.MERGE_PATCH)
        return await self._write("scale", kind, request)

    async def delete(
        self, kind: Kind, namespace: str, name: str, *, uid: str = "", propagation: str = "Background"
    ) -> None:
        """The object is gone or going; so it is when it never was. `Conflict` when `uid` is another's."""
        options: Body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            await self._write("delete", kind, _json_request("DELETE", kind.path(namespace, name), options))
        except failures.NotFound:
            return

    # how

    async def _write(self, verb: str, kind: Kind, request: Request) -> Body:
        await self._limiter.acquire(patience=PATIENCE)
        if not self._fence():
            raise failures.NotLeader(f"{verb} {kind} {request.path} not sent: the lease is not ours")
        self._on_write(kind.kind, verb)
        if request.method != "DELETE":
            request = replace(request, query={"fieldManager": FIELD_MANAGER, **request.query})
        return _object(await self._carry(replace(request, timeout=WRITE_SECONDS)))

    async def _carry(self, request: Request) -> Response:
        response = await self._answer(replace(request, timeout=min(request.timeout, self._timeout)))
        if response.status < 400:
            return response
        raise self._heeded(failures.from_response(response))

    async def _answer(self, request: Request) -> Response:
        """The answer within the request's time, a login and a second try included."""
        try:
            async with asyncio.timeout(request.timeout):
                return await self._transport.request(request)
        except TimeoutError as error:
            raise failures.unreachable(error) from error

    async def _lines(self, request: Request) -> AsyncGenerator[bytes]:
        try:
            async for line in self._transport.stream(request):
                yield line
        except failures.ApiError as error:
            raise self._heeded(error) from None

    def _heeded(self, error: failures.ApiError) -> failures.ApiError:
        """`error`, after everybody was told to wait when it is a 429."""
        if isinstance(error, failures.TooManyRequests):
            self._limiter.hold_off(error.retry_after or DEFAULT_RETRY_AFTER)
        return error

    async def _pages(self, kind: Kind, wanted: Selection, limit: int) -> Listing:
        accept = transport.PARTIAL_LIST if wanted.metadata_only else transport.JSON
        query = wanted.query() | ({"limit": str(limit)} if limit else {})
        items: list[Body] = []
        while True:
            await self._limiter.acquire()
            request = Request("GET", kind.path(wanted.namespace), query, accept=accept)
            page = _object(await self._carry(request))
            items += [_listed(kind, item) for item in page.get("items") or []]
            metadata = page.get("metadata") or {}
            if not metadata.get("continue"):
                return Listing(items, metadata.get("resourceVersion") or "")
            query = query | {"continue": metadata["continue"]}


def _bytes(body: Body) -> bytes:
    """The body byte for byte as the server itself writes it.

    It compares the data of a ControllerRevision, which must not change, as bytes: written in any other way, every
    patch of the object's metadata would be refused.
    """
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_ESCAPED_BY_GO).encode()


def _json_request(method: str, path: str, body: Body) -> Request:
    return Request(method, path, {}, _bytes(body))


def _object(response: Response) -> Body:
    body: Body = json.loads(response.body)
    return body


def _listed(kind: Kind, body: Body) -> Body:
    """What only the API server needs is dropped page by page: a start reads thousands of objects at once."""
    return objects.without_managed_fields(_named(kind, body))


def _named(kind: Kind, body: Body) -> Body:
    """Lists leave out what each item is."""
    return {**body, "apiVersion": kind.api_version, "kind": kind.kind}


def _event(kind: Kind, line: bytes) -> tuple[str, Body]:
    event = json.loads(line)
    if event["type"] == "ERROR":
        raise failures.from_status(event["object"])
    return event["type"], _named(kind, event["object"])
