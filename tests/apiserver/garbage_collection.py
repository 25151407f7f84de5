"""Deletion on a fake API server: finalizers, dependents and namespaces."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from seatrial.api import kinds, objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body, ObjectKey
from tests.apiserver.object_writer import ObjectWriter, conflict
from tests.apiserver.served_resources import Resource
from tests.apiserver.store import Change

FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """The options of a deletion."""

    propagation: str = "Background"
    uid: str = ""
    version: str = ""
    grace: int | None = None


def delete_options_of(options: Body, query_propagation: str = "") -> DeleteOptions:
    """Parse a DeleteOptions body."""
    preconditions = options.get("preconditions") or {}
    return DeleteOptions(
        options.get("propagationPolicy") or query_propagation or "Background",
        preconditions.get("uid") or "",
        preconditions.get("resourceVersion") or "",
        options.get("gracePeriodSeconds"),
    )


class GarbageCollector:
    """Deletes objects, and then their dependents. A namespace terminates in `namespace_seconds`."""

    def __init__(self, writer: ObjectWriter, *, namespace_seconds: float) -> None:
        self._writer = writer
        self._store = writer.store
        self._namespace_seconds = namespace_seconds
        self._store.on_change.append(self._on_change)

    def delete(self, resource: Resource, key: ObjectKey, options: DeleteOptions) -> Body:
        """Delete the object, or mark it as being deleted."""
        kind = resource.kind
        present = self._writer.present(resource, key)
        self._check(kind, present, options)
        if kind == kinds.NAMESPACE:
            return self._end_namespace(key)
        finalizer = {"Foreground": FOREGROUND, "Orphan": ORPHAN}.get(options.propagation)
        if finalizer and self._dependents(objects.uid_of(present)):
            return self._delete_with(kind, key, finalizer)
        grace = self._grace(kind, present, options)
        if present["metadata"].get("finalizers") or grace:
            return self._writer.mark_deleted(kind, key, grace=grace)
        return self._writer.finish(kind, key)

    @staticmethod
    def _grace(kind: Kind, present: Body, options: DeleteOptions) -> int:
        """Return the grace period in seconds of a pod on a node."""
        if kind != kinds.POD or not present["spec"].get("nodeName"):
            return 0
        if present.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            return 0
        chosen = (
            options.grace
            if options.grace is not None
            else present["spec"].get("terminationGracePeriodSeconds", 30)
        )
        return int(chosen)

    @staticmethod
    def _check(kind: Kind, present: Body, options: DeleteOptions) -> None:
        uid, version = objects.uid_of(present), objects.version_of(present)
        name = present["metadata"]["name"]
        if options.uid and options.uid != uid:
            message = f"the UID in the precondition ({options.uid}) does not match the UID in record ({uid})"
            raise conflict(kind, name, f"Precondition failed: {message}")
        if options.version and options.version != version:
            raise conflict(
                kind, name, f"Precondition failed: resourceVersion {options.version} is not {version}"
            )

    def _delete_with(self, kind: Kind, key: ObjectKey, finalizer: str) -> Body:
        """Mark the object; remove the finalizer when its dependents are deleted or orphaned."""
        body = copy.deepcopy(self._store.get(kind, key)) or {}
        body["metadata"]["finalizers"] = [*(body["metadata"].get("finalizers") or []), finalizer]
        self._store.put(kind, key, body)
        marked = self._writer.mark_deleted(kind, key)
        self._later(lambda: self._settle_dependents(kind, key, finalizer))
        return marked

    def _settle_dependents(self, kind: Kind, key: ObjectKey, finalizer: str) -> None:
        owner = self._store.get(kind, key)
        if owner is None:
            return
        uid = objects.uid_of(owner)
        for child_kind, child_key, child in self._dependents(uid):
            if finalizer == ORPHAN:
                self._disown(child_kind, child_key, child, uid)
            else:
                self._delete_child(child_kind, child_key)
        if not self._dependents(uid):
            self._remove_finalizer(kind, key, finalizer)

    def _remove_finalizer(self, kind: Kind, key: ObjectKey, finalizer: str) -> None:
        body = copy.deepcopy(self._store.get(kind, key))
        if body is None:
            return
        remaining = [name for name in body["metadata"].get("finalizers") or [] if name != finalizer]
        body["metadata"]["finalizers"] = remaining
        if remaining:
            self._store.put(kind, key, body)
        else:
            self._writer.finish(kind, key)

    def _disown(self, kind: Kind, key: ObjectKey, child: Body, uid: str) -> None:
        remaining = [owner for owner in child["metadata"]["ownerReferences"] if owner["uid"] != uid]
        self._store.put(kind, key, {**child, "metadata": {**child["metadata"], "ownerReferences": remaining}})

    def _dependents(self, uid: str) -> list[tuple[Kind, ObjectKey, Body]]:
        return self._store.owned_by(uid)

    def _on_change(self, kind: Kind, change: Change) -> None:
        """Collect the dependents of deleted owners, and new objects whose owners do not exist."""
        if change.after is None and change.before is not None:
            uid = objects.uid_of(change.before)
            self._later(lambda: self._collect(uid))
            self._later(lambda: self._finish_namespace(change.before or {}))
        elif change.before is None and change.after is not None:
            self._on_creation(kind, change.after)

    def _on_creation(self, kind: Kind, body: Body) -> None:
        if body["metadata"].get("ownerReferences"):
            key, uid = objects.key_of(body), objects.uid_of(body)
            self._later(lambda: self._collect_orphan(kind, key, uid))

    @staticmethod
    def _later(what: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(what)

    def _collect(self, uid: str) -> None:
        for kind, key, body in self._dependents(uid):
            self._release(kind, key, body, uid)

    def _release(self, kind: Kind, key: ObjectKey, body: Body, uid: str) -> None:
        """Delete a dependent with its last owner; otherwise only remove the owner reference."""
        others = [o for o in body["metadata"]["ownerReferences"] if o["uid"] != uid and self._exists(o, key)]
        if others:
            self._disown(kind, key, body, uid)
        else:
            self._delete_child(kind, key)

    def _collect_orphan(self, kind: Kind, key: ObjectKey, uid: str) -> None:
        body = self._store.get(kind, key)
        if body is None or objects.uid_of(body) != uid:
            return
        owners = body["metadata"].get("ownerReferences") or []
        if owners and not any(self._exists(owner, key) for owner in owners):
            self._delete_child(kind, key)

    def _exists(self, owner: Body, child: ObjectKey) -> bool:
        kind = self._writer.registry.owner_kind(owner)
        if kind is None:
            return True  # unknown kinds count as existing, so that nothing is deleted wrongly
        found = self._store.get(kind, ObjectKey(child.namespace if kind.namespaced else "", owner["name"]))
        return found is not None and objects.uid_of(found) == owner["uid"]

    def _delete_child(self, kind: Kind, key: ObjectKey) -> None:
        if self._store.get(kind, key) is not None:
            self.delete(self._writer.registry.of(kind), key, DeleteOptions())

    def _end_namespace(self, key: ObjectKey) -> Body:
        body = copy.deepcopy(self._store.get(kinds.NAMESPACE, key)) or {}
        if not body["metadata"].get("deletionTimestamp"):
            body["metadata"]["deletionTimestamp"] = self._writer.now()
            body["status"] = {"phase": "Terminating"}
            body = self._store.put(kinds.NAMESPACE, key, body)
            asyncio.get_running_loop().call_later(self._namespace_seconds, self._empty_namespace, key.name)
        return body

    def _empty_namespace(self, namespace: str) -> None:
        for kind, key, _ in list(self._store.everything()):
            if key.namespace == namespace:
                self._delete_child(kind, key)
        self._try_to_finish(namespace)

    def _finish_namespace(self, gone: Body) -> None:
        if namespace := gone["metadata"].get("namespace"):
            self._try_to_finish(namespace)

    def _try_to_finish(self, namespace: str) -> None:
        key = ObjectKey("", namespace)
        body = self._store.get(kinds.NAMESPACE, key)
        if body is None or not body["metadata"].get("deletionTimestamp"):
            return
        if not any(found.namespace == namespace for _, found, _ in self._store.everything()):
            self._writer.finish(kinds.NAMESPACE, key)
