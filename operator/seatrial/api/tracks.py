"""What `status` says about one revision that has pods: `stable` or `canary`."""

from __future__ import annotations

from seatrial.api import base, shapes, told


class Failure(base.Told):
    """What is wrong with a track's pods."""

    reason: told.Word
    """A reason word."""

    message: told.Sentence = ""
    """What happened, where, and what to do."""

    pod: told.Name = ""
    """The name of the pod that shows it."""

    exit_code: int | None = None
    """Of its container, when that ended."""

    restarts: shapes.Count = 0
    """Of its container."""


class TrackStatus(base.Told):
    """One revision that has pods."""

    revision: told.Revision
    """Ten hex digits that identify what the pods run."""

    image: told.Name = ""
    """The image, with its digest."""

    model_digest: told.Name = ""
    """`sha256:<hex>` of the model's files."""

    format: told.Word = ""
    """How the model's files are read."""

    build_id: told.Word = ""
    """Ten hex digits that identify what the image is made from; empty for a given image."""

    replicas: shapes.Count = 0
    """Pods wanted."""

    ready_replicas: shapes.Count = 0
    """Pods that answer."""

    weight: told.Share = 0
    """The share of traffic that is asked for, in percent."""

    since: told.Time | None = None
    """When it became what it is: stable, or the canary."""

    failure: Failure | None = None
    """What is wrong with its pods; absent when nothing is."""


class CanaryStatus(TrackStatus):
    """The revision that is tried."""

    actual_weight: told.Share | None = None
    """The share it really has, in percent: what the number of pods allows."""
