"""Which children should exist now, and what is done about each: derived from the memory and what is seen."""

from __future__ import annotations

from seatrial.planning.actions import Action
from seatrial.planning.documents import builds, leftovers, promotions, routes, templates, workloads
from seatrial.planning.documents.leftovers import leaves_at
from seatrial.planning.documents.routes import has_users, is_written, split_in_force, split_of
from seatrial.planning.documents.scenes import Scene, owner_of

__all__ = [
    "Scene",
    "child_actions",
    "has_users",
    "is_written",
    "leaves_at",
    "owner_of",
    "split_in_force",
    "split_of",
]


def child_actions(scene: Scene, answers: tuple[Action, ...] = ()) -> tuple[Action, ...]:
    """What makes the children right, in the order in which it is safe to be interrupted.

    Traffic that goes home waits for nothing, and a person who has decided for nothing else. Otherwise what pods
    need comes before pods, autoscalers are held before users come, and traffic leaves before pods do.

    While the spec is refused, what runs is kept, and what fails is taken back; nothing is scaled or made anew.
    """
    routed = tuple(routes.changes(scene))
    home = scene.memory.stable is not None and not has_users(scene.memory)
    if scene.desired.refused:
        return (*routed, *answers, *workloads.changes(scene), *leftovers.workloads(scene))
    return (
        *(routed if home else ()),
        *answers,
        *templates.changes(scene),
        *workloads.autoscalers(scene),
        *(() if home else routed),
        *workloads.changes(scene),
        *workloads.budget(scene),
        *builds.changes(scene),
        *promotions.changes(scene),
        *leftovers.changes(scene),
    )
