"""`spec` of a ModelDeployment: every field except the model has a default."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

# Classes are imported instead of modules, because the fields have the names of the modules.
from seatrial.api import base, fields
from seatrial.api.build import Build
from seatrial.api.model import Model
from seatrial.api.rollout import Rollout
from seatrial.api.scaling import Scaling
from seatrial.api.serving import Serving
from seatrial.api.traffic import Traffic


class Spec(base.SpecModel):
    """The desired state: the model, and how it is built, served, scaled and rolled out."""

    model: Model
    """The model that is served. The only field without a default."""

    build: Build = Build()
    """How the model is built into an image."""

    serving: Serving = Serving()
    """How the server's pods run the model."""

    scaling: Annotated[Scaling, Field(json_schema_extra=fields.stored_default({}))] = Scaling()
    """The number of server pods."""

    traffic: Traffic = Traffic()
    """How requests are divided between stable and canary."""

    rollout: Rollout = Rollout()
    """How a new revision replaces the old one."""

    paused: Annotated[bool, Field(strict=True)] = False
    """Whether the rollout is paused: traffic and clocks stand still, and what serves continues to serve."""
