"""The router's objects: who receives traffic."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.api.objects import Body
from seatrial.children import comparison
from seatrial.children.actions import Action, delete_action
from seatrial.core.decide import Decision


def actions(decision: Decision) -> Iterator[Action]:
    """Yield what makes the router do what was decided, and deletes what another router has left."""
    if decision.split is None:
        return
    rendered = decision.target.router.render(decision.target.owner, decision.split)
    yield from comparison.changes(decision.snapshot, rendered)
    yield from _leftovers(decision, rendered)


def _leftovers(decision: Decision, rendered: tuple[Body, ...]) -> Iterator[Action]:
    wanted = {(body["kind"], body["metadata"]["name"]) for body in rendered}
    for kind in sorted(decision.snapshot.router_kinds):
        for body in decision.snapshot.children.get(kind, ()):
            head = body["metadata"]
            if (
                (kind, head["name"]) not in wanted
                and _is_ours(body, decision)
                and "deletionTimestamp" not in head
            ):
                yield delete_action(body)


def _is_ours(body: Body, decision: Decision) -> bool:
    owners = body["metadata"].get("ownerReferences") or ()
    return any(o.get("controller") and o.get("uid") == decision.target.owner.uid for o in owners)
