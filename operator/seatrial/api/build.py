"""`spec.build`: how the model becomes an image."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from seatrial.api import base, durations, fields, quantities

_REPOSITORY = r"^([A-Za-z0-9][-A-Za-z0-9.]*(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+)?$"

Repository = Annotated[str, Field(max_length=255, pattern=_REPOSITORY)]
"""`host[:port]/path`, without scheme, tag or digest; empty means the operator's setting."""


class Resources(base.SpecModel):
    """What a container asks for and may use at most, as core/v1 ResourceRequirements."""

    requests: Annotated[Mapping[str, quantities.Quantity], Field(max_length=16)] = Field(default_factory=dict)
    """What the scheduler keeps free, as `{cpu: 200m, memory: 512Mi}`."""

    limits: Annotated[Mapping[str, quantities.Quantity], Field(max_length=16)] = Field(default_factory=dict)
    """What the container may use at most, as `{memory: 1Gi}`."""

    def canonical(self) -> dict[str, dict[str, str]]:
        """Both maps with every amount in its one canonical text; equal amounts are equal here."""
        both = {"requests": self.requests, "limits": self.limits}
        return {
            part: {name: quantities.canonical_quantity(amount) for name, amount in sorted(amounts.items())}
            for part, amounts in both.items()
            if amounts
        }


class Registry(base.SpecModel):
    """Where built images are pushed and pulled; what is absent comes from the operator's settings."""

    repository: Repository = ""
    """Where the build pushes: `host[:port]/path`, without scheme or tag. Default: the operator's setting."""

    pull_repository: Repository = ""
    """The same repository by the name that nodes pull from. Default: repository where that is given,
    else the operator's setting."""

    push_secret_name: fields.ObjectName = ""
    """A Secret of type kubernetes.io/dockerconfigjson beside this object, for the build alone.
    Default: the operator's setting."""

    pull_secret_name: fields.ObjectName = ""
    """A Secret of type kubernetes.io/dockerconfigjson beside this object, for the server's pods.
    Default: the operator's setting."""

    ca_config_map_name: fields.ObjectName = ""
    """A ConfigMap beside this object whose values are PEM certificates that the build trusts as well.
    Default: the operator's setting."""


class Build(base.SpecModel):
    """How the model becomes an image. A change here makes a new image, one of serving does not."""

    runtime: Annotated[str, Field(max_length=63, pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$")] = ""
    """A name in the operator's runtime catalogue. Default: the one that reads the model's format."""

    registry: Registry = Registry()
    """Where the image is pushed and pulled. Default: the operator's settings."""

    resources: Resources = Resources()
    """Of the build's container. Default: the operator's settings."""

    timeout: durations.PositiveDuration = timedelta(minutes=30)
    """How long one attempt may take, as `30m`; then it ends with reason BuildTimeout."""

    refresh: Annotated[str, Field(max_length=253)] = ""
    """Any new text fetches and builds once more, on the current image of the runtime."""
