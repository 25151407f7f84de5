"""A client of one API server: dictionaries in, dictionaries out, errors of the tree in `failures`.

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
from seatrial.kube.encoding import encode
from seatrial.kube.limiter import Limiter
from seatrial.kube.transport import Request, Response, Transport

FIELD_MANAGER: Final = names.FIELD_MANAGER
STRICT: Final[Mapping[str, str]] = {"fieldValidation": "Strict"}
DEFAULT_RETRY_AFTER: Final = 1.0
WATCH_SECONDS: Final = 290.0
"""The server ends a watch after this time; the informer continues with another one."""
WATCH_GRACE: Final = 15.0
"""Seconds that a watch may outlast the time-out that the server was asked for."""
WRITE_SECONDS: Final = 5.0
"""A write that is sent just before the lease's deadline ends before another process may hold the lease."""
LONGEST_WAIT: Final = 5.0
"""Seconds of a pause that a write or a get waits for; in a longer pause it fails, and the pass is retried."""

OnWrite = Callable[[str, str], None]
"""Receives kind and verb of every write before it is sent."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A collection at one version; a watch continues from `resource_version`."""

    items: list[Body]
    resource_version: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a kind to list or watch; all of them by default."""

    namespace: str = ""
    labels: str = ""
    fields: str = ""
    metadata_only: bool = False

    def query(self) -> dict[str, str]:
        """Return the selectors as query parameters."""
        selectors = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {name: value for name, value in selectors.items() if value}


def _ignore_write(_kind: str, _verb: str) -> None:
    """The default of `on_write`."""


class Client:
    """A client of one API server. `fence` returns whether this process may write; `timeout` is in seconds."""

    def __init__(
        self,
        http: Transport,
        limiter: Limiter,
        fence: Callable[[], bool],
        *,
        on_write: OnWrite = _ignore_write,
        timeout: float = 30.0,
    ) -> None:
        self._http = http
        self._limiter = limiter
        self._fence = fence
        self._on_write = on_write
        self._timeout = timeout

    # reading

    async def get(self, kind: Kind, namespace: str, name: str) -> Body:
        """Return the object; raise `NotFound` if there is none."""
        await self._limiter.acquire(longest_wait=LONGEST_WAIT)
        return _object(await self._send(Request("GET", kind.path(namespace, name))))

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
        """Return all objects that match, in pages of `limit`, with apiVersion and kind, without managedFields."""
        selection = Selection(namespace or "", labels, fields, metadata_only)
        try:
            return await self._pages(kind, selection, limit)
        except failures.Gone:
            # The server forgot the version of the first page before the last one was read: one large page instead.
            return await self._pages(kind, selection, 0)

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
        """Yield ADDED, MODIFIED, DELETED and BOOKMARK events after `resource_version` until the server ends the watch.

        Raise `Gone` if the server no longer has that version.
        """
        selection = Selection(namespace or "", labels, fields, metadata_only)
        query = selection.query() | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(int(WATCH_SECONDS)),
        }
        accept = transport.PARTIAL_OBJECT if metadata_only else transport.JSON
        request = Request(
            "GET", kind.path(selection.namespace), query, accept=accept, timeout=WATCH_SECONDS + WATCH_GRACE
        )
        await self._limiter.acquire()
        async with aclosing(self._lines(request)) as lines:
            async for line in lines:
                yield _event(kind, line)

    async def raw_get(
        self, path: str, *, query: Mapping[str, str] | None = None, within: float = 0.0
    ) -> bytes:
        """Return the bytes of any path of the API server, for example of its pod proxy, `within` so many seconds.

        A 429 may come from a pod: it pauses no other request.
        """
        request = Request("GET", path, query or {}, accept="*/*", timeout=within or self._timeout)
        await self._limiter.acquire(longest_wait=LONGEST_WAIT)
        response = await self._response(request)
        if response.status < 400:
            return response.body
        raise failures.from_response(response)

    async def check(self, kind: Kind, body: Body) -> None:
        """Raise the error with which the API server would answer to a creation of the object; create nothing."""
        namespace, _ = objects.key_of(body)
        query = {"dryRun": "All", "fieldManager": FIELD_MANAGER, **STRICT}
        await self._limiter.acquire(longest_wait=LONGEST_WAIT)
        await self._send(Request("POST", kind.path(namespace), query, encode(body)))

    # writing

    async def create(self, kind: Kind, body: Body) -> Body:
        """Create the object and return it; raise `AlreadyExists` if the name is taken.

        Raise `Invalid` if it has a field that the kind does not have: by default the server would drop it.
        """
        namespace, _ = objects.key_of(body)
        request = replace(_json_request("POST", kind.path(namespace), body), query=STRICT)
        return await self._write("create", kind, request)

    async def replace(self, kind: Kind, body: Body) -> Body:
        """Replace the object and return it; raise `Conflict` if its resourceVersion is not the current one."""
        return await self._write("update", kind, _json_request("PUT", kind.path(*objects.key_of(body)), body))

    async def apply(self, kind: Kind, body: Body, *, force: bool = True) -> Body:
        """Apply `body` (server-side apply) and return the object; fields of our last apply that it lacks are removed.

        Raise `Conflict` if `body` has a `metadata.uid` or `metadata.resourceVersion` that does not match.
        """
        path = kind.path(*objects.key_of(body))
        request = Request("PATCH", path, {"force": str(force).lower()}, encode(body), transport.APPLY_PATCH)
        return await self._write("apply", kind, request)

    async def patch(self, kind: Kind, namespace: str, name: str, *, patch: Body) -> Body:
        """Apply a JSON merge patch and return the object."""
        request = Request("PATCH", kind.path(namespace, name), {}, encode(patch), transport.MERGE_PATCH)
        return await self._write("patch", kind, request)

    async def replace_status(self, kind: Kind, body: Body) -> Body:
        """Replace the status and return the object; raise `Conflict` unless its resourceVersion is current."""
        path = kind.path(*objects.key_of(body), "status")
        return await self._write("update_status", kind, _json_request("PUT", path, body))

    async def patch_status(self, kind: Kind, namespace: str, name: str, *, patch: Body) -> Body:
        """Apply a merge patch `{"status": …}` to the status and return the object."""
        path = kind.path(namespace, name, "status")
        request = Request("PATCH", path, {}, encode(patch), transport.MERGE_PATCH)
        return await self._write("patch_status", kind, request)

    async def scale(
        self, kind: Kind, namespace: str, name: str, *, replicas: int, resource_version: str = ""
    ) -> Body:
        """Set the replicas and return the Scale; raise `Conflict` if `resource_version` is not the current one."""
        patch: Body = {"spec": {"replicas": replicas}}
        if resource_version:
            patch["metadata"] = {"resourceVersion": resource_version}
        path = kind.path(namespace, name, "scale")
        request = Request("PATCH", path, {}, encode(patch), transport.MERGE_PATCH)
        return await self._write("scale", kind, request)

    async def delete(
        self, kind: Kind, namespace: str, name: str, *, uid: str = "", propagation: str = "Background"
    ) -> None:
        """Delete the object if it exists; raise `Conflict` if its uid is not `uid`."""
        options: Body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            await self._write("delete", kind, _json_request("DELETE", kind.path(namespace, name), options))
        except failures.NotFound:
            return

    # sending

    async def _write(self, verb: str, kind: Kind, request: Request) -> Body:
        await self._limiter.acquire(longest_wait=LONGEST_WAIT)
        if not self._fence():
            raise failures.NotLeader(f"{verb} {kind} {request.path} not sent: the lease is not ours")
        self._on_write(kind.kind, verb)
        if request.method != "DELETE":
            request = replace(request, query={"fieldManager": FIELD_MANAGER, **request.query})
        return _object(await self._send(replace(request, timeout=WRITE_SECONDS)))

    async def _send(self, request: Request) -> Response:
        """Return the response; raise the error that a status of 400 or more stands for."""
        response = await self._response(replace(request, timeout=min(request.timeout, self._timeout)))
        if response.status < 400:
            return response
        raise self._paused_by(failures.from_response(response))

    async def _response(self, request: Request) -> Response:
        """Return the response; the request's time-out includes a login and a second try."""
        try:
            async with asyncio.timeout(request.timeout):
                return await self._http.request(request)
        except TimeoutError as error:
            raise failures.unreachable(error) from error

    async def _lines(self, request: Request) -> AsyncGenerator[bytes]:
        try:
            async for line in self._http.stream(request):
                yield line
        except failures.ApiError as error:
            raise self._paused_by(error) from None

    def _paused_by(self, error: failures.ApiError) -> failures.ApiError:
        """Pause all requests if `error` is a 429; return `error`."""
        if isinstance(error, failures.TooManyRequests):
            self._limiter.pause(error.retry_after or DEFAULT_RETRY_AFTER)
        return error

    async def _pages(self, kind: Kind, selection: Selection, limit: int) -> Listing:
        accept = transport.PARTIAL_LIST if selection.metadata_only else transport.JSON
        query = selection.query() | ({"limit": str(limit)} if limit else {})
        items: list[Body] = []
        while True:
            await self._limiter.acquire()
            request = Request("GET", kind.path(selection.namespace), query, accept=accept)
            page = _object(await self._send(request))
            items += [_list_item(kind, item) for item in page.get("items") or []]
            metadata = page.get("metadata") or {}
            if not metadata.get("continue"):
                return Listing(items, metadata.get("resourceVersion") or "")
            query = query | {"continue": metadata["continue"]}


def _json_request(method: str, path: str, body: Body) -> Request:
    return Request(method, path, {}, encode(body))


def _object(response: Response) -> Body:
    body: Body = json.loads(response.body)
    return body


def _list_item(kind: Kind, body: Body) -> Body:
    """Drop managedFields page by page: at start-up thousands of objects are read at once."""
    return objects.without_managed_fields(_with_kind(kind, body))


def _with_kind(kind: Kind, body: Body) -> Body:
    """Add apiVersion and kind, which the items of a list lack."""
    return {**body, "apiVersion": kind.api_version, "kind": kind.kind}


def _event(kind: Kind, line: bytes) -> tuple[str, Body]:
    event = json.loads(line)
    if event["type"] == "ERROR":
        raise failures.from_status(event["object"])
    return event["type"], _with_kind(kind, event["object"])
