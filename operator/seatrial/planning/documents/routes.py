"""Who gets the traffic."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.core.memory import Memory
from seatrial.core.moves import Phase
from seatrial.planning.actions import Action
from seatrial.planning.documents import scenes
from seatrial.planning.documents.scenes import Scene
from seatrial.routers.base import Split

WITH_USERS = frozenset({Phase.SHIFTING, Phase.PAUSED, Phase.PROMOTING, Phase.ROLLING_BACK})


def has_users(memory: Memory) -> bool:
    """The canary answers users now."""
    rollout = memory.rollout
    return (
        rollout is not None
        and rollout.phase in WITH_USERS
        and rollout.users_since is not None
        and rollout.weight > 0
    )


def split_of(memory: Memory) -> Split | None:
    """Who should answer; None while nobody can."""
    stable, canary, rollout = memory.stable, memory.canary, memory.rollout
    if stable is None:
        started = canary is not None and rollout is not None and rollout.phase is not Phase.BUILDING
        return Split(stable=canary.revision) if canary is not None and started else None
    if not has_users(memory) or canary is None or rollout is None:
        return Split(stable=stable.revision)
    return Split(stable=stable.revision, canary=canary.revision, weight=rollout.weight)


def split_in_force(scene: Scene) -> Split | None:
    """Who is sent users: what was decided, unless writing has failed; then what the router is seen to say.

    None while nobody is to answer, and where that cannot be seen: its documents are missing, or edited by hand.
    """
    if scene.observed.setback is None:
        return split_of(scene.memory)
    return scene.parts.router.read(scene.observed.services)


def is_written(scene: Scene) -> bool:
    """The router says what was decided, as far as anybody knows."""
    return split_of(scene.memory) in (None, split_in_force(scene))


def changes(scene: Scene) -> Iterator[Action]:
    """What makes the split true."""
    split = split_of(scene.memory)
    if split is not None:
        yield from scenes.compared(scene, iter(scene.parts.router.render(scene.owner, split)))
