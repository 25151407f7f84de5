"""`status.build`: the build of the target revision's image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from seatrial.api import base, fields, phases, status_fields
from seatrial.api.reasons import Reason


class BuildStatus(base.StatusModel):
    """The build of the target revision's image."""

    id: status_fields.Word
    """Ten hex digits that identify what the image is built from."""

    phase: phases.BuildPhase
    """The phase of the build; Cached means that the image already existed."""

    job: status_fields.Name = ""
    """The name of the Job of the current attempt."""

    attempt: fields.Count = 1
    """The number of the attempt, counted from 1."""

    lost: fields.Count | None = None
    """How many consecutive attempts ended without a result; absent when the last one reported its result."""

    image: status_fields.Name = ""
    """The image that was built, with its digest."""

    model_digest: status_fields.Name = ""
    """The digest of the fetched files, `sha256:<hex>`."""

    format: status_fields.Word = ""
    """The format of the model's files."""

    runtime: status_fields.Word = ""
    """The name of the runtime that the image is based on."""

    inputs: status_fields.Word = ""
    """A digest of the Secrets and ConfigMaps of the build; when it changes, a failed build is retried immediately."""

    source: Annotated[Mapping[str, status_fields.Name], Field(max_length=16)] = Field(default_factory=dict)
    """What the source resolved to, for example its etag, version or size."""

    reason: Annotated[status_fields.Word, status_fields.known_reason_or(Reason.BUILD_EVICTED)] = ""
    """The reason why the build failed or waits, one CamelCase word."""

    message: status_fields.Sentence = ""
    """The reason why the build failed or waits in a sentence."""

    log_tail: status_fields.LogTail = ""
    """The last lines of the log of a failed build."""

    started_at: status_fields.Time | None = None
    """When the Job was created."""

    finished_at: status_fields.Time | None = None
    """When the build ended."""

    seconds: Annotated[Mapping[str, float], Field(max_length=16)] = Field(default_factory=dict)
    """The duration of each part of the build, such as fetch, load and push, in seconds."""
