"""A copy of the objects of one kind: newer versions replace older ones, and deleted objects do not come back."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Final, NamedTuple

from seatrial.api import objects
from seatrial.api.objects import Body, ObjectKey

TOMBSTONES: Final = 1024
"""The answer to an own write may arrive after the object was deleted, but not much later."""

Trim = Callable[[Body], Body]
IndexBy = Callable[[Body], Hashable | None]


class Change(NamedTuple):
    """What happened to one object in the store: `event` is ADDED, MODIFIED or DELETED."""

    event: str
    body: Body


class ObjectStore:
    """Objects by namespace and name. Methods that change the store return the changes they made.

    `trim` returns the part of a body that is kept; `index_by` returns the key under which `indexed` finds a trimmed
    body, or None to leave it out.

    A deleted object leaves a tombstone: its uid and the version at which it was gone. Older versions of it are
    ignored from then on. A newer version is accepted, because a watch with a label selector also reports DELETED
    for an object that only lost the label and may get it back.
    """

    def __init__(
        self, *, trim: Trim = objects.without_managed_fields, index_by: IndexBy = lambda _: None
    ) -> None:
        self._trim = trim
        self._index_by = index_by
        self._bodies: dict[ObjectKey, Body] = {}
        self._index: dict[Hashable, set[ObjectKey]] = defaultdict(set)
        self._tombstones: OrderedDict[str, str] = OrderedDict()
        """Uid → the version at which the object was gone."""
        self._own_deletions: set[str] = set()
        """Uids of objects that this process deleted and whose DELETED event has not arrived yet."""

    def __len__(self) -> int:
        return len(self._bodies)

    def __iter__(self) -> Iterator[Body]:
        return iter(tuple(self._bodies.values()))

    def get(self, key: ObjectKey) -> Body | None:
        """Return the object, or None."""
        return self._bodies.get(key)

    def indexed(self, index_key: Hashable) -> list[Body]:
        """Return the objects with this index key, sorted by name."""
        return [self._bodies[key] for key in sorted(self._index.get(index_key, ()))]

    def has_seen(self, body: Body) -> bool:
        """Return whether the store has had this version of the object or a newer one."""
        stored = self._bodies.get(objects.key_of(body))
        return self._is_deleted(body) or (stored is not None and not _is_newer(body, stored))

    def upsert(self, body: Body) -> list[Change]:
        """Add or replace the object unless the store has seen this version or a newer one."""
        if self.has_seen(body):
            return []
        self._tombstones.pop(objects.uid_of(body), None)
        key = objects.key_of(body)
        stored = self._bodies.get(key)
        if stored is None:
            return self._put("ADDED", key, body)
        if objects.uid_of(stored) == objects.uid_of(body):
            return self._put("MODIFIED", key, body)
        self._bury(stored, objects.version_of(body))
        return [self._remove(key, stored), *self._put("ADDED", key, body)]

    def delete(self, body: Body) -> list[Change]:
        """Remove the object that a DELETED event of the watch is about; another one of that name stays."""
        self._own_deletions.discard(objects.uid_of(body))
        self._bury(body, objects.version_of(body))
        key = objects.key_of(body)
        stored = self._bodies.get(key)
        if stored is None or objects.uid_of(stored) != objects.uid_of(body):
            return []
        return [self._remove(key, body)]

    def delete_own(self, key: ObjectKey, *, uid: str = "") -> list[Change]:
        """Remove an object that this process deleted, unless another one has its name or finalizers hold it back."""
        stored = self._bodies.get(key)
        if stored is None or (uid and objects.uid_of(stored) != uid) or stored["metadata"].get("finalizers"):
            return []
        self._own_deletions.add(objects.uid_of(stored))
        return [self._remove(key, stored)]

    def replace(self, bodies: Iterable[Body], version: str) -> list[Change]:
        """Make the store equal to a list that the API server answered at `version`.

        An object that is missing in the list was deleted while nobody watched.
        """
        listed = {objects.key_of(body): body for body in bodies}
        changes: list[Change] = []
        for key, stored in list(self._bodies.items()):
            if key not in listed and not objects.is_newer(objects.version_of(stored), version):
                self._bury(stored, version)
                changes.append(self._remove(key, stored))
        for body in listed.values():
            changes += self.upsert(body)
        self._own_deletions.clear()
        return changes

    def forget_versions(self) -> None:
        """Let the next list replace every object: its versions are those of a restored backup, older than ours."""
        self._tombstones.clear()
        self._own_deletions.clear()
        for key, body in self._bodies.items():
            self._bodies[key] = {**body, "metadata": {**body["metadata"], "resourceVersion": "0"}}

    def _is_deleted(self, body: Body) -> bool:
        uid = objects.uid_of(body)
        if uid in self._own_deletions:
            return True
        gone_at = self._tombstones.get(uid)
        return gone_at is not None and not objects.is_newer(objects.version_of(body), gone_at)

    def _bury(self, body: Body, gone_at: str) -> None:
        self._tombstones[objects.uid_of(body)] = gone_at
        while len(self._tombstones) > TOMBSTONES:
            self._tombstones.popitem(last=False)

    def _put(self, event: str, key: ObjectKey, body: Body) -> list[Change]:
        kept, stored = self._trim(body), self._bodies.get(key)
        index_key = self._index_by(kept)
        moved: list[Change] = []
        if stored is not None and self._index_by(stored) != index_key:
            moved = [self._remove(key, stored)]  # the former owner must learn that it lost the object
        self._bodies[key] = kept
        if index_key is not None:
            self._index[index_key].add(key)
        return [*moved, Change(event, kept)]

    def _remove(self, key: ObjectKey, last: Body) -> Change:
        index_key = self._index_by(self._bodies.pop(key))
        if index_key is not None:
            self._index[index_key].discard(key)
            if not self._index[index_key]:
                del self._index[index_key]
        return Change("DELETED", self._trim(last))


def _is_newer(body: Body, than: Body) -> bool:
    return objects.is_newer(objects.version_of(body), objects.version_of(than))
