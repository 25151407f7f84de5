"""What is kept of revisions: the template, image and promotion of each, and the copies of what its pods read."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from seatrial.api import names
from seatrial.api.objects import Body, label_of, parse_time
from seatrial.core.snapshot import Track
from seatrial.core.target import Image
from seatrial.manifests import workload
from seatrial.observation.observed import Observed


def templates(observed: Observed) -> dict[str, Body]:
    """Revision → its ControllerRevision."""
    return {label_of(body, names.LABEL_REVISION): body for body in observed.revisions}


def in_users_words(seen: Track, observed: Observed) -> Track:
    """The track with its trouble in the names of the ConfigMaps that the spec refers to, not in those of copies."""
    if seen.trouble is None:
        return seen
    said = seen.trouble.message
    for body in observed.copies:
        head = body["metadata"]
        if origin := (head.get("annotations") or {}).get(workload.COPY_OF):
            said = re.sub(rf"{re.escape(head['name'])}(?![\w-])", origin, said)
    return replace(seen, trouble=replace(seen.trouble, message=said))


def image_in(revision: Body) -> Image:
    """The image that a ControllerRevision was rendered with."""
    data = revision.get("data") or {}
    return Image(
        reference=str(data.get("image", "")),
        build_id=str(data.get("buildId", "")),
        model_digest=str(data.get("modelDigest", "")),
        format=str(data.get("format", "")),
    )


def promoted_at(revision: Body) -> datetime | None:
    """When a revision that served was promoted, as its ControllerRevision remembers it."""
    return parse_time((revision["metadata"].get("annotations") or {}).get(workload.PROMOTED_AT))


def fingerprint_in(revision: Body) -> str:
    """The fingerprint that a ControllerRevision was made from."""
    return str((revision["metadata"].get("annotations") or {}).get(workload.FINGERPRINT, ""))
