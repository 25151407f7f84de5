"""`status.stable` and `status.canary`: a revision that has pods."""

from __future__ import annotations

from seatrial.api import base, fields, status_fields


class Failure(base.StatusModel):
    """A failure of the pods of one revision."""

    reason: status_fields.Word
    """The reason of the failure, one CamelCase word."""

    message: status_fields.Sentence = ""
    """What failed, where, and what to do about it."""

    pod: status_fields.Name = ""
    """The name of the pod that failed."""

    exit_code: int | None = None
    """The exit code of the pod's container, if it exited."""

    restarts: fields.Count = 0
    """The number of restarts of the pod's container."""


class TrackStatus(base.StatusModel):
    """A revision that has pods."""

    revision: status_fields.Revision
    """Ten hex digits that identify what the pods run."""

    image: status_fields.Name = ""
    """The image, with its digest."""

    model_digest: status_fields.Name = ""
    """The digest of the model's files, `sha256:<hex>`."""

    format: status_fields.Word = ""
    """The format of the model's files."""

    build_id: status_fields.Word = ""
    """Ten hex digits that identify what the image is built from; empty when the spec sets the image."""

    replicas: fields.Count = 0
    """The desired number of pods."""

    ready_replicas: fields.Count = 0
    """The number of ready pods."""

    weight: status_fields.Share = 0
    """The desired share of traffic, in percent."""

    since: status_fields.Time | None = None
    """When the revision became stable, or the canary."""

    failure: Failure | None = None
    """The failure of the pods; absent while they are healthy."""


class CanaryStatus(TrackStatus):
    """The revision that is being rolled out."""

    actual_weight: status_fields.Share | None = None
    """The actual share of traffic, in percent, which the number of pods may limit."""
