"""The informers of one kind, one for each watched namespace or one for all, used like a single informer."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from seatrial.kube.client import Client, Selection
from seatrial.kube.informers import Informer, InformerConfig, OnEvent

ALL: Final = ("",)


class InformerGroup:
    """The objects of `kind` in `namespaces`, or in all of them if none is named. The caller runs `informers`."""

    def __init__(
        self,
        client: Client,
        kind: Kind,
        on_event: OnEvent,
        *,
        config: InformerConfig,
        selection: Selection | None = None,
        namespaces: Iterable[str] = (),
    ) -> None:
        self.kind = kind
        selections = [
            replace(selection or Selection(), namespace=name) for name in (tuple(namespaces) or ALL)
        ]
        self.informers = tuple(
            Informer(client, kind, on_event, config=config, selection=one) for one in selections
        )

    def __len__(self) -> int:
        return sum(len(informer.store) for informer in self.informers)

    def __iter__(self) -> Iterator[Body]:
        return (body for informer in self.informers for body in informer.store)

    @property
    def is_failing(self) -> bool:
        """Whether the last list or watch of a namespace failed, and the server has not answered since."""
        return any(informer.is_failing for informer in self.informers)

    def get(self, namespace: str, name: str) -> Body | None:
        """Return the object as last seen, or None."""
        found = (informer.get(namespace, name) for informer in self.informers)
        return next((body for body in found if body is not None), None)

    def indexed(self, key: Hashable) -> list[Body]:
        """Return the objects with this index key, sorted by name within each namespace."""
        return [body for informer in self.informers for body in informer.indexed(key)]

    def has_seen(self, body: Body) -> bool:
        """Return whether this version of the object or a newer one has been seen."""
        return any(informer.store.has_seen(body) for informer in self.informers)

    def observe_write(self, body: Body, *, notify: bool = True) -> None:
        """Put the answer to an own write into the store of its namespace."""
        for informer in self.informers:
            informer.observe_write(body, notify=notify)

    def observe_delete(self, namespace: str, name: str, *, uid: str = "") -> None:
        """Remove an object that this process deleted from the store of its namespace."""
        for informer in self.informers:
            informer.observe_delete(namespace, name, uid=uid)
