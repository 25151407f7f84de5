"""`spec.build`: how the model is built into an image."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from seatrial.api import base, durations, fields, quantities

_REPOSITORY = r"^([A-Za-z0-9][-A-Za-z0-9.]*(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+)?$"

Repository = Annotated[str, Field(max_length=255, pattern=_REPOSITORY)]
"""`host[:port]/path`, without scheme, tag or digest; empty for the operator's setting."""


class Resources(base.SpecModel):
    """The resource requests and limits of a container, as in core/v1 ResourceRequirements."""

    requests: Annotated[Mapping[str, quantities.Quantity], Field(max_length=16)] = Field(default_factory=dict)
    """The resources that the scheduler reserves, for example `{cpu: 200m, memory: 512Mi}`."""

    limits: Annotated[Mapping[str, quantities.Quantity], Field(max_length=16)] = Field(default_factory=dict)
    """The most that the container may use, for example `{memory: 1Gi}`."""

    def canonical(self) -> dict[str, dict[str, str]]:
        """Return the requests and limits with canonical quantities, so that equal resources compare equal."""
        sections = {"requests": self.requests, "limits": self.limits}
        return {
            section: {name: quantities.canonical_quantity(amount) for name, amount in sorted(amounts.items())}
            for section, amounts in sections.items()
            if amounts
        }


class Registry(base.SpecModel):
    """The registry that images are pushed to and pulled from; absent fields come from the operator's settings."""

    repository: Repository = ""
    """The repository that the build pushes to: `host[:port]/path`, without scheme or tag. Default: the operator's
    setting."""

    pull_repository: Repository = ""
    """The same repository under the name that nodes pull from. Default: repository if it is set, else the operator's
    setting."""

    push_secret_name: fields.ObjectName = ""
    """A Secret of type kubernetes.io/dockerconfigjson in the same namespace, used only by the build.
    Default: the operator's setting."""

    pull_secret_name: fields.ObjectName = ""
    """A Secret of type kubernetes.io/dockerconfigjson in the same namespace, used by the server's pods.
    Default: the operator's setting."""

    ca_config_map_name: fields.ObjectName = ""
    """A ConfigMap in the same namespace whose values are PEM certificates that the build trusts in addition to the
    system's. Default: the operator's setting."""


class Build(base.SpecModel):
    """How the model is built into an image. A change here builds a new image; a change of serving does not."""

    runtime: Annotated[str, Field(max_length=63, pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$")] = ""
    """The name of a runtime in the operator's catalogue. Default: the runtime that reads the model's format."""

    registry: Registry = Registry()
    """The registry that the image is pushed to and pulled from. Default: the operator's settings."""

    resources: Resources = Resources()
    """Resources of the build's container. Default: the operator's settings."""

    timeout: durations.PositiveDuration = timedelta(minutes=30)
    """How long one attempt may take, for example `30m`; after that it fails with reason BuildTimeout."""

    refresh: Annotated[str, Field(max_length=253)] = ""
    """Any string; a change fetches and builds the model again, on the current image of the runtime."""
