"""What the administrator of the operator sets once for all objects: the runtime catalogue and the registry."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from seatrial.api import base, build


class Settings(base.SpecModel):
    """The operator's settings file. Everything has a default; without a repository only `model.image` works."""

    runtimes: Mapping[str, str] = Field(default_factory=dict)
    """Runtime name → the image that builds and serves with it, by a name that nodes and pods can both reach."""

    default_runtime: str = "sklearn"
    """Where a build begins when neither runtime nor format is given; the build may find that it needs another."""

    registry: build.Registry = build.Registry()
    """Where images go unless an object says otherwise."""

    plain_http: bool = False
    """The registry speaks http without TLS; for laboratories."""

    build_resources: build.Resources = build.Resources()
    """Of build containers unless an object says otherwise."""

    unverified_decisions: bool = False
    """Takes RolloutDecisions although no admission policy vouches for their author, and records them so."""
