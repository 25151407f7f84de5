"""Writes on a fake API server: defaults, validation, resource versions, generations and managed fields."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from seatrial.api import kinds, objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body, ObjectKey
from seatrial.kube import failures
from tests.apiserver import defaults, managed_fields, object_creation, validation
from tests.apiserver.managed_fields import Claims, FieldManager
from tests.apiserver.served_resources import Resource, ServedResources, from_crd
from tests.apiserver.store import Store

_NAMESPACE_OF_UIDS: Final = uuid.UUID("5ea741a1-0000-4000-8000-000000000000")
_KEPT_METADATA: Final = ("name", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp")
_NAME_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True, slots=True)
class Author:
    """The field manager of a write, and the subresource that it uses."""

    manager: str
    subresource: str = ""
    operation: str = "Update"

    @property
    def field_manager(self) -> FieldManager:
        """Return the entry of managedFields that this author writes."""
        return FieldManager(self.manager, self.operation, self.subresource)


class ObjectWriter:
    """Writes objects to `store` under the server's rules. `clock` returns aware times."""

    def __init__(self, store: Store, registry: ServedResources, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.registry = registry
        self._clock = clock
        self._made = 0

    def now(self) -> str:
        """Return the time in the format of object fields."""
        return self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def present(self, resource: Resource, key: ObjectKey) -> Body:
        """Return the object at `key`; raise `NotFound`."""
        found = self.store.get(resource.kind, key)
        if found is None:
            raise not_found(resource.kind, key.name)
        return found

    def create(self, resource: Resource, namespace: str, body: Body, *, author: Author) -> Body:
        """Create the object and return it."""
        return self._create(resource, self._new_object(resource, namespace, body), author, None)

    def check_new(self, resource: Resource, namespace: str, body: Body) -> Body:
        """Return the object as it would be created; store nothing."""
        return self._new_object(resource, namespace, body)

    def create_applied(self, resource: Resource, namespace: str, body: Body, *, author: Author) -> Body:
        """Create the object of an apply and return it; the manager owns only the applied fields."""
        new_object = self._new_object(resource, namespace, body)
        stripped = {name: value for name, value in body.items() if not (resource.status and name == "status")}
        claim = managed_fields.claim_all(stripped, resource.schema, now=self.now())
        return self._create(resource, new_object, author, {author.field_manager: claim})

    def update(
        self, resource: Resource, before: Body, updated: Body, *, author: Author, claims: Claims | None = None
    ) -> Body:
        """Update `before` to `updated` as far as the subresource may; write nothing when nothing changes.

        `claims` are those of an apply; without them the author owns what changed.
        """
        kind = resource.kind
        self._check_identity(resource, before, updated)
        after = self._composed(resource, before, updated, author)
        if author.subresource != "status":
            validation.check_update(kind, before, after)
        after["metadata"]["generation"] = _generation(resource, before, after)
        if not after["metadata"]["generation"]:
            del after["metadata"]["generation"]
        if claims is None and updated.get("metadata", {}).get("managedFields") == [{}]:
            after["metadata"]["managedFields"] = []
        elif claims is None:
            claims = managed_fields.after_update(
                _with_sent_managed_fields(before, updated),
                after,
                author.field_manager,
                schema=resource.schema,
                now=self.now(),
            )
        if _is_unchanged(before, after) and _has_same_owners(before, claims):
            return before
        if claims is not None:
            managed_fields.set_claims(after, claims)
        return self._put(kind, objects.key_of(before), after)

    def finish(self, kind: Kind, key: ObjectKey) -> Body:
        """Remove the object."""
        return self.store.put(kind, key, None)

    def mark_deleted(self, kind: Kind, key: ObjectKey, *, grace: int = 0) -> Body:
        """Set the deletionTimestamp; the finalizers, or the kubelet, decide when the object is removed."""
        body = copy.deepcopy(self.store.get(kind, key)) or {}
        metadata = body["metadata"]
        if not metadata.get("deletionTimestamp"):
            metadata["deletionTimestamp"] = self.now()
            metadata["deletionGracePeriodSeconds"] = grace
            if metadata.get("generation"):
                metadata["generation"] += 1
        return self.store.put(kind, key, body)

    def _put(self, kind: Kind, key: ObjectKey, after: Body) -> Body:
        """Store the object, or remove it when its last finalizer was removed."""
        metadata = after["metadata"]
        waits_for_kubelet = kind == kinds.POD and metadata.get("deletionGracePeriodSeconds")
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers") and not waits_for_kubelet:
            return self.store.put(kind, key, None)
        return self.store.put(kind, key, after)

    def _new_object(self, resource: Resource, namespace: str, body: Body) -> Body:
        kind = resource.kind
        group_kind = (body.get("apiVersion"), body.get("kind"))
        if group_kind != (kind.api_version, kind.kind):
            message = (
                f"the object provided is {group_kind[0]} {group_kind[1]}, not {kind.api_version} {kind.kind}"
            )
            raise failures.Invalid(400, "BadRequest", message)
        new_object = defaults.with_defaults(kind, body)
        metadata = new_object.setdefault("metadata", {})
        if metadata.get("resourceVersion"):
            raise failures.Invalid(
                400, "BadRequest", "resourceVersion should not be set on objects to be created"
            )
        self._check_namespace(resource, namespace, metadata)
        for name in ("uid", "deletionTimestamp", "managedFields", "selfLink", "resourceVersion"):
            metadata.pop(name, None)
        self._name(metadata, kind)
        if resource.status:
            new_object.pop("status", None)
        object_creation.set_initial_fields(kind, new_object, self._made)
        validation.check_new(kind, new_object)
        self._check_absent(kind, objects.key_of(new_object))
        metadata |= {"uid": self._uid(), "creationTimestamp": self.now()}
        metadata |= {"generation": 1} if resource.generation else {}
        object_creation.set_job_selector(kind, new_object)
        return new_object

    def _create(self, resource: Resource, new_object: Body, author: Author, claims: Claims | None) -> Body:
        kind, key = resource.kind, objects.key_of(new_object)
        claims = claims or managed_fields.after_update(
            None, new_object, author.field_manager, schema=resource.schema, now=self.now()
        )
        managed_fields.set_claims(new_object, claims)
        stored = self.store.put(kind, key, new_object)
        if kind == kinds.CRD:
            for served in from_crd(stored):
                self.registry.add(served)
        return stored

    def _check_absent(self, kind: Kind, key: ObjectKey) -> None:
        if self.store.get(kind, key) is not None:
            message = f'{_qualified(kind)} "{key.name}" already exists'
            raise failures.AlreadyExists(409, "AlreadyExists", message, details={"name": key.name})

    def _check_namespace(self, resource: Resource, namespace: str, metadata: Body) -> None:
        if not resource.kind.namespaced:
            return
        if metadata.setdefault("namespace", namespace) != namespace:
            message = f"the namespace of the object does not match the namespace {namespace} of the request"
            raise failures.Invalid(400, "BadRequest", message)
        namespace_body = self.store.get(kinds.NAMESPACE, ObjectKey("", namespace))
        if namespace_body is None:
            raise not_found(kinds.NAMESPACE, namespace)
        if namespace_body["metadata"].get("deletionTimestamp"):
            name = metadata.get("name", "")
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            details = {"causes": [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]}
            raise forbidden(resource.kind, name, why, details=details)

    def _name(self, metadata: Body, kind: Kind) -> None:
        self._made += 1
        if metadata.get("name"):
            return
        if not metadata.get("generateName"):
            raise validation.invalid(
                kind, "", [("metadata.name", "Required value: name or generateName is required")]
            )
        number, letters = self._made, ""
        for _ in range(5):
            number, rest = divmod(number * 7 + 3, len(_NAME_LETTERS))
            letters += _NAME_LETTERS[rest]
        metadata["name"] = f"{metadata['generateName']}{letters}"

    def _uid(self) -> str:
        return str(uuid.uuid5(_NAMESPACE_OF_UIDS, str(self._made)))

    def _check_identity(self, resource: Resource, before: Body, updated: Body) -> None:
        kind, name = resource.kind, before["metadata"]["name"]
        version = objects.version_of(updated)
        uid = objects.uid_of(updated)
        if not version and resource.needs_version:
            message = "Invalid value: 0: must be specified for an update"
            raise validation.invalid(kind, name, [("metadata.resourceVersion", message)])
        if uid and uid != objects.uid_of(before):
            raise conflict(kind, name, f"Precondition failed: UID in precondition: {uid}")
        if version and version != objects.version_of(before):
            message = (
                "the object has been modified; please apply your changes to the latest version and try again"
            )
            raise conflict(kind, name, message)

    def _composed(self, resource: Resource, before: Body, updated: Body, author: Author) -> Body:
        """Return the new object, composed of `before` and `updated`."""
        if author.subresource == "status":
            status = copy.deepcopy(updated.get("status") or {})
            return {**before, "metadata": dict(before["metadata"]), "status": status}
        after = defaults.with_defaults(resource.kind, updated)
        old, new = before["metadata"], after.setdefault("metadata", {})
        for name in (*_KEPT_METADATA, "deletionGracePeriodSeconds"):
            new.pop(name, None)
            if name in old:
                new[name] = old[name]
        if resource.status:
            after.pop("status", None)
            if "status" in before:
                after["status"] = before["status"]
        object_creation.keep_server_fields(resource.kind, before, after)
        return after


def _generation(resource: Resource, before: Body, after: Body) -> int:
    old: int = before["metadata"].get("generation", 0)
    if not resource.generation:
        return old
    return old + 1 if _generation_parts(resource, before) != _generation_parts(resource, after) else old


def _generation_parts(resource: Resource, body: Body) -> list[object]:
    """Return what increments the generation."""
    if resource.custom:
        left_out = {"metadata", "status"} if resource.status else {"metadata"}
        return [{name: value for name, value in body.items() if name not in left_out}]
    annotations = body["metadata"].get("annotations") or {} if resource.annotations_count else None
    return [body.get("spec"), annotations]


def _with_sent_managed_fields(before: Body, updated: Body) -> Body:
    """Return `before` with the managedFields that the writer sent, which is how ownership is transferred."""
    sent = updated.get("metadata", {}).get("managedFields")
    if not sent:
        return before
    return {**before, "metadata": {**before["metadata"], "managedFields": sent}}


def _is_unchanged(before: Body, after: Body) -> bool:
    return _comparable(before) == _comparable(after)


def _has_same_owners(before: Body, claims: Claims | None) -> bool:
    if claims is None:
        return not before["metadata"].get("managedFields")
    previous = {owner: claim.fields for owner, claim in managed_fields.claims_of(before).items()}
    return previous == {owner: claim.fields for owner, claim in claims.items() if claim.fields}


def _comparable(body: Body) -> Body:
    metadata = {k: v for k, v in body["metadata"].items() if k not in ("managedFields", "resourceVersion")}
    return {**body, "metadata": metadata}


def _qualified(kind: Kind) -> str:
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


def not_found(kind: Kind, name: str) -> failures.NotFound:
    """Return the error for an object that does not exist."""
    return failures.NotFound(
        404, "NotFound", f'{_qualified(kind)} "{name}" not found', details={"name": name}
    )


def conflict(kind: Kind, name: str, why: str) -> failures.Conflict:
    """Return the error for an object with another uid or resourceVersion than the writer expects."""
    message = f'Operation cannot be fulfilled on {_qualified(kind)} "{name}": {why}'
    return failures.Conflict(409, "Conflict", message, details={"name": name})


def forbidden(kind: Kind, name: str, why: str, *, details: Body | None = None) -> failures.Forbidden:
    """Return the error of a rejection by admission."""
    message = f'{_qualified(kind)} "{name}" is forbidden: {why}'
    return failures.Forbidden(403, "Forbidden", message, details=details)
