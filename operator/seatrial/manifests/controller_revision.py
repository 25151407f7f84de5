"""The ControllerRevision of a revision: how it is rendered once, and how it is read back.

Repair, rollback and an upgraded operator apply the kept template again, never a fresh rendering.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from seatrial.api import names
from seatrial.api.objects import Body, parse_time
from seatrial.api.owner import Owner
from seatrial.core.target import Image
from seatrial.manifests import metadata

RENDERER_VERSION = 1
FINGERPRINT = f"{names.GROUP}/fingerprint"
PROMOTED_AT = f"{names.GROUP}/promoted-at"
"""Annotation: when the revision was promoted; absent on one that was rejected since, and on stable's."""
REJECTED = f"{names.GROUP}/rejected"
"""Annotation: why the revision was rejected, as in `status.rejected`; absent on one that may be tried."""


def render(
    owner: Owner, revision: str, *, template: Body, image: Image, fingerprint: str, number: int
) -> Body:
    """Return the ControllerRevision. `number`: its place in the order of revisions."""
    body = metadata.child(
        owner,
        api_version="apps/v1",
        kind="ControllerRevision",
        name=owner.child(revision),
        revision=revision,
        annotations={FINGERPRINT: fingerprint},
        data={
            "rendererVersion": RENDERER_VERSION,
            "image": image.reference,
            "buildId": image.build_id,
            "modelDigest": image.model_digest,
            "format": image.format,
            "template": template,
        },
    )
    return {**body, "revision": number}


def by_revision(bodies: Iterable[Body]) -> dict[str, Body]:
    """Return the ControllerRevisions by the revision that each describes."""
    return {metadata.revision_of(body): body for body in bodies}


def image_of(body: Body) -> Image:
    """Return the image that the revision was rendered with."""
    data = body.get("data") or {}
    return Image(
        reference=str(data.get("image", "")),
        build_id=str(data.get("buildId", "")),
        model_digest=str(data.get("modelDigest", "")),
        format=str(data.get("format", "")),
    )


def template_of(body: Body) -> Body:
    """Return the pod template that the revision was rendered with."""
    template: Body = (body.get("data") or {}).get("template") or {}
    return template


def promoted_at(body: Body) -> datetime | None:
    """Return when the revision was promoted, as far as the ControllerRevision says."""
    return parse_time(_annotation(body, PROMOTED_AT) or None)


def rejection_text(body: Body) -> str:
    """Return why the revision was rejected, as it was noted; empty if it was not."""
    return _annotation(body, REJECTED)


def fingerprint_of(body: Body) -> str:
    """Return the fingerprint that the revision was named by."""
    return _annotation(body, FINGERPRINT)


def _annotation(body: Body, name: str) -> str:
    return str((body["metadata"].get("annotations") or {}).get(name, ""))
