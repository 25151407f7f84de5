"""`status.build`: the build of the target revision's image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from seatrial.api import base, fields, phases, status_fields
from seatrial.api.reasons import Reason


class BuildStatus(base.StatusModel):
    """The build of the wanted revision's image."""

    id: status_fields.Word
    """Ten hex digits that identify what the image is made from."""

    phase: phases.BuildPhase
    """Where it is."""

    job: status_fields.Name = ""
    """The name of the Job."""

    attempt: fields.Count = 1
    """Counts from 1."""

    lost: fields.Count | None = None
    """How many attempts in a row ended without a word; absent when the last one said how it ended."""

    image: status_fields.Name = ""
    """The image it made, with its digest."""

    model_digest: status_fields.Name = ""
    """`sha256:<hex>` of the fetched files."""

    format: status_fields.Word = ""
    """How the model's files are read."""

    runtime: status_fields.Word = ""
    """The runtime that the image is made on."""

    inputs: status_fields.Word = ""
    """Changes when a Secret or ConfigMap of the build does; a failed build is then tried again at once."""

    source: Annotated[Mapping[str, status_fields.Name], Field(max_length=16)] = Field(default_factory=dict)
    """What the source resolved to, as etag, version, size."""

    reason: Annotated[status_fields.Word, status_fields.known_reason_or(Reason.BUILD_EVICTED)] = ""
    """Why it failed or waits."""

    message: status_fields.Sentence = ""
    """Why it failed or waits, in a sentence."""

    log_tail: status_fields.LogTail = ""
    """The last lines of a failed build's log."""

    started_at: status_fields.Time | None = None
    """When the Job was made."""

    finished_at: status_fields.Time | None = None
    """When it ended."""

    seconds: Annotated[Mapping[str, float], Field(max_length=16)] = Field(default_factory=dict)
    """How long each part took, as fetch, load, push; in seconds."""
