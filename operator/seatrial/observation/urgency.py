"""Which objects go first: those whose canary receives traffic, since what is wrong with it hurts users."""

from __future__ import annotations

from seatrial.api.objects import Body


def canary_has_users(body: Body) -> bool:
    """Return whether the canary receives traffic beside stable, or is to, as the status of a ModelDeployment says."""
    status = body.get("status") or {}
    canary = status.get("canary") or {}
    shares = (canary.get("weight") or 0, canary.get("actualWeight") or 0)
    return bool(status.get("stable")) and max(shares) > 0
