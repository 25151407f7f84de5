"""Which children should exist now, and what is done about each: derived from the memory and what is seen."""

from __future__ import annotations

from seatrial.children import build_job, promotion_marks, pruning, revisions, traffic, workloads
from seatrial.children.actions import Action
from seatrial.children.context import Scene, owner_of
from seatrial.children.pruning import leaves_at
from seatrial.children.traffic import is_written, split_in_force
from seatrial.core.traffic import has_users, split_of

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


def actions_for(scene: Scene, answers: tuple[Action, ...] = ()) -> tuple[Action, ...]:
    """What makes the children right, in the order in which it is safe to be interrupted.

    Traffic that goes home waits for nothing, and a person who has decided for nothing else. Otherwise what pods
    need comes before pods, autoscalers are held before users come, and traffic leaves before pods do.

    While the spec is refused, what runs is kept, and what fails is taken back; nothing is scaled or made anew.
    """
    routed = tuple(traffic.changes(scene))
    home = scene.state.stable is not None and not has_users(scene.state)
    if scene.desired.refused:
        return (*routed, *answers, *workloads.changes(scene), *pruning.workloads(scene))
    return (
        *(routed if home else ()),
        *answers,
        *revisions.changes(scene),
        *workloads.autoscalers(scene),
        *(() if home else routed),
        *workloads.changes(scene),
        *workloads.budget(scene),
        *build_job.changes(scene),
        *promotion_marks.changes(scene),
        *pruning.changes(scene),
    )
