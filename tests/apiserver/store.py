"""What a fake API server remembers: the objects, and every change since the last compaction."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from seatrial.api.kinds import Kind
from seatrial.api.objects import Body, ObjectKey

FIRST_REVISION = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """One write: what stood there before and after; None for nothing."""

    revision: int
    before: Body | None
    after: Body | None


class Store:
    """Objects by kind and key. Bodies inside are never changed in place, only replaced."""

    def __init__(self) -> None:
        self.revision = FIRST_REVISION
        self.compacted = FIRST_REVISION
        """Changes up to here are forgotten."""
        self.on_change: list[Callable[[Kind, Change], None]] = []
        """Told of every change after it happened."""
        self._objects: dict[Kind, dict[ObjectKey, Body]] = defaultdict(dict)
        self._changes: dict[Kind, list[Change]] = defaultdict(list)
        self._owned: dict[str, set[tuple[Kind, ObjectKey]]] = defaultdict(set)
        """What names each uid as an owner."""
        self._waiting: dict[Kind, list[asyncio.Event]] = defaultdict(list)
        self._forgotten: dict[Kind, int] = {}

    def get(self, kind: Kind, key: ObjectKey) -> Body | None:
        """The object itself: look, do not touch."""
        return self._objects[kind].get(key)

    def all(self, kind: Kind, namespace: str = "") -> list[Body]:
        """The objects of a kind in the order of their keys."""
        objects = self._objects[kind]
        return [objects[key] for key in sorted(objects) if not namespace or key.namespace == namespace]

    def owned_by(self, uid: str) -> list[tuple[Kind, ObjectKey, Body]]:
        """The objects that name this uid as an owner, in the order of their keys."""
        found = sorted(self._owned.get(uid, ()), key=lambda pair: (pair[0].plural, pair[1]))
        return [(kind, key, self._objects[kind][key]) for kind, key in found]

    def everything(self) -> Iterator[tuple[Kind, ObjectKey, Body]]:
        """Every object there is."""
        for kind, objects in list(self._objects.items()):
            for key, body in list(objects.items()):
                yield kind, key, body

    def put(self, kind: Kind, key: ObjectKey, body: Body | None) -> Body:
        """`body` stands at `key` under a new resourceVersion, or nothing stands there; watches hear of it."""
        self.revision += 1
        before = self._objects[kind].get(key)
        after = None
        if body is None:
            self._objects[kind].pop(key, None)
        else:
            after = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.revision)}}
            self._objects[kind][key] = after
        self._note_owners(kind, key, before, after)
        change = Change(self.revision, before, after)
        self._changes[kind].append(change)
        self._tell(kind, change)
        return after if after is not None else self._last_words(before)

    def since(self, kind: Kind, revision: int) -> list[Change]:
        """The changes of a kind after `revision`."""
        changes = self._changes[kind]
        return changes[bisect_right(changes, revision, key=lambda change: change.revision) :]

    def forgotten(self, kind: Kind) -> int:
        """The revision of the newest change of a kind that `since` no longer tells."""
        return self._forgotten.get(kind, 0)

    def forget(self) -> None:
        """Only what is written from now on can be watched from."""
        self.compacted = self.revision
        self._forgotten |= {kind: changes[-1].revision for kind, changes in self._changes.items() if changes}
        self._changes.clear()

    def lose(self, kind: Kind, revision: int) -> None:
        """Watches never hear of the change that made `revision`."""
        self._changes[kind] = [change for change in self._changes[kind] if change.revision != revision]

    def listener(self, kind: Kind) -> asyncio.Event:
        """An event that is set at every change of a kind, until `dismiss`."""
        event = asyncio.Event()
        self._waiting[kind].append(event)
        return event

    def dismiss(self, kind: Kind, listener: asyncio.Event) -> None:
        """`listener` is set no more."""
        self._waiting[kind].remove(listener)

    def wake(self) -> None:
        """Every listener looks again."""
        for waiting in self._waiting.values():
            for event in waiting:
                event.set()

    def _note_owners(self, kind: Kind, key: ObjectKey, before: Body | None, after: Body | None) -> None:
        for uid in _owners(before) - _owners(after):
            self._owned[uid].discard((kind, key))
        for uid in _owners(after):
            self._owned[uid].add((kind, key))

    def _tell(self, kind: Kind, change: Change) -> None:
        for listener in list(self.on_change):
            listener(kind, change)
        for event in self._waiting[kind]:
            event.set()

    def _last_words(self, before: Body | None) -> Body:
        """A deleted object as its watchers see it: under the revision of its deletion."""
        gone: Body = {**(before or {}), "metadata": {**(before or {}).get("metadata", {})}}
        gone["metadata"]["resourceVersion"] = str(self.revision)
        return gone


def _owners(body: Body | None) -> set[str]:
    return {owner.get("uid", "") for owner in (body or {}).get("metadata", {}).get("ownerReferences") or []}
