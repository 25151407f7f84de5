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

    Traffic that goes home waits for nothing. Otherwise what pods need comes before pods, autoscalers are held
    before users come, and traffic leaves before pods do.
    """
    routed = tuple(routes.changes(scene))
    home = scene.memory.stable is not None and not has_users(scene.memory)
    return (
        *(routed if home else ()),
        *templates.changes(scene),
        *workloads.autoscalers(scene),
        *(() if home else routed),
        *workloads.changes(scene),
        *workloads.budget(scene),
        *builds.changes(scene),
        *leftovers.changes(scene),
    )
