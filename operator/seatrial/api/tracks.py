"""What `status` says about one revision that has pods: `stable` or `canary`."""

from __future__ import annotations

from seatrial.api import base, fields, status_fields


class Failure(base.StatusModel):
    """What is wrong with a track's pods."""

    reason: status_fields.Word
    """A reason word."""

    message: status_fields.Sentence = ""
    """What happened, where, and what to do."""

    pod: status_fields.Name = ""
    """The name of the pod that shows it."""

    exit_code: int | None = None
    """Of its container, when that ended."""

    restarts: fields.Count = 0
    """Of its container."""


class TrackStatus(base.StatusModel):
    """One revision that has pods."""

    revision: status_fields.Revision
    """Ten hex digits that identify what the pods run."""

    image: status_fields.Name = ""
    """The image, with its digest."""

    model_digest: status_fields.Name = ""
    """`sha256:<hex>` of the model's files."""

    format: status_fields.Word = ""
    """How the model's files are read."""

    build_id: status_fields.Word = ""
    """Ten hex digits that identify what the image is made from; empty for a given image."""

    replicas: fields.Count = 0
    """Pods wanted."""

    ready_replicas: fields.Count = 0
    """Pods that answer."""

    weight: status_fields.Share = 0
    """The share of traffic that is asked for, in percent."""

    since: status_fields.Time | None = None
    """When it became what it is: stable, or the canary."""

    failure: Failure | None = None
    """What is wrong with its pods; absent when nothing is."""


class CanaryStatus(TrackStatus):
    """The revision that is tried."""

    actual_weight: status_fields.Share | None = None
    """The share it really has, in percent: what the number of pods allows."""
