"""What the shell observed for one object: its children from the caches, referenced objects, decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from seatrial.api import settings
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from seatrial.core.evidence.samples import NO_SAMPLES, Samples
from seatrial.core.references import Reference, ReferencedData
from seatrial.core.snapshot import ApplyError, Bodies
from seatrial.core.traffic import Router
from seatrial.manifests.spec_paths import FieldProblem

NOT_CONTROLLED = frozenset({"Pod", "RolloutDecision"})
"""Kinds that the object does not control itself: its Deployments and Jobs, or a person, do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Objects as the API server returned them; only what belongs to one ModelDeployment."""

    children: Mapping[str, Bodies] = field(default_factory=dict)
    """By kind, each in order of name; pods and RolloutDecisions included."""
    references: Mapping[Reference, ReferencedData] = field(default_factory=dict)
    samples: Samples = NO_SAMPLES
    decisions_trusted: bool = False
    """The admission policy that verifies the author of a decision is in force."""
    foreign_autoscalers: Mapping[str, str] = field(default_factory=dict)
    """By revision: the HorizontalPodAutoscaler of somebody else that scales its Deployment."""
    apply_errors: tuple[ApplyError, ...] = ()
    problems: tuple[FieldProblem, ...] = ()
    """What the API server says about the dry runs."""

    def of(self, kind: Kind) -> Bodies:
        """Return the observed objects of a kind."""
        return self.children.get(kind.kind, ())

    def without_foreign(self, uid: str) -> Observed:
        """Return the same without children that another object controls, whatever their labels say.

        Those without a controller stay: they are orphans of a lost object of this name, and are adopted.
        """
        owned = {
            kind: bodies
            if kind in NOT_CONTROLLED
            else tuple(b for b in bodies if _controller(b) in ("", uid))
            for kind, bodies in self.children.items()
        }
        return replace(self, children=owned)


def _controller(body: Body) -> str:
    """Return the uid of the object that controls `body`; empty when none does."""
    owners = body["metadata"].get("ownerReferences") or ()
    return next((str(owner.get("uid", "")) for owner in owners if owner.get("controller")), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What an object is planned with besides itself: the router that it chose, and the operator's settings."""

    router: Router
    router_kinds: frozenset[str]
    """The names of the kinds that any installed router writes: what another router has left is of one of them."""
    settings: settings.Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Whose pods' metrics are read, and how often."""

    revisions: frozenset[str]
    interval: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What has to be observed for one object besides its own children."""

    references: tuple[Reference, ...] = ()
    """The ConfigMaps and Secrets whose content or absence matters, each once."""
    dry_runs: tuple[Body, ...] = ()
    """Objects of which the API server is asked whether it would create them."""
    measurement: Measurement | None = None
    """None while no requests are evidence for or against anything."""
