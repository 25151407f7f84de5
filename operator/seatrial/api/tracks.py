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


class RevisionIdentity(base.StatusModel):
    """A revision, the model that it runs, and where that came from."""

    revision: status_fields.Revision
    """Ten hex digits that identify what the pods run."""

    image: status_fields.Name = ""
    """The image, with its digest."""

    model_digest: status_fields.Name = ""
    """The digest of the model's files, `sha256:<hex>`; empty when the spec sets the image."""

    source_uri: status_fields.Name = ""
    """The address of the model's files, without user, password and query; empty when the spec sets the image."""

    source_version: status_fields.Name = ""
    """The version that the address resolved to, for example `etag 9f3c`; empty if the source has no versions."""

    built_at: status_fields.Time | None = None
    """When the image was built; absent if the registry had it already."""


class TrackStatus(RevisionIdentity):
    """A revision that has pods."""

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
    """When the revision became stable, which is when it was promoted, or when it became the canary."""

    failure: Failure | None = None
    """The failure of the pods; absent while they are healthy."""


class CanaryStatus(TrackStatus):
    """The revision that is being rolled out."""

    actual_weight: status_fields.Share | None = None
    """The actual share of traffic, in percent, which the number of pods may limit."""
