"""All that children are derived from, and how what should be is compared with what is seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.api import model_deployment
from seatrial.api.objects import Body
from seatrial.children import diff
from seatrial.children.actions import Action
from seatrial.core import references
from seatrial.core.snapshot import Snapshot
from seatrial.core.state import RolloutState
from seatrial.manifests.metadata import Owner
from seatrial.observation.observed import Observed, Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that children are derived from."""

    desired: model_deployment.ModelDeployment
    observed: Observed
    parts: Platform
    state: RolloutState
    snapshot: Snapshot
    fingerprint: str
    missing: tuple[references.Reference, ...] = ()
    """What pods of the wanted revision would lack: nothing is rendered until it is there."""

    @property
    def unnamed(self) -> bool:
        """What the spec asks for has no revision yet."""
        return bool(self.missing or self.desired.refused)

    @property
    def owner(self) -> Owner:
        """The object itself."""
        return owner_of(self.desired)


def owner_of(desired: model_deployment.ModelDeployment) -> Owner:
    """Who the children of an object belong to: the object itself."""
    return Owner(namespace=desired.key.namespace, name=desired.key.name, uid=desired.uid)


def seen(scene: Scene, wanted: Body) -> Body | None:
    """The child of this kind and name, if it is there."""
    name, kind = wanted["metadata"]["name"], wanted["kind"]
    return next(
        (b for b in scene.observed.children() if b["metadata"]["name"] == name and b["kind"] == kind), None
    )


def compared(scene: Scene, documents: Iterator[Body]) -> Iterator[Action]:
    """What makes the children as wanted; nothing for those that are."""
    for wanted in documents:
        action = diff.change(wanted, seen(scene, wanted))
        if action is not None:
            yield action
