"""JSON merge patch (RFC 7386) and JSON patch (RFC 6902)."""

from __future__ import annotations

import copy
from typing import Any

from seatrial.api.objects import Body
from seatrial.kube import failures


def merge(target: Any, patch: Any) -> Any:
    """Return `target` with the merge patch applied."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def operate(target: Body, operations: list[Body]) -> Body:
    """Return `target` after the add, replace, remove and test operations; raise `Invalid` when one fails."""
    result = copy.deepcopy(target)
    for operation in operations:
        try:
            _operate_one(result, operation)
        except (LookupError, ValueError, TypeError) as error:
            message = f"the server rejected our request due to an error in our request: {error}"
            raise failures.Invalid(422, "Invalid", message) from None
    return result


def _operate_one(target: Any, operation: Body) -> None:
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    for part in parents:
        target = target[int(part)] if isinstance(target, list) else target[part]
    position: Any = last
    if isinstance(target, list):
        position = len(target) if last == "-" else int(last)
    match operation["op"]:
        case "add" if isinstance(target, list):
            target.insert(position, operation["value"])
        case "add":
            target[position] = operation["value"]
        case "replace":
            target[position]  # raises when it is missing
            target[position] = operation["value"]
        case "remove":
            del target[position]
        case "test":
            if target[position] != operation["value"]:
                raise ValueError(f"testing value {operation['path']} failed")
        case unknown:
            raise ValueError(f"Unexpected kind: {unknown}")
