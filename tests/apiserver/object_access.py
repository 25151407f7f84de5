"""Direct access to a cluster's objects for tests and controllers: without faults and without the log of writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from seatrial.api import kinds
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body, ObjectKey
from tests.apiserver import patches, scale_subresource
from tests.apiserver.garbage_collection import GarbageCollector, delete_options_of
from tests.apiserver.object_writer import Author, ObjectWriter
from tests.apiserver.served_resources import ServedResources
from tests.apiserver.store import Store


class ObjectAccess:
    """Objects under the server's rules. `clock` returns aware times; a namespace terminates in `namespace_seconds`."""

    def __init__(self, clock: Callable[[], datetime], *, namespace_seconds: float) -> None:
        self.store = Store()
        self.registry = ServedResources()
        self.log_lines: dict[ObjectKey, list[str]] = {}
        """The log lines of each pod."""
        self._writer = ObjectWriter(self.store, self.registry, clock)
        self._collector = GarbageCollector(self._writer, namespace_seconds=namespace_seconds)

    def now(self) -> str:
        """Return the time in the format of object fields."""
        return self._writer.now()

    def add_namespace(self, name: str) -> None:
        """Create a namespace."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.insert(kinds.NAMESPACE, body)

    def look(self, kind: Kind, namespace: str, name: str) -> Body | None:
        """Return the object, or None."""
        return self.store.get(kind, ObjectKey(namespace, name))

    def all(self, kind: Kind, namespace: str = "") -> list[Body]:
        """Return every object of a kind."""
        return self.store.all(kind, namespace)

    def insert(self, kind: Kind, body: Body, *, manager: str = "test") -> Body:
        """Create the object and return it."""
        namespace = body["metadata"].get("namespace") or ("default" if kind.namespaced else "")
        return self._writer.create(self.registry.of(kind), namespace, body, author=Author(manager))

    def edit(self, kind: Kind, namespace: str, name: str, *, patch: Body, manager: str = "test") -> Body:
        """Apply a merge patch and return the object; a patch of only `status` goes to the status subresource."""
        resource = self.registry.of(kind)
        present = self._writer.present(resource, ObjectKey(namespace, name))
        subresource = "status" if resource.status and set(patch) == {"status"} else ""
        updated = patches.merge(present, patch)
        return self._writer.update(resource, present, updated, author=Author(manager, subresource))

    def remove(self, kind: Kind, namespace: str, name: str, *, options: Body | None = None) -> None:
        """Delete the object, as a user does."""
        self._collector.delete(
            self.registry.of(kind), ObjectKey(namespace, name), delete_options_of(options or {})
        )

    def finish_pod(self, namespace: str, name: str) -> None:
        """Remove a terminated pod, as the kubelet does."""
        self._writer.finish(kinds.POD, ObjectKey(namespace, name))

    def set_status(self, kind: Kind, namespace: str, name: str, *, status: Body, manager: str) -> Body:
        """Replace the object's status and return the object; write nothing when it is unchanged."""
        resource = self.registry.of(kind)
        present = self._writer.present(resource, ObjectKey(namespace, name))
        return self._writer.update(
            resource, present, {**present, "status": status}, author=Author(manager, "status")
        )

    def scale(self, kind: Kind, namespace: str, name: str, *, replicas: int, manager: str = "test") -> Body:
        """Set the object's replicas through its scale subresource and return the object."""
        resource = self.registry.of(kind)
        present = self._writer.present(resource, ObjectKey(namespace, name))
        updated = scale_subresource.with_scale(resource, present, {"spec": {"replicas": replicas}})
        return self._writer.update(resource, present, updated, author=Author(manager, "scale"))
