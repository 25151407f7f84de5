"""List and watch on a fake API server: pages of a collection, and watches from a resourceVersion."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Final

from seatrial.api.objects import Body
from seatrial.kube import failures
from seatrial.kube.transport import Request
from tests.apiserver import selectors
from tests.apiserver.faults import Faults
from tests.apiserver.routes import Route
from tests.apiserver.store import Change, Store

BOOKMARK_INTERVAL: Final = 60.0
EXPIRED: Final = "The provided continue parameter is too old to display a consistent list result."


@dataclass(slots=True)
class CollectionReader:
    """Responds to GET requests on the collections of one store."""

    store: Store
    faults: Faults
    _pages: dict[str, tuple[int, list[Body]]] = field(default_factory=dict)
    _tokens: int = 0

    def page(self, route: Route, request: Request) -> Body:
        """Return one page of the collection, with a continue token for the next one."""
        kind = route.resource.kind
        revision, items = self._items(route, request)
        limit = int(request.query.get("limit") or 0)
        metadata: Body = {"resourceVersion": str(revision)}
        if limit and len(items) > limit:
            metadata |= {"continue": self._token(revision, items[limit:])}
            metadata |= {"remainingItemCount": len(items) - limit}
            items = items[:limit]
        partial = is_partial(request)
        return {
            "apiVersion": "meta.k8s.io/v1" if partial else kind.api_version,
            "kind": "PartialObjectMetadataList" if partial else f"{kind.kind}List",
            "metadata": metadata,
            "items": [encoded(item, partial=partial, in_list=not route.resource.custom) for item in items],
        }

    async def watch(self, route: Route, request: Request) -> AsyncGenerator[bytes]:
        """Yield the events after the requested version, until the time-out or a broken connection."""
        start = int(request.query.get("resourceVersion") or self.store.revision)
        if start < self.store.compacted:
            yield _line("ERROR", _too_old(start, self.store.compacted))
            return
        listener = self.store.add_listener(route.resource.kind)
        try:
            async for line in self._events(route, request, start, listener):
                yield line
        finally:
            self.store.remove_listener(route.resource.kind, listener)

    async def _events(
        self, route: Route, request: Request, revision: int, listener: asyncio.Event
    ) -> AsyncGenerator[bytes]:
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + float(request.query.get("timeoutSeconds") or 1800)
        sends_bookmarks = request.query.get("allowWatchBookmarks") == "true"
        selection = _WatchSelection(route, request)
        connection = self.faults.watch_generation
        while True:
            listener.clear()
            if self.faults.unreachable or connection != self.faults.watch_generation:
                raise failures.Unavailable(0, "NetworkError", "the watch was cut")
            if revision < self.store.compacted_revision(route.resource.kind):
                yield _line("ERROR", _too_old(revision, self.store.compacted))
                return
            for change in self.store.since(route.resource.kind, revision):
                revision = change.revision
                for line in selection(change):
                    yield line
            left = ends_at - loop.time()
            if not await _is_notified(listener, min(BOOKMARK_INTERVAL, left)):
                if sends_bookmarks:
                    yield _line("BOOKMARK", _bookmark(route, self.store.revision))
                if left <= BOOKMARK_INTERVAL:
                    return  # do not read the clock again: a timer may fire slightly early

    def _items(self, route: Route, request: Request) -> tuple[int, list[Body]]:
        token = request.query.get("continue")
        if token is None:
            query = request.query
            matches = selectors.matcher(query.get("labelSelector", ""), query.get("fieldSelector", ""))
            return self.store.revision, [
                b for b in self.store.all(route.resource.kind, route.namespace) if matches(b)
            ]
        revision, items = self._pages.pop(token, (0, []))
        if revision < self.store.compacted:
            raise failures.Gone(410, "Expired", EXPIRED)
        return revision, items

    def _token(self, revision: int, items: list[Body]) -> str:
        self._tokens += 1
        token = f"page-{self._tokens}"
        self._pages[token] = (revision, items)
        return token


class _WatchSelection:
    """The events of one watch for a change: objects enter its selection and leave it."""

    def __init__(self, route: Route, request: Request) -> None:
        self._namespace = route.namespace
        self._partial = is_partial(request)
        query = request.query
        self._matches: Callable[[Body], bool] = selectors.matcher(
            query.get("labelSelector", ""), query.get("fieldSelector", "")
        )

    def __call__(self, change: Change) -> list[bytes]:
        was_selected, is_selected = self._selects(change.before), self._selects(change.after)
        if is_selected and change.after is not None:
            return [
                _line("MODIFIED" if was_selected else "ADDED", encoded(change.after, partial=self._partial))
            ]
        if was_selected and change.before is not None:
            last = change.after or change.before
            metadata = {**last["metadata"], "resourceVersion": str(change.revision)}
            return [_line("DELETED", encoded({**last, "metadata": metadata}, partial=self._partial))]
        return []

    def _selects(self, body: Body | None) -> bool:
        if body is None or (self._namespace and body["metadata"].get("namespace") != self._namespace):
            return False
        return self._matches(body)


async def _is_notified(listener: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await listener.wait()
    except TimeoutError:
        return False
    return True


def is_partial(request: Request) -> bool:
    return "as=PartialObjectMetadata" in request.accept


def encoded(body: Body, *, partial: bool, in_list: bool = False) -> Body:
    """Return as much of the object as was requested; items of typed lists have no apiVersion and kind."""
    if partial:
        return {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": body["metadata"]}
    return {k: v for k, v in body.items() if k not in ("apiVersion", "kind")} if in_list else body


def _bookmark(route: Route, revision: int) -> Body:
    kind = route.resource.kind
    metadata = {"resourceVersion": str(revision), "creationTimestamp": None}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}


def _too_old(requested: int, oldest: int) -> Body:
    message = f"too old resource version: {requested} ({oldest})"
    return {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "code": 410,
        "reason": "Expired",
        "message": message,
    }


def _line(event: str, body: Body) -> bytes:
    return json.dumps({"type": event, "object": body}, separators=(",", ":")).encode()
