"""A cluster's memory, and what tests and controllers say to it directly: no faults, no log of writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from seatrial.api import kinds
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body, ObjectKey
from tests.apiserver import patches, scale_subresource
from tests.apiserver.garbage_collection import Collector, wish_of
from tests.apiserver.object_writer import Author, Writer
from tests.apiserver.served_resources import Registry
from tests.apiserver.store import Store


class Cluster:
    """Objects under the server's rules. `clock` gives aware times; `namespace_seconds` is how long one takes to end."""

    def __init__(self, clock: Callable[[], datetime], *, namespace_seconds: float) -> None:
        self.store = Store()
        self.registry = Registry()
        self.log_lines: dict[ObjectKey, list[str]] = {}
        """What pods have logged."""
        self._writer = Writer(self.store, self.registry, clock)
        self._collector = Collector(self._writer, namespace_seconds=namespace_seconds)

    def now(self) -> str:
        """The time as objects spell it."""
        return self._writer.now()

    def add_namespace(self, name: str) -> None:
        """The namespace exists."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.insert(kinds.NAMESPACE, body)

    def look(self, kind: Kind, namespace: str, name: str) -> Body | None:
        """The object, or None."""
        return self.store.get(kind, ObjectKey(namespace, name))

    def all(self, kind: Kind, namespace: str = "") -> list[Body]:
        """Every object of a kind."""
        return self.store.all(kind, namespace)

    def insert(self, kind: Kind, body: Body, *, manager: str = "test") -> Body:
        """The object as created."""
        namespace = body["metadata"].get("namespace") or ("default" if kind.namespaced else "")
        return self._writer.create(self.registry.of(kind), namespace, body, author=Author(manager))

    def edit(self, kind: Kind, namespace: str, name: str, *, patch: Body, manager: str = "test") -> Body:
        """The object with the merge patch in it; a patch of `status` goes to the status subresource."""
        resource = self.registry.of(kind)
        present = self._writer.present(resource, ObjectKey(namespace, name))
        subresource = "status" if resource.status and set(patch) == {"status"} else ""
        wanted = patches.merge(present, patch)
        return self._writer.update(resource, present, wanted, author=Author(manager, subresource))

    def remove(self, kind: Kind, namespace: str, name: str, *, options: Body | None = None) -> None:
        """The object is deleted, as by a user."""
        self._collector.delete(self.registry.of(kind), ObjectKey(namespace, name), wish_of(options or {}))

    def finish_pod(self, namespace: str, name: str) -> None:
        """The kubelet says that the pod has ended: it is gone at once."""
        self._writer.finish(kinds.POD, ObjectKey(namespace, name))

    def set_status(self, kind: Kind, namespace: str, name: str, *, status: Body, manager: str) -> Body:
        """The object with this status and no other; nothing is written when it is the same."""
        resource = self.registry.of(kind)
        present = self._writer.present(resource, ObjectKey(namespace, name))
        return self._writer.update(
            resource, present, {**present, "status": status}, author=Author(manager, "status")
        )

    def scale(self, kind: Kind, namespace: str, name: str, *, replicas: int, manager: str = "test") -> Body:
        """The object with this many replicas wanted, as through its scale subresource."""
        resource = self.registry.of(kind)
        present = self._writer.present(resource, ObjectKey(namespace, name))
        wanted = scale_subresource.changed(resource, present, {"spec": {"replicas": replicas}})
        return self._writer.update(resource, present, wanted, author=Author(manager, "scale"))
