"""Turns what a manager wrote by POST, PUT or PATCH into what it applied, in `metadata.managedFields`."""

from __future__ import annotations

from typing import Any

from seatrial.kube import bodies
from seatrial.kube.bodies import Body


def handover(body: Body, manager: str) -> list[Body]:
    """The JSON patch after which `manager` has applied all that it has written outside subresources."""
    entries = body["metadata"].get("managedFields") or []
    mine = [entry for entry in entries if entry["manager"] == manager and not entry.get("subresource")]
    others = [entry for entry in entries if entry not in mine]
    merged: Any = {}
    for entry in mine:
        merged = _union(merged, entry["fieldsV1"])
    adopted = [{**mine[0], "operation": "Apply", "fieldsV1": merged}] if mine else []
    return [
        {"op": "test", "path": "/metadata/resourceVersion", "value": bodies.version_of(body)},
        {"op": "replace", "path": "/metadata/managedFields", "value": others + adopted},
    ]


def needs_handover(body: Body, manager: str) -> bool:
    """Whether `manager` owns fields that an apply would not drop."""
    entries = body["metadata"].get("managedFields") or []
    return any(
        (entry["manager"], entry["operation"]) == (manager, "Update") and not entry.get("subresource")
        for entry in entries
    )


def _union(one: Body, other: Body) -> Body:
    merged = dict(one)
    for name, child in other.items():
        merged[name] = _union(merged.get(name, {}), child)
    return merged
