"""What the shell has looked at for one object: children from the caches, referenced objects, decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from seatrial.api import settings
from seatrial.api.objects import Body
from seatrial.core import references
from seatrial.routers.base import Router

Bodies = tuple[Body, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyError:
    """Why the actions of the pass before were not all done: a reason of the API and a sentence."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Dictionaries as the API server gave them, each kind in order of name; only what belongs to one object."""

    deployments: Bodies = ()
    services: Bodies = ()
    autoscalers: Bodies = ()
    budgets: Bodies = ()
    jobs: Bodies = ()
    pods: Bodies = ()
    revisions: Bodies = ()
    copies: Bodies = ()
    decisions: Bodies = ()
    references: Mapping[references.Reference, references.ReferencedData] = field(default_factory=dict)
    decisions_trusted: bool = False
    """The admission policy that vouches for the author of a decision is seen to be in force."""
    apply_error: ApplyError | None = None

    def without_foreign(self, uid: str) -> Observed:
        """The same without children that another object controls, whatever their labels say.

        Those that nobody controls stay: they are orphans of a lost object of this name, and adopted.
        """
        return replace(
            self,
            deployments=_not_foreign(self.deployments, uid),
            services=_not_foreign(self.services, uid),
            autoscalers=_not_foreign(self.autoscalers, uid),
            budgets=_not_foreign(self.budgets, uid),
            jobs=_not_foreign(self.jobs, uid),
            revisions=_not_foreign(self.revisions, uid),
            copies=_not_foreign(self.copies, uid),
        )

    def children(self) -> Bodies:
        """Everything that the operator itself makes, pods apart."""
        return (
            *self.revisions,
            *self.copies,
            *self.deployments,
            *self.services,
            *self.autoscalers,
            *self.budgets,
            *self.jobs,
        )


def _not_foreign(bodies: Bodies, uid: str) -> Bodies:
    return tuple(body for body in bodies if controller_of(body) in ("", uid))


def controller_of(body: Body) -> str:
    """The uid of the object that controls this one; empty when nobody does."""
    owners = body["metadata"].get("ownerReferences") or ()
    return next((str(owner.get("uid", "")) for owner in owners if owner.get("controller")), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What an object's plan is made with besides itself: the chosen plugins and the operator's settings."""

    router: Router
    settings: settings.Settings
