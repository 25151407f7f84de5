"""Which children should exist now, and what is done about each: derived from the memory and what is seen."""

from __future__ import annotations

from seatrial.planning.actions import Action
from seatrial.planning.documents import builds, leftovers, routes, templates, workloads
from seatrial.planning.documents.leftovers import leaves_at
from seatrial.planning.documents.routes import has_users, split_of
from seatrial.planning.documents.scenes import Scene

__all__ = ["Scene", "child_actions", "has_users", "leaves_at", "split_of"]


def child_actions(scene: Scene) -> tuple[Action, ...]:
    """What makes the children right, in the order in which it is safe to be interrupted.

    What pods need comes before pods; autoscalers are held before traffic moves; traffic leaves before pods do.
    """
    return (
        *templates.changes(scene),
        *workloads.autoscalers(scene),
        *routes.changes(scene),
        *workloads.changes(scene),
        *workloads.budget(scene),
        *builds.changes(scene),
        *leftovers.changes(scene),
    )
