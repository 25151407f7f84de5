"""Pods as a kubelet reports them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from seatrial.api import names
from seatrial.api.objects import Body
from tests.builders import NEW

AT = "2026-11-21T12:00:07Z"
FINISHED_AT = datetime(2026, 11, 21, 12, 0, 7, tzinfo=UTC)


def pod(name: str = "p-1", *, revision: str = NEW, head: Body | None = None, **status: Any) -> Body:
    """Return a server pod with this status; `head`: more of its metadata."""
    labels = {names.LABEL_SERVER: "churn", names.LABEL_REVISION: revision}
    return {"metadata": {"name": name, "labels": labels, **(head or {})}, "status": status}


def container(*, restarts: int = 0, name: str = "server", **states: Any) -> list[Body]:
    """Return the statuses of a pod with one container."""
    return [{"name": name, "restartCount": restarts, "ready": False, **states}]


def terminated(code: int, reason: str = "Error", message: str = "", at: str = AT) -> Body:
    """Return the state of a container that exited."""
    return {"terminated": {"exitCode": code, "reason": reason, "message": message, "finishedAt": at}}


def waiting(reason: str, message: str = "") -> Body:
    """Return the state of a container that does not run yet."""
    return {"waiting": {"reason": reason, "message": message}}


def back_off(last: Body) -> Body:
    """Return the status of a pod whose container exited once and waits for its restart."""
    return {"containerStatuses": container(restarts=1, state=BACK_OFF, lastState=last)}


def condition(kind: str, status: str, reason: str = "", message: str = "") -> list[Body]:
    """Return the conditions of an object that has one of this `kind`."""
    return [{"type": kind, "status": status, "reason": reason, "message": message}]


READY = condition("Ready", "True")
DELETED = {"deletionTimestamp": AT}
BACK_OFF = waiting("CrashLoopBackOff", "back-off 10s restarting failed container=server")
