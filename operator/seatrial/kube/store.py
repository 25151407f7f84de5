"""The ModelDeployments of the cluster as last seen or written: what a pass begins with."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from seatrial.api import objects
from seatrial.api.metadata import Key
from seatrial.api.objects import Body

REMEMBERED_DELETIONS: Final = 1024
"""What was seen or written before a deletion may arrive after it, but not much later."""


class Known:
    """Bodies by key; an older version never replaces a newer one, and what was deleted does not come back."""

    def __init__(self) -> None:
        self._bodies: dict[Key, Body] = {}
        self._deleted: OrderedDict[str, None] = OrderedDict()
        """The uids that were dropped last."""

    def __iter__(self) -> Iterator[Key]:
        return iter(tuple(self._bodies))

    def __len__(self) -> int:
        return len(self._bodies)

    def get(self, key: Key) -> Body | None:
        """The object as last seen, or None."""
        return self._bodies.get(key)

    def take(self, body: Body) -> bool:
        """The object is known by this body unless a newer or the same is known; whether anything changed."""
        key = Key(*objects.key_of(body))
        known = self._bodies.get(key)
        if objects.uid_of(body) in self._deleted or (known is not None and not self._replaces(body, known)):
            return False
        self._bodies[key] = bodies_without_noise(body)
        return True

    def drop(self, body: Body) -> None:
        """The object is gone, unless another of its name is known by now."""
        key, uid = Key(*objects.key_of(body)), objects.uid_of(body)
        if uid:
            self._deleted[uid] = None
        while len(self._deleted) > REMEMBERED_DELETIONS:
            self._deleted.popitem(last=False)
        known = self._bodies.get(key)
        if known is not None and objects.uid_of(known) == uid:
            del self._bodies[key]

    def _replaces(self, body: Body, known: Body) -> bool:
        return objects.is_newer(objects.version_of(body), objects.version_of(known))


def bodies_without_noise(body: Body) -> Body:
    """`body` without managedFields: a third of its size, and of use to the API server alone."""
    head = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    return {**body, "metadata": head}
