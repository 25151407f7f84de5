"""What a run waits for, of a ModelDeployment and of the plain objects of the floor."""

from __future__ import annotations

from seatrial.api import kinds, names, objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from tests.bench.timeline import Milestone

PLAIN = "bench.seatrial.dev/plain"
"""A label of the floor's objects."""


def child(kind: Kind, label: str = names.LABEL_DEPLOYMENT) -> Milestone:
    """An object of this kind is there for the one that the label names."""
    return lambda seen, body: objects.labels_of(body).get(label) if seen is kind else None


def new_child(kind: Kind, known: set[str], label: str = names.LABEL_DEPLOYMENT) -> Milestone:
    """An object of this kind is there that is not among the known ones."""
    named = child(kind, label)
    return lambda seen, body: None if body["metadata"]["name"] in known else named(seen, body)


def healthy(kind: Kind, body: Body) -> str | None:
    """The object serves what its spec of now asks for."""
    status = body.get("status") or {}
    current = status.get("observedGeneration") == body["metadata"].get("generation")
    rests = kind is kinds.MODEL_DEPLOYMENT and status.get("phase") == "Healthy" and current
    return body["metadata"]["name"] if rests else None


def rejected(kind: Kind, body: Body) -> str | None:
    """What was aborted is gone, and stable serves alone."""
    phase = (body.get("status") or {}).get("phase")
    return body["metadata"]["name"] if kind is kinds.MODEL_DEPLOYMENT and phase == "Rejected" else None


def has_users(kind: Kind, body: Body) -> str | None:
    """The Service reaches both tracks."""
    return _service_of(kind, body, narrow=False)


def narrow(kind: Kind, body: Body) -> str | None:
    """The Service reaches one revision alone."""
    return _service_of(kind, body, narrow=True)


def _service_of(kind: Kind, body: Body, *, narrow: bool) -> str | None:
    if kind is not kinds.SERVICE:
        return None
    selects_one = names.LABEL_REVISION in body["spec"]["selector"]
    return body["metadata"]["name"] if selects_one == narrow else None


def plain_available(kind: Kind, body: Body) -> str | None:
    """The plain Deployment has its pod."""
    available = (body.get("status") or {}).get("availableReplicas")
    return objects.labels_of(body).get(PLAIN) if kind is kinds.DEPLOYMENT and available else None


def plain_narrow(kind: Kind, body: Body) -> str | None:
    """The plain Service selects what it was told to."""
    selects = (body.get("spec") or {}).get("selector") or {}
    return objects.labels_of(body).get(PLAIN) if kind is kinds.SERVICE and "narrow" in selects else None
