"""The storage of a fake API server: the objects, and every change since the last compaction."""

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
    """One write: the object before and after it; None for a creation or a deletion."""

    revision: int
    before: Body | None
    after: Body | None


class Store:
    """Objects by kind and key. Stored bodies are never changed in place, only replaced."""

    def __init__(self) -> None:
        self.revision = FIRST_REVISION
        self.compacted = FIRST_REVISION
        """Changes up to this revision have been compacted."""
        self.on_change: list[Callable[[Kind, Change], None]] = []
        """Called after every change."""
        self._objects: dict[Kind, dict[ObjectKey, Body]] = defaultdict(dict)
        self._changes: dict[Kind, list[Change]] = defaultdict(list)
        self._owned: dict[str, set[tuple[Kind, ObjectKey]]] = defaultdict(set)
        """The objects that name each uid as an owner."""
        self._listeners: dict[Kind, list[asyncio.Event]] = defaultdict(list)
        self._compacted: dict[Kind, int] = {}

    def get(self, kind: Kind, key: ObjectKey) -> Body | None:
        """Return the stored object, which must not be changed."""
        return self._objects[kind].get(key)

    def all(self, kind: Kind, namespace: str = "") -> list[Body]:
        """Return the objects of a kind, sorted by key."""
        objects = self._objects[kind]
        return [objects[key] for key in sorted(objects) if not namespace or key.namespace == namespace]

    def owned_by(self, uid: str) -> list[tuple[Kind, ObjectKey, Body]]:
        """Return the objects that name this uid as an owner, sorted by key."""
        found = sorted(self._owned.get(uid, ()), key=lambda pair: (pair[0].plural, pair[1]))
        return [(kind, key, self._objects[kind][key]) for kind, key in found]

    def everything(self) -> Iterator[tuple[Kind, ObjectKey, Body]]:
        """Yield every object."""
        for kind, objects in list(self._objects.items()):
            for key, body in list(objects.items()):
                yield kind, key, body

    def put(self, kind: Kind, key: ObjectKey, body: Body | None) -> Body:
        """Store `body` under a new resourceVersion, or delete the object when it is None; notify the watches."""
        self.revision += 1
        before = self._objects[kind].get(key)
        after = None
        if body is None:
            self._objects[kind].pop(key, None)
        else:
            after = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.revision)}}
            self._objects[kind][key] = after
        self._index_owners(kind, key, before, after)
        change = Change(self.revision, before, after)
        self._changes[kind].append(change)
        self._notify(kind, change)
        return after if after is not None else self._deleted_object(before)

    def backup(self) -> tuple[int, dict[Kind, dict[ObjectKey, Body]]]:
        """Return all objects as they are now."""
        return self.revision, {kind: dict(objects) for kind, objects in self._objects.items()}

    def restore(self, backup: tuple[int, dict[Kind, dict[ObjectKey, Body]]]) -> None:
        """Return to a backup, as when etcd is restored: later versions never existed, and come again."""
        self.revision, objects = backup
        self._objects = defaultdict(dict, {kind: dict(bodies) for kind, bodies in objects.items()})
        self._owned.clear()
        for kind, key, body in self.everything():
            self._index_owners(kind, key, None, body)
        for kind, changes in self._changes.items():
            self._changes[kind] = [change for change in changes if change.revision <= self.revision]

    def since(self, kind: Kind, revision: int) -> list[Change]:
        """Return the changes of a kind after `revision`."""
        changes = self._changes[kind]
        return changes[bisect_right(changes, revision, key=lambda change: change.revision) :]

    def compacted_revision(self, kind: Kind) -> int:
        """Return the revision of the newest compacted change of a kind."""
        return self._compacted.get(kind, 0)

    def compact(self) -> None:
        """Forget all changes; watches can only start from now on."""
        self.compacted = self.revision
        self._compacted |= {kind: changes[-1].revision for kind, changes in self._changes.items() if changes}
        self._changes.clear()

    def hide(self, kind: Kind, revision: int) -> None:
        """Hide the change with this revision from all watches."""
        self._changes[kind] = [change for change in self._changes[kind] if change.revision != revision]

    def add_listener(self, kind: Kind) -> asyncio.Event:
        """Return an event that is set at every change of a kind, until `remove_listener`."""
        event = asyncio.Event()
        self._listeners[kind].append(event)
        return event

    def remove_listener(self, kind: Kind, listener: asyncio.Event) -> None:
        """Stop setting `listener`."""
        self._listeners[kind].remove(listener)

    def wake(self) -> None:
        """Set every listener."""
        for listeners in self._listeners.values():
            for event in listeners:
                event.set()

    def _index_owners(self, kind: Kind, key: ObjectKey, before: Body | None, after: Body | None) -> None:
        for uid in _owners(before) - _owners(after):
            self._owned[uid].discard((kind, key))
        for uid in _owners(after):
            self._owned[uid].add((kind, key))

    def _notify(self, kind: Kind, change: Change) -> None:
        for listener in list(self.on_change):
            listener(kind, change)
        for event in self._listeners[kind]:
            event.set()

    def _deleted_object(self, before: Body | None) -> Body:
        """Return a deleted object with the revision of its deletion, as watches deliver it."""
        deleted: Body = {**(before or {}), "metadata": {**(before or {}).get("metadata", {})}}
        deleted["metadata"]["resourceVersion"] = str(self.revision)
        return deleted


def _owners(body: Body | None) -> set[str]:
    return {owner.get("uid", "") for owner in (body or {}).get("metadata", {}).get("ownerReferences") or []}
