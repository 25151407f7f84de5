"""How a fake API server writes: defaults, checks, versions, generations, ownership of fields."""

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
from tests.apiserver.managed_fields import Claims, Owner
from tests.apiserver.served_resources import Registry, Resource, from_crd
from tests.apiserver.store import Store

_NAMESPACE_OF_UIDS: Final = uuid.UUID("5ea741a1-0000-4000-8000-000000000000")
_KEPT_METADATA: Final = ("name", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp")
_NAME_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, and through which subresource."""

    manager: str
    subresource: str = ""
    operation: str = "Update"

    @property
    def owner(self) -> Owner:
        """The entry of managedFields that this author writes."""
        return Owner(self.manager, self.operation, self.subresource)


class Writer:
    """Writes into `store` what the server's rules make of it. `clock` gives aware times."""

    def __init__(self, store: Store, registry: Registry, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.registry = registry
        self._clock = clock
        self._made = 0

    def now(self) -> str:
        """The time as objects spell it."""
        return self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def present(self, resource: Resource, key: ObjectKey) -> Body:
        """The object at `key`; `NotFound`."""
        found = self.store.get(resource.kind, key)
        if found is None:
            raise not_found(resource.kind, key.name)
        return found

    def create(self, resource: Resource, namespace: str, body: Body, *, author: Author) -> Body:
        """The object as created."""
        return self._create(resource, self._newborn(resource, namespace, body), author, None)

    def create_applied(self, resource: Resource, namespace: str, body: Body, *, author: Author) -> Body:
        """The object as made by an apply to a name that was free: the applier owns what it said, no more."""
        born = self._newborn(resource, namespace, body)
        stripped = {name: value for name, value in body.items() if not (resource.status and name == "status")}
        claim = managed_fields.claim_of(stripped, resource.shapes, now=self.now())
        return self._create(resource, born, author, {author.owner: claim})

    def update(
        self, resource: Resource, before: Body, wanted: Body, *, author: Author, claims: Claims | None = None
    ) -> Body:
        """`wanted` in place of `before`, in what the subresource may write; no write when all is equal.

        `claims` are those of an apply; else the author owns what changed.
        """
        kind = resource.kind
        self._check_identity(resource, before, wanted)
        after = self._composed(resource, before, wanted, author)
        if author.subresource != "status":
            validation.change(kind, before, after)
        after["metadata"]["generation"] = _generation(resource, before, after)
        if not after["metadata"]["generation"]:
            del after["metadata"]["generation"]
        if claims is None and wanted.get("metadata", {}).get("managedFields") == [{}]:
            after["metadata"]["managedFields"] = []
        elif claims is None:
            claims = managed_fields.after_update(
                _rewritten(before, wanted), after, author.owner, shapes=resource.shapes, now=self.now()
            )
        if _same(before, after) and _same_owners(before, claims):
            return before
        if claims is not None:
            managed_fields.write(after, claims)
        return self._put(kind, objects.key_of(before), after)

    def finish(self, kind: Kind, key: ObjectKey) -> Body:
        """Nothing stands at `key` any more."""
        return self.store.put(kind, key, None)

    def mark_deleted(self, kind: Kind, key: ObjectKey, *, grace: int = 0) -> Body:
        """The object says that it is going; its finalizers, or its kubelet, decide when it has gone."""
        body = copy.deepcopy(self.store.get(kind, key)) or {}
        metadata = body["metadata"]
        if not metadata.get("deletionTimestamp"):
            metadata["deletionTimestamp"] = self.now()
            metadata["deletionGracePeriodSeconds"] = grace
            if metadata.get("generation"):
                metadata["generation"] += 1
        return self.store.put(kind, key, body)

    def _put(self, kind: Kind, key: ObjectKey, after: Body) -> Body:
        """Stored, or gone when the last finalizer went."""
        metadata = after["metadata"]
        waits_for_kubelet = kind == kinds.POD and metadata.get("deletionGracePeriodSeconds")
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers") and not waits_for_kubelet:
            return self.store.put(kind, key, None)
        return self.store.put(kind, key, after)

    def _newborn(self, resource: Resource, namespace: str, body: Body) -> Body:
        kind = resource.kind
        said = (body.get("apiVersion"), body.get("kind"))
        if said != (kind.api_version, kind.kind):
            told = f"the object provided is {said[0]} {said[1]}, not {kind.api_version} {kind.kind}"
            raise failures.Invalid(400, "BadRequest", told)
        born = defaults.filled(kind, body)
        metadata = born.setdefault("metadata", {})
        if metadata.get("resourceVersion"):
            raise failures.Invalid(
                400, "BadRequest", "resourceVersion should not be set on objects to be created"
            )
        self._check_namespace(resource, namespace, metadata)
        for name in ("uid", "deletionTimestamp", "managedFields", "selfLink", "resourceVersion"):
            metadata.pop(name, None)
        self._name(metadata, kind)
        if resource.status:
            born.pop("status", None)
        object_creation.at_birth(kind, born, self._made)
        validation.new(kind, born)
        metadata |= {"uid": self._uid(), "creationTimestamp": self.now()}
        metadata |= {"generation": 1} if resource.generation else {}
        object_creation.identify(kind, born)
        return born

    def _create(self, resource: Resource, born: Body, author: Author, claims: Claims | None) -> Body:
        kind, key = resource.kind, objects.key_of(born)
        if self.store.get(kind, key) is not None:
            sentence = f'{_qualified(kind)} "{key.name}" already exists'
            raise failures.AlreadyExists(409, "AlreadyExists", sentence, details={"name": key.name})
        made = claims or managed_fields.after_update(
            None, born, author.owner, shapes=resource.shapes, now=self.now()
        )
        managed_fields.write(born, made)
        stored = self.store.put(kind, key, born)
        if kind == kinds.CRD:
            for served in from_crd(stored):
                self.registry.add(served)
        return stored

    def _check_namespace(self, resource: Resource, namespace: str, metadata: Body) -> None:
        if not resource.kind.namespaced:
            return
        if metadata.setdefault("namespace", namespace) != namespace:
            told = f"the namespace of the object does not match the namespace {namespace} of the request"
            raise failures.Invalid(400, "BadRequest", told)
        home = self.store.get(kinds.NAMESPACE, ObjectKey("", namespace))
        if home is None:
            raise not_found(kinds.NAMESPACE, namespace)
        if home["metadata"].get("deletionTimestamp"):
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

    def _check_identity(self, resource: Resource, before: Body, wanted: Body) -> None:
        kind, name = resource.kind, before["metadata"]["name"]
        version = objects.version_of(wanted)
        uid = objects.uid_of(wanted)
        if not version and resource.needs_version:
            message = "Invalid value: 0: must be specified for an update"
            raise validation.invalid(kind, name, [("metadata.resourceVersion", message)])
        if uid and uid != objects.uid_of(before):
            raise conflict(kind, name, f"Precondition failed: UID in precondition: {uid}")
        if version and version != objects.version_of(before):
            told = (
                "the object has been modified; please apply your changes to the latest version and try again"
            )
            raise conflict(kind, name, told)

    def _composed(self, resource: Resource, before: Body, wanted: Body, author: Author) -> Body:
        """What of `before` and what of `wanted` makes the new object."""
        if author.subresource == "status":
            told = copy.deepcopy(wanted.get("status") or {})
            return {**before, "metadata": dict(before["metadata"]), "status": told}
        after = defaults.filled(resource.kind, wanted)
        old, new = before["metadata"], after.setdefault("metadata", {})
        for name in (*_KEPT_METADATA, "deletionGracePeriodSeconds"):
            new.pop(name, None)
            if name in old:
                new[name] = old[name]
        if resource.status:
            after.pop("status", None)
            if "status" in before:
                after["status"] = before["status"]
        object_creation.carried_over(resource.kind, before, after)
        return after


def _generation(resource: Resource, before: Body, after: Body) -> int:
    old: int = before["metadata"].get("generation", 0)
    if not resource.generation:
        return old
    return old + 1 if _counted(resource, before) != _counted(resource, after) else old


def _counted(resource: Resource, body: Body) -> list[object]:
    """The parts whose change is a new generation."""
    if resource.custom:
        left_out = {"metadata", "status"} if resource.status else {"metadata"}
        return [{name: value for name, value in body.items() if name not in left_out}]
    annotations = body["metadata"].get("annotations") or {} if resource.annotations_count else None
    return [body.get("spec"), annotations]


def _rewritten(before: Body, wanted: Body) -> Body:
    """`before` with the managedFields that a writer sends, which is how ownership is handed over."""
    sent = wanted.get("metadata", {}).get("managedFields")
    if not sent:
        return before
    return {**before, "metadata": {**before["metadata"], "managedFields": sent}}


def _same(before: Body, after: Body) -> bool:
    """Nothing differs but who owns it."""
    return _comparable(before) == _comparable(after)


def _same_owners(before: Body, claims: Claims | None) -> bool:
    """Nobody owns another field than before."""
    if claims is None:
        return not before["metadata"].get("managedFields")
    standing = {owner: claim.fields for owner, claim in managed_fields.read(before).items()}
    return standing == {owner: claim.fields for owner, claim in claims.items() if claim.fields}


def _comparable(body: Body) -> Body:
    metadata = {k: v for k, v in body["metadata"].items() if k not in ("managedFields", "resourceVersion")}
    return {**body, "metadata": metadata}


def _qualified(kind: Kind) -> str:
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


def not_found(kind: Kind, name: str) -> failures.NotFound:
    """The refusal for an object that does not exist."""
    return failures.NotFound(
        404, "NotFound", f'{_qualified(kind)} "{name}" not found', details={"name": name}
    )


def conflict(kind: Kind, name: str, why: str) -> failures.Conflict:
    """The refusal for an object that is not as the writer thinks."""
    sentence = f'Operation cannot be fulfilled on {_qualified(kind)} "{name}": {why}'
    return failures.Conflict(409, "Conflict", sentence, details={"name": name})


def forbidden(kind: Kind, name: str, why: str, *, details: Body | None = None) -> failures.Forbidden:
    """The refusal by admission."""
    sentence = f'{_qualified(kind)} "{name}" is forbidden: {why}'
    return failures.Forbidden(403, "Forbidden", sentence, details=details)
