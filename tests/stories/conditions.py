"""The conditions of a status, by type."""

from __future__ import annotations

from seatrial.api.objects import Body


def condition_statuses(status: Body) -> dict[str, str]:
    """Return the status of each condition by its type."""
    return {condition["type"]: condition["status"] for condition in status["conditions"]}


def condition_messages(status: Body) -> dict[str, str]:
    """Return the message of each condition by its type."""
    return {condition["type"]: condition.get("message", "") for condition in status["conditions"]}


def condition_reasons(status: Body) -> dict[str, str]:
    """Return the reason of each condition by its type."""
    return {condition["type"]: condition["reason"] for condition in status["conditions"]}
