"""The ModelDeployment that children belong to."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.api import names
from seatrial.api.objects import Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The identity of a ModelDeployment as its children refer to it."""

    namespace: str
    name: str
    uid: str

    def reference(self) -> Body:
        """Return the controller reference by which the garbage collector deletes children with their owner."""
        return {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }

    def child(self, revision: str) -> str:
        """Return the name of the children of one revision."""
        return f"{self.name}-{revision}"
