"""A client of one API server: dictionaries in, dictionaries out, errors of the tree in `failures`.

Every write checks the fence first, so that a process that lost its lease writes nothing.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Final

from seatrial.api import names, objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from seatrial.kube import decoding, failures, transport
from seatrial.kube.encoding import encode
from seatrial.kube.limiter import Limiter
from seatrial.kube.sender import Sender, Write
from seatrial.kube.transport import Request, Response, Transport

FIELD_MANAGER: Final = names.FIELD_MANAGER
STRICT: Final[Mapping[str, str]] = {"fieldValidation": "Strict"}
WATCH_SECONDS: Final = 290.0
"""The server ends a watch after this time; the informer continues with another one."""
WATCH_GRACE: Final = 15.0
"""Seconds that a watch may outlast the time-out that the server was asked for."""

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


class Client:
    """A client of one API server. `fence` returns whether this process may write.

    No request takes longer than `longest` seconds; without it each verb has a time-out of its own.
    """

    def __init__(
        self,
        http: Transport,
        limiter: Limiter,
        fence: Callable[[], bool],
        *,
        on_write: OnWrite = lambda _kind, _verb: None,
        longest: float = math.inf,
    ) -> None:
        self._sender = Sender(http, limiter, fence, longest=longest)
        self._on_write = on_write

    # reading

    async def get(self, kind: Kind, namespace: str, name: str, *, metadata_only: bool = False) -> Body:
        """Return the object; raise `NotFound` if there is none."""
        accept = transport.PARTIAL_OBJECT if metadata_only else transport.JSON
        request = Request("GET", kind.path(namespace, name), accept=accept)
        return _object(await self._sender.read(f"get {kind.kind}", request))

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
        async with aclosing(self._sender.lines(request)) as lines:
            async for line in lines:
                yield _event(kind, line)

    async def raw_get(
        self, path: str, *, query: Mapping[str, str] | None = None, within: float = 0.0, accept: str = "*/*"
    ) -> bytes:
        """Return the bytes of any path of the API server, for example of its pod proxy, `within` so many seconds.

        A 429 may come from a pod: it pauses no other request.
        """
        request = Request("GET", path, query or {}, accept=accept)
        return (await self._sender.read_through(request, within=within)).body

    async def check(self, kind: Kind, body: Body) -> None:
        """Raise the error with which the API server would answer to a creation of the object; create nothing."""
        namespace, _ = objects.key_of(body)
        query = {"dryRun": "All", "fieldManager": FIELD_MANAGER, **STRICT}
        await self._sender.read(
            f"check {kind.kind}", Request("POST", kind.path(namespace), query, encode(body))
        )

    # writing

    async def create(self, kind: Kind, body: Body) -> Body:
        """Create the object and return it; raise `AlreadyExists` if the name is taken.

        Raise `Invalid` if it has a field that the kind does not have: by default the server would drop it. After a try
        whose outcome is unknown the object is looked for first.
        """
        namespace, name = objects.key_of(body)
        path = kind.path(namespace, name) if name else ""
        if self._sender.is_unsettled(path):
            await self._check_absent(kind, namespace, name)
        request = replace(_json_request("POST", kind.path(namespace), body), query=STRICT)
        return await self._write("create", kind, request, path)

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
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: str = "Background",
    ) -> None:
        """Delete the object if it exists; raise `Conflict` if it has another uid or version than is given."""
        known = {"uid": uid, "resourceVersion": resource_version}
        options: Body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        options["preconditions"] = {name: value for name, value in known.items() if value}
        with suppress(failures.NotFound):
            await self._write("delete", kind, _json_request("DELETE", kind.path(namespace, name), options))

    # sending

    async def _write(self, verb: str, kind: Kind, request: Request, path: str | None = None) -> Body:
        """Send a write of the object at `path`, by default that of the request."""
        if request.method != "DELETE":
            request = replace(request, query={"fieldManager": FIELD_MANAGER, **request.query})
        write = Write(
            operation=f"{verb} {kind.kind}", path=request.path if path is None else path, request=request
        )
        return _object(await self._sender.write(write, lambda: self._on_write(kind.kind, verb)))

    async def _check_absent(self, kind: Kind, namespace: str, name: str) -> None:
        """Raise `AlreadyExists` if the object is there: the first try to create it has been carried out."""
        try:
            await self.get(kind, namespace, name)
        except failures.NotFound:
            return
        raise failures.AlreadyExists(409, "AlreadyExists", f'{kind} "{name}" already exists')

    async def _pages(self, kind: Kind, selection: Selection, limit: int) -> Listing:
        accept = transport.PARTIAL_LIST if selection.metadata_only else transport.JSON
        query = selection.query() | ({"limit": str(limit)} if limit else {})
        items: list[Body] = []
        while True:
            request = Request("GET", kind.path(selection.namespace), query, accept=accept)
            page = _object(await self._sender.read_page(request))
            items += [_list_item(kind, item) for item in page.get("items") or []]
            metadata = page.get("metadata") or {}
            if not metadata.get("continue"):
                return Listing(items, metadata.get("resourceVersion") or "")
            query = query | {"continue": metadata["continue"]}


def _json_request(method: str, path: str, body: Body) -> Request:
    return Request(method, path, {}, encode(body))


def _object(response: Response) -> Body:
    body: Body = decoding.decode(response.body)
    return body


def _list_item(kind: Kind, body: Body) -> Body:
    """Drop managedFields page by page: at start-up thousands of objects are read at once."""
    return objects.without_managed_fields(_with_kind(kind, body))


def _with_kind(kind: Kind, body: Body) -> Body:
    """Add apiVersion and kind, which the items of a list lack."""
    return {**body, "apiVersion": kind.api_version, "kind": kind.kind}


def _event(kind: Kind, line: bytes) -> tuple[str, Body]:
    event = decoding.decode(line)
    if event["type"] == "ERROR":
        raise failures.from_status(event["object"])
    return event["type"], _with_kind(kind, event["object"])
