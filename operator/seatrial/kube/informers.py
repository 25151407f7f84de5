"""A copy of the objects of one kind, kept by a list and a watch, and told of at every change."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Hashable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from seatrial.api import objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body, ObjectKey
from seatrial.kube import failures
from seatrial.kube.client import Client, Listing, Selection

log = logging.getLogger(__name__)

FIRST_BACK_OFF: Final = 0.5
LAST_BACK_OFF: Final = 30.0
SHORTEST_WATCH: Final = 1.0
"""A watch that ends sooner counts as a failure, so that a server that ends them at once is not stormed."""

OnEvent = Callable[[str, Body], None]
Trim = Callable[[Body], Body]
IndexBy = Callable[[Body], Hashable | None]


@dataclass(frozen=True, slots=True)
class Habits:
    """How an informer keeps its copy. `clock` is monotonic seconds, `jitter` gives numbers from 0 to 1."""

    clock: Callable[[], float]
    jitter: Callable[[], float] = random.random
    trim: Trim = lambda body: body
    """What is kept of an object."""
    index_by: IndexBy = lambda _: None
    """The key under which `indexed` finds an object; None leaves it out."""
    page: int = 500


def version_alone(body: Body) -> Body:
    """Which object it is and how new: all that is kept where only that matters."""
    head = body["metadata"]
    parts = ("namespace", "name", "uid", "resourceVersion")
    return {"metadata": {part: head[part] for part in parts if part in head}}


class Informer:
    """Objects of `kind` that `selection` chooses. `run` never ends by itself.

    `on_event` hears ADDED, MODIFIED and DELETED, of deletions that were missed as well, and of own writes.
    """

    def __init__(
        self,
        client: Client,
        kind: Kind,
        on_event: OnEvent,
        *,
        habits: Habits,
        selection: Selection | None = None,
    ) -> None:
        self.kind = kind
        self.store: dict[ObjectKey, Body] = {}
        self.synced = asyncio.Event()
        """Set once the first list is in the store."""
        self.restarts = 0
        """How often it had to list again or was refused."""
        self._client = client
        self._selection = selection or Selection()
        self._on_event = on_event
        self._habits = habits
        self._index: dict[Hashable, set[ObjectKey]] = defaultdict(set)
        self._version = ""
        self._deleted: dict[str, str] = {}
        """Uids that own deletions ended, with the version last seen."""
        self._heard_at = habits.clock()
        self._failures = 0
        self._refusal = ""
        """What the log said last of why the server does not answer; empty while it does."""

    def last_event_age(self) -> float:
        """Seconds since the server last said anything, a bookmark or the end of a watch included."""
        return self._habits.clock() - self._heard_at

    def get(self, namespace: str, name: str) -> Body | None:
        """The object as last seen."""
        return self.store.get(ObjectKey(namespace, name))

    def indexed(self, key: Hashable) -> list[Body]:
        """The objects with this index key, by name."""
        return [self.store[found] for found in sorted(self._index.get(key, ()))]

    async def run(self) -> None:
        """Keeps the copy true until cancelled."""
        while True:
            try:
                await self._round()
            except failures.Gone:
                self._version = ""
                self.restarts += 1
                await self._back_off()
            except failures.ApiError as error:
                self.restarts += 1
                self._complain(error)
                await self._back_off()

    def observe_write(self, body: Body) -> None:
        """What an own create or change answered is in the store, unless something newer is."""
        if self._chooses(body):
            self._merge(body)

    def observe_delete(self, namespace: str, name: str, *, uid: str = "") -> None:
        """An object that an own delete ended is not in the store, unless it is another of that name."""
        known = self.get(namespace, name)
        if known is None or (uid and objects.uid_of(known) != uid):
            return
        if known["metadata"].get("finalizers"):
            return
        self._deleted[objects.uid_of(known)] = objects.version_of(known)
        self._drop(ObjectKey(namespace, name), known)

    async def _round(self) -> None:
        """One list where it is needed, and one watch."""
        if not self._version:
            self._replace(await self._list())
        began = self._habits.clock()
        events = self._client.watch(
            self.kind,
            self._selection.namespace,
            resource_version=self._version,
            labels=self._selection.labels,
            fields=self._selection.fields,
            metadata_only=self._selection.metadata_only,
        )
        async with aclosing(events):
            async for event, body in events:
                self._hear()
                self._take(event, body)
        self._works()
        if self._heard_at - began < SHORTEST_WATCH:
            await self._back_off()
        else:
            self._failures = 0

    async def _list(self) -> Listing:
        chosen = self._selection
        return await self._client.list(
            self.kind,
            chosen.namespace,
            labels=chosen.labels,
            fields=chosen.fields,
            limit=self._habits.page,
            metadata_only=chosen.metadata_only,
        )

    def _replace(self, listing: Listing) -> None:
        """The store is what the server has: what it lacks was deleted while nobody looked."""
        self._works()
        present = {objects.key_of(body) for body in listing.items}
        for key, body in list(self.store.items()):
            if key not in present and not objects.is_newer(
                objects.version_of(body), listing.resource_version
            ):
                self._drop(key, body)
        for body in listing.items:
            self._merge(body)
        self._deleted.clear()
        self._version = listing.resource_version
        self.synced.set()

    def _take(self, event: str, body: Body) -> None:
        self._version = objects.version_of(body) or self._version
        match event:
            case "DELETED":
                self._take_deletion(body)
            case "ADDED" | "MODIFIED":
                self._merge(body)

    def _take_deletion(self, body: Body) -> None:
        self._deleted.pop(objects.uid_of(body), None)
        key = objects.key_of(body)
        known = self.store.get(key)
        if known is not None and objects.uid_of(known) == objects.uid_of(body):
            self._drop(key, body)

    def _merge(self, body: Body) -> None:
        """`body` is in the store unless something newer stands there, or our own hand deleted it."""
        key, uid = objects.key_of(body), objects.uid_of(body)
        if uid in self._deleted:
            return
        known = self.store.get(key)
        if known is None:
            self._keep("ADDED", key, body)
            return
        if objects.uid_of(known) != uid and objects.is_newer(
            objects.version_of(body), objects.version_of(known)
        ):
            self._drop(key, known)
            self._keep("ADDED", key, body)
        elif objects.is_newer(objects.version_of(body), objects.version_of(known)):
            self._keep("MODIFIED", key, body)

    def _keep(self, event: str, key: ObjectKey, body: Body) -> None:
        kept, known = self._habits.trim(body), self.store.get(key)
        index_key = self._habits.index_by(kept)
        if known is not None and self._habits.index_by(known) != index_key:
            self._drop(key, known)  # who had it has lost it
        self.store[key] = kept
        if index_key is not None:
            self._index[index_key].add(key)
        self._on_event(event, kept)

    def _drop(self, key: ObjectKey, last: Body) -> None:
        self._unindex(key, self.store.pop(key))
        self._on_event("DELETED", self._habits.trim(last))

    def _unindex(self, key: ObjectKey, body: Body) -> None:
        index_key = self._habits.index_by(body)
        if index_key is None:
            return
        self._index[index_key].discard(key)
        if not self._index[index_key]:
            del self._index[index_key]

    def _chooses(self, body: Body) -> bool:
        """Whether the watch would show an own write. Only equalities of labels are judged here."""
        namespace = self._selection.namespace
        if namespace and objects.key_of(body).namespace != namespace:
            return False
        labels = objects.labels_of(body)
        return all(_holds(term, labels) for term in self._selection.labels.split(",") if term)

    def _hear(self) -> None:
        self._works()
        self._failures = 0

    def _works(self) -> None:
        """The server has answered; the log says so where it said before that it does not."""
        self._heard_at = self._habits.clock()
        if self._refusal:
            log.info("a watch works again", extra={"kind": str(self.kind), "after": self._refusal})
        self._refusal = ""

    def _complain(self, error: failures.ApiError) -> None:
        """The log says why nothing is heard: once, and again when the reason is another."""
        refusal = f"{error.status} {error.reason}"
        if refusal != self._refusal:
            log.warning("a watch does not work", extra={"kind": str(self.kind), "error": str(error)})
        self._refusal = refusal

    async def _back_off(self) -> None:
        """Waits, longer each time until the server speaks again, never longer than the cap."""
        longest = min(LAST_BACK_OFF, FIRST_BACK_OFF * 2 ** min(self._failures, 16))
        self._failures += 1
        await asyncio.sleep(longest * (0.5 + 0.5 * self._habits.jitter()))


def _holds(term: str, labels: dict[str, str]) -> bool:
    key, sign, value = term.partition("=")
    return labels.get(key) == value if sign else key in labels
