"""The operator's settings, which its administrator sets for all objects: the runtime catalogue and the registry."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from seatrial.api import base, build, quantities


class Settings(base.SpecModel):
    """The operator's settings file. Every field has a default; without a repository only `model.image` works."""

    runtimes: Mapping[str, str] = Field(default_factory=dict)
    """The image of each runtime by the runtime's name; nodes and pods must be able to pull it by that name."""

    default_runtime: str = "sklearn"
    """The runtime that a build starts with when neither runtime nor format is set; the build may switch to another."""

    registry: build.Registry = build.Registry()
    """The registry of images, unless an object sets another."""

    plain_http: bool = False
    """Whether the registry uses plain HTTP without TLS; for test clusters only."""

    private_sources: bool = True
    """Whether models may be fetched from private networks, and so from the cluster itself. Link-local addresses are
    never connected to."""

    max_model_size: quantities.Quantity = "20Gi"
    """The most that the files of a model may have, fetched and unpacked; `0` means any size."""

    build_resources: build.Resources = build.Resources()
    """Resources of build containers, unless an object sets others."""

    secret_content: bool = True
    """Whether the content of a Secret that pods read names their revision. If not, its version does: the content is
    never requested, and a change of its metadata alone is a new revision too."""

    unverified_decisions: bool = False
    """Whether RolloutDecisions are accepted when no admission policy verifies their author; they are recorded as
    unverified."""
