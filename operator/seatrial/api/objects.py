"""Kubernetes objects as plain dictionaries, and accessors for the parts that most code reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

Body: TypeAlias = dict[str, Any]


class ObjectKey(NamedTuple):
    """The namespace and name of an object; the namespace of a cluster-scoped one is empty."""

    namespace: str
    name: str


def key_of(body: Body) -> ObjectKey:
    """Return the namespace and name of the object; empty strings where they are absent."""
    metadata = body.get("metadata") or {}
    return ObjectKey(metadata.get("namespace") or "", metadata.get("name") or "")


def uid_of(body: Body) -> str:
    """Return the uid of the object, or an empty string."""
    return (body.get("metadata") or {}).get("uid") or ""


def version_of(body: Body) -> str:
    """Return the resourceVersion of the object, or an empty string."""
    return (body.get("metadata") or {}).get("resourceVersion") or ""


def labels_of(body: Body) -> dict[str, str]:
    """Return the labels of the object; empty if it has none."""
    return (body.get("metadata") or {}).get("labels") or {}


def label_of(body: Body, name: str) -> str:
    """Return the value of one label of the object, or an empty string."""
    return str(labels_of(body).get(name, ""))


def controller_of(body: Body) -> Body | None:
    """Return the owner reference of the object with `controller: true`, or None."""
    owners = (body.get("metadata") or {}).get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def condition_of(body: Body, condition_type: str) -> Body:
    """Return the condition of this type in the status of the object; empty if there is none."""
    conditions = (body.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == condition_type), {})


def is_condition_true(body: Body, condition_type: str) -> bool:
    """Return whether the condition of this type is True."""
    return condition_of(body, condition_type).get("status") == "True"


def without_managed_fields(body: Body) -> Body:
    """Return the object without `metadata.managedFields`, a third of its size that only the API server needs.

    Entries of the scale subresource stay: they say who set the replicas last.
    """
    if "managedFields" not in body["metadata"]:
        return body
    metadata = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    scaled = [entry for entry in body["metadata"]["managedFields"] if entry.get("subresource") == "scale"]
    return {**body, "metadata": {**metadata, "managedFields": scaled} if scaled else metadata}


def scaled_by(body: Body) -> str:
    """Return the field manager that set the replicas through the scale subresource last; empty if none did."""
    entries = body["metadata"].get("managedFields") or ()
    return next((str(e.get("manager", "")) for e in entries if e.get("subresource") == "scale"), "")


def is_newer(version: str, than: str) -> bool:
    """Return whether the resourceVersion `version` was written after `than`.

    Versions are compared as numbers if both are digits, as those of every API server are; others are newer unless
    they are equal.
    """
    if version.isdigit() and than.isdigit():
        return int(version) > int(than)
    return version != than


def parse_time(text: str | None) -> datetime | None:
    """Return the time that an RFC 3339 text of the API server names; None for None or an empty text."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
