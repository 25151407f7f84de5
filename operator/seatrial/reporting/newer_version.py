"""A status that is kept, because a newer operator has written it or because a bug prevents a decision: nothing in it
is changed but the message and the condition Stalled."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from seatrial.api import conditions, status_fields
from seatrial.api.objects import Body
from seatrial.api.reasons import Reason
from seatrial.api.status import Status
from seatrial.reporting.events import Event, EventType


def message(status: Status) -> str:
    """Return why nothing may be decided."""
    values = ", ".join(status.unknown)
    return f"nothing is changed: status was written by a newer Seatrial ({values}); upgrade the operator"


def events(status: Status) -> tuple[Event, ...]:
    """Return the warning, unless the status has it already."""
    stalled = status.condition(conditions.ConditionType.STALLED)
    if stalled is not None and stalled.reason == Reason.NEWER_VERSION:
        return ()
    return (Event(reason=Reason.NEWER_VERSION, message=message(status), type=EventType.WARNING),)


def stalled_status(stored: Body, reason: Reason, text: str, now: datetime) -> Body:
    """Return the `stored` status with the message and a true condition Stalled; every other value is kept as it is."""
    kind = str(conditions.ConditionType.STALLED)
    others: list[Any] = [c for c in stored.get("conditions") or () if c.get("type") != kind]
    before: Body = next((c for c in stored.get("conditions") or () if c.get("type") == kind), {})
    since = before.get("lastTransitionTime") if before.get("status") == "True" else None
    stalled = {
        "type": kind,
        "status": "True",
        "reason": str(reason),
        "message": text,
        "lastTransitionTime": since or status_fields.format_time(now),
    }
    return {**stored, "message": text, "conditions": [*others, stalled]}
