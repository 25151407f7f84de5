"""Kubernetes objects as they travel: plain dictionaries, and the few questions that everybody asks them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

Body: TypeAlias = dict[str, Any]


class ObjectKey(NamedTuple):
    """Where an object stands; `namespace` is empty for cluster-wide kinds."""

    namespace: str
    name: str


def key_of(body: Body) -> ObjectKey:
    """The namespace and name of `body`; empty strings where it has none."""
    metadata = body.get("metadata") or {}
    return ObjectKey(metadata.get("namespace") or "", metadata.get("name") or "")


def uid_of(body: Body) -> str:
    """The uid of `body`, or the empty string."""
    return (body.get("metadata") or {}).get("uid") or ""


def version_of(body: Body) -> str:
    """The resourceVersion of `body`, or the empty string."""
    return (body.get("metadata") or {}).get("resourceVersion") or ""


def labels_of(body: Body) -> dict[str, str]:
    """The labels of `body`; empty where it has none."""
    return (body.get("metadata") or {}).get("labels") or {}


def controller_of(body: Body) -> Body | None:
    """The owner reference of `body` that says `controller: true`."""
    owners = (body.get("metadata") or {}).get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def without_managed_fields(body: Body) -> Body:
    """`body` without what only the API server needs, a third of its size; itself where it has none."""
    if "managedFields" not in body["metadata"]:
        return body
    metadata = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    return {**body, "metadata": metadata}


def is_newer(version: str, than: str) -> bool:
    """Whether `version` was written after `than`; unlike things count as newer unless they are equal.

    Resource versions are compared as numbers only when both are digits, which every API server's are.
    """
    if version.isdigit() and than.isdigit():
        return int(version) > int(than)
    return version != than


def label(body: Body, name: str) -> str:
    """A label of an object, empty when it is not there."""
    return str((body["metadata"].get("labels") or {}).get(name, ""))


def time_of(text: str | None) -> datetime | None:
    """An RFC 3339 time of the API server; None for none."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def condition(body: Body, kind: str) -> Body:
    """What an object says of itself under this word; empty while it says nothing."""
    conditions = (body.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c.get("type") == kind), {})


def holds(body: Body, kind: str) -> bool:
    """A condition of an object is True."""
    return condition(body, kind).get("status") == "True"
