"""`spec` of a ModelDeployment: everything but the model has a default."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

# By class and not by module: here the fields have the modules' names.
from seatrial.api import base
from seatrial.api.build import Build
from seatrial.api.model import Model
from seatrial.api.rollout import Rollout
from seatrial.api.scaling import Scaling
from seatrial.api.serving import Serving
from seatrial.api.traffic import Traffic


class Spec(base.SpecModel):
    """What is wanted: which model, how it is built, run, scaled and brought to its users."""

    model: Model
    """What is served. The one part without a default."""

    build: Build = Build()
    """How the model becomes an image."""

    serving: Serving = Serving()
    """How the server's pods run."""

    scaling: Scaling = Scaling()
    """How many pods serve."""

    traffic: Traffic = Traffic()
    """How requests are shared between stable and canary."""

    rollout: Rollout = Rollout()
    """How a new revision takes over."""

    paused: Annotated[bool, Field(strict=True)] = False
    """Freezes traffic and clocks; what serves goes on serving."""
