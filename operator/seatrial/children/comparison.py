"""Compares rendered children with the observed ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seatrial.api.objects import Body
from seatrial.children import diff
from seatrial.children.actions import Action
from seatrial.core.snapshot import Snapshot


def observed(snapshot: Snapshot, rendered: Body) -> Body | None:
    """Return the observed child of the kind and name of `rendered`, if it exists."""
    name = rendered["metadata"]["name"]
    return next(
        (b for b in snapshot.children.get(rendered["kind"], ()) if b["metadata"]["name"] == name), None
    )


def changes(snapshot: Snapshot, rendered: Iterable[Body]) -> Iterator[Action]:
    """Yield what makes the children as rendered; nothing for those that are."""
    for body in rendered:
        action = diff.change(body, observed(snapshot, body))
        if action is not None:
            yield action
