"""`spec.traffic`: how requests are shared between stable and canary."""

from __future__ import annotations

from enum import StrEnum

from seatrial.api import base


class WhenTooFew(StrEnum):
    """What to do when there are too few pods to come near a weight."""

    PROCEED = "Proceed"
    HOLD = "Hold"


class ReplicaTraffic(base.SpecModel):
    """A plain Service; a track's share of new connections is its share of the ready pods."""

    when_too_few: WhenTooFew = WhenTooFew.PROCEED
    """When so few pods cannot come near a step's weight: Proceed takes the nearest share and says so in
    status.canary.actualWeight, Hold waits for more pods."""


class Traffic(base.SpecModel):
    """How requests are shared between stable and canary."""

    replicas: ReplicaTraffic = ReplicaTraffic()
    """By the number of pods behind a plain Service; nothing else is needed in the cluster."""

    @property
    def router(self) -> str:
        """The name of the router that is asked for: the field that was written, `replicas` where none was."""
        return next(iter(self.model_fields_set), "replicas")
