"""The parts of `metadata` that the operator reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from seatrial.api import status_fields

_TIME: TypeAdapter[datetime] = TypeAdapter(status_fields.Time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The identity of an object; fields that are absent, as before it is stored, are empty."""

    key: Key
    uid: str
    generation: int
    resource_version: str
    created_at: datetime | None
    deleting: bool


def parse(body: Mapping[str, Any]) -> Metadata:
    """Return the metadata of `body`; never raise."""
    metadata = body.get("metadata")
    raw = metadata if isinstance(metadata, Mapping) else {}
    return Metadata(
        key=Key(str(raw.get("namespace") or "default"), str(raw.get("name") or "")),
        uid=str(raw.get("uid") or ""),
        generation=_generation(raw.get("generation")),
        resource_version=str(raw.get("resourceVersion") or ""),
        created_at=_time(raw.get("creationTimestamp")),
        deleting=bool(raw.get("deletionTimestamp")),
    )


def _generation(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _time(value: Any) -> datetime | None:
    try:
        return _TIME.validate_python(value)
    except ValidationError:
        return None


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """The namespace and name of one object of a known kind."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
