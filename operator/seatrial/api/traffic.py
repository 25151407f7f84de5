"""`spec.traffic`: the router that divides requests between stable and canary, and its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from seatrial.api import base, fields


class WhenTooFew(StrEnum):
    """What to do when there are too few pods to approximate a weight."""

    PROCEED = "Proceed"
    HOLD = "Hold"


class ReplicaTraffic(base.SpecModel):
    """A plain Service: a track's share of new connections is its share of the ready pods."""

    when_too_few: WhenTooFew = WhenTooFew.PROCEED
    """What to do when even one canary pod receives more than a step's weight, as with 1 replica, where 10 % become
    50 %: Proceed gives it that share, warns when the rollout begins, and reports it in status.canary.actualWeight; Hold
    waits for more pods."""


class PluginTraffic(base.SpecModel):
    """A router that is installed beside the operator."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=63)]
    """The name that the router is registered under, a DNS label. The operator reports an unknown name in the
    status."""

    config: fields.FreeObject = Field(default_factory=dict)
    """The router's configuration, an object of any shape. The router validates it. Default: empty."""


class Traffic(base.SpecModel):
    """How requests are divided between stable and canary: at most one router."""

    replicas: ReplicaTraffic = ReplicaTraffic()
    """The replica router divides requests by the number of pods behind a plain Service and needs nothing else in the
    cluster. It is the default router."""

    plugin: PluginTraffic | None = None
    """A router of a third party and its configuration. Default: none; replicas is used."""

    @base.rule(
        "set at most one of replicas and plugin",
        cel="!(has(self.replicas) && has(self.plugin))",
    )
    def has_at_most_one_router(self) -> bool:
        """Requests are divided by one router."""
        return self.plugin is None or "replicas" not in self.model_fields_set

    @property
    def router(self) -> str:
        """The name of the router: that of the plugin, else `replicas`."""
        return self.plugin.name if self.plugin else "replicas"

    @property
    def config(self) -> Mapping[str, Any]:
        """The router's configuration as it was written; fields that were not written are absent."""
        return self.plugin.config if self.plugin else self.replicas.to_dict()
