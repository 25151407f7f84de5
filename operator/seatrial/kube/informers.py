"""Keeps a copy of the objects of one kind up to date by a list and a watch, and reports every change."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Callable, Hashable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from seatrial.api import objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body, ObjectKey
from seatrial.kube import failures, transport
from seatrial.kube.client import Client, Listing, Selection
from seatrial.kube.store import Change, IndexBy, ObjectStore, Trim

log = logging.getLogger(__name__)

FIRST_BACKOFF: Final = 0.5
LAST_BACKOFF: Final = 30.0
SHORTEST_WATCH: Final = 1.0
"""A watch that ends sooner counts as failed, so that a server that ends watches at once is not flooded."""

OnEvent = Callable[[str, Body], None]
"""Receives ADDED, MODIFIED or DELETED and the trimmed object."""


@dataclass(frozen=True, slots=True)
class InformerConfig:
    """How an informer keeps its copy. `clock` returns monotonic seconds, `jitter` numbers from 0 to 1."""

    clock: Callable[[], float]
    jitter: Callable[[], float] = random.random
    trim: Trim = objects.without_managed_fields
    """Returns the part of an object that is kept."""
    index_by: IndexBy = lambda _: None
    """Returns the key under which `indexed` finds an object; None leaves it out."""
    page_size: int = 500


def version_only(body: Body) -> Body:
    """Return only the identity and the version of an object."""
    metadata = body["metadata"]
    fields = ("namespace", "name", "uid", "resourceVersion")
    return {"metadata": {field: metadata[field] for field in fields if field in metadata}}


class Informer:
    """The objects of `kind` in `selection`. `run` never returns.

    `on_event` is called for every change of the copy, also for deletions that the watch missed and for own writes.
    """

    def __init__(
        self,
        client: Client,
        kind: Kind,
        on_event: OnEvent,
        *,
        config: InformerConfig,
        selection: Selection | None = None,
    ) -> None:
        self.kind = kind
        self.store = ObjectStore(trim=config.trim, index_by=config.index_by)
        self.synced = asyncio.Event()
        """Set once the first list is in the store."""
        self._client = client
        self._selection = selection or Selection()
        self._on_event = on_event
        self._config = config
        self._version = ""
        """Where the next watch continues; empty when a new list is needed."""
        self._newest = ""
        """The newest version that the server ever told."""
        self._last_contact = config.clock()
        self._failures = 0
        self._logged_error = ""
        """The error that was logged last; empty while the server answers."""

    @property
    def is_failing(self) -> bool:
        """Whether the last list or watch failed, and the server has not answered since."""
        return bool(self._logged_error)

    def last_event_age(self) -> float:
        """Return the seconds since the server last sent anything, bookmarks and the end of a watch included."""
        return self._config.clock() - self._last_contact

    def get(self, namespace: str, name: str) -> Body | None:
        """Return the object as last seen, or None."""
        return self.store.get(ObjectKey(namespace, name))

    def indexed(self, key: Hashable) -> list[Body]:
        """Return the objects with this index key, sorted by name."""
        return self.store.indexed(key)

    async def run(self) -> None:
        """Keep the copy up to date until cancelled."""
        while True:
            try:
                await self._list_and_watch()
            except failures.Gone:
                self._version = ""
                await self._back_off()
            except failures.ApiError as error:
                self._log_error(error)
                await self._back_off()

    def observe_write(self, body: Body, *, notify: bool = True) -> None:
        """Put the answer to an own write into the store unless a newer version is there.

        `on_event` is called if `notify`; the event of the watch that follows is no change any more.
        """
        changes = self.store.upsert(body) if self._selects(body) else []
        if notify:
            self._report(changes)

    def observe_delete(self, namespace: str, name: str, *, uid: str = "") -> None:
        """Remove an object that this process deleted from the store, unless another one has its name."""
        self._report(self.store.delete_own(ObjectKey(namespace, name), uid=uid))

    async def _list_and_watch(self) -> None:
        """List if a list is needed, then watch until the server ends the watch."""
        if self._version and await self._has_gone_back():
            self._version = ""
        if not self._version:
            listing = await self._list()
            self._mark_contact()
            if _is_older(listing.resource_version, self._newest):
                log.warning("the API server was restored from a backup", extra={"kind": str(self.kind)})
                self.store.forget_versions()
            self._report(self.store.replace(listing.items, listing.resource_version))
            self._version = self._newest = listing.resource_version
            self.synced.set()
        began = self._config.clock()
        await self._watch()
        self._mark_contact()
        if self._last_contact - began < SHORTEST_WATCH:
            await self._back_off()
        else:
            self._failures = 0

    async def _has_gone_back(self) -> bool:
        """Return whether the server is at an older version than this copy, as after etcd was restored from a backup.

        A watch from a version of its future would be accepted, and stay silent until that version comes.
        """
        selection = self._selection
        query = selection.query() | {"limit": "1"}
        path = self.kind.path(selection.namespace)
        page = json.loads(await self._client.raw_get(path, query=query, accept=transport.PARTIAL_LIST))
        return _is_older((page.get("metadata") or {}).get("resourceVersion") or "", self._newest)

    async def _list(self) -> Listing:
        selection = self._selection
        return await self._client.list(
            self.kind,
            selection.namespace,
            labels=selection.labels,
            fields=selection.fields,
            limit=self._config.page_size,
            metadata_only=selection.metadata_only,
        )

    async def _watch(self) -> None:
        selection = self._selection
        events = self._client.watch(
            self.kind,
            selection.namespace,
            resource_version=self._version,
            labels=selection.labels,
            fields=selection.fields,
            metadata_only=selection.metadata_only,
        )
        async with aclosing(events):
            async for event, body in events:
                self._mark_contact()
                self._failures = 0
                self._apply_event(event, body)

    def _apply_event(self, event: str, body: Body) -> None:
        version = objects.version_of(body) or self._version
        if _is_older(version, self._newest):
            raise failures.Gone(410, "Gone", f"version {version} follows {self._newest}")
        self._version = self._newest = version
        match event:
            case "DELETED":
                self._report(self.store.delete(body))
            case "ADDED" | "MODIFIED":
                self._report(self.store.upsert(body))

    def _report(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self._on_event(change.event, change.body)

    def _selects(self, body: Body) -> bool:
        """Return whether the watch would report this object. Only equality of labels is supported here."""
        namespace = self._selection.namespace
        if namespace and objects.key_of(body).namespace != namespace:
            return False
        labels = objects.labels_of(body)
        return all(_matches(term, labels) for term in self._selection.labels.split(",") if term)

    def _mark_contact(self) -> None:
        """Note that the server has answered; log it if the last thing logged was an error."""
        self._last_contact = self._config.clock()
        if self._logged_error:
            log.info("watch recovered", extra={"kind": str(self.kind), "after": self._logged_error})
        self._logged_error = ""

    def _log_error(self, error: failures.ApiError) -> None:
        """Log why list or watch fails: once, and again when the error is a different one."""
        summary = f"{error.status} {error.reason}"
        if summary != self._logged_error:
            log.warning("watch failed", extra={"kind": str(self.kind), "error": str(error)})
        self._logged_error = summary

    async def _back_off(self) -> None:
        """Sleep: longer after every failure in a row, with jitter, at most `LAST_BACKOFF` seconds."""
        longest = min(LAST_BACKOFF, FIRST_BACKOFF * 2 ** min(self._failures, 16))
        self._failures += 1
        await asyncio.sleep(longest * (0.5 + 0.5 * self._config.jitter()))


def _is_older(version: str, than: str) -> bool:
    """Return whether both are versions that can be compared, and `version` is the older one."""
    return version.isdigit() and than.isdigit() and int(version) < int(than)


def _matches(term: str, labels: dict[str, str]) -> bool:
    key, sign, value = term.partition("=")
    return labels.get(key) == value if sign else key in labels
