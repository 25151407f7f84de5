"""Who gets the traffic."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.children import context
from seatrial.children.actions import Action
from seatrial.children.context import Scene
from seatrial.core.traffic import Split, split_of


def split_in_force(scene: Scene) -> Split | None:
    """Who is sent users: what was decided, unless writing has failed; then what the router is seen to say.

    None while nobody is to answer, and where that cannot be seen: its documents are missing, or edited by hand.
    """
    if scene.observed.apply_error is None:
        return split_of(scene.state)
    return scene.parts.router.read(scene.observed.services)


def is_written(scene: Scene) -> bool:
    """The router says what was decided, as far as anybody knows."""
    return split_of(scene.state) in (None, split_in_force(scene))


def changes(scene: Scene) -> Iterator[Action]:
    """What makes the split true."""
    split = split_of(scene.state)
    if split is not None:
        yield from context.compared(scene, iter(scene.parts.router.render(scene.owner, split)))
