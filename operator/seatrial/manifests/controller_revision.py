"""The ControllerRevision of a revision: how it is rendered once, and how it is read back.

Repair, rollback and an upgraded operator apply the kept template again, never a fresh rendering.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from seatrial.api import names
from seatrial.api.objects import Body, parse_time
from seatrial.api.owner import Owner
from seatrial.api.status_fields import format_time
from seatrial.core.target import Image
from seatrial.manifests import metadata

RENDERER_VERSION = 1
FINGERPRINT = f"{names.GROUP}/fingerprint"
MODEL_DIGEST = f"{names.GROUP}/model-digest"
SOURCE = f"{names.GROUP}/source"
"""Annotation: the address of the model's files, without its secrets."""
SOURCE_VERSION = f"{names.GROUP}/source-version"
BUILT_AT = f"{names.GROUP}/built-at"
PROMOTED_AT = f"{names.GROUP}/promoted-at"
"""Annotation: when the revision was promoted; absent on one that was rejected since, and on the first one of all."""
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
        annotations={FINGERPRINT: fingerprint, **_origin(image)},
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


def _origin(image: Image) -> dict[str, str]:
    """Return the annotations that name the model: `kubectl get -o custom-columns` shows them."""
    built_at = "" if image.built_at is None else format_time(image.built_at)
    annotations = {
        SOURCE: image.source_uri,
        SOURCE_VERSION: image.source_version,
        MODEL_DIGEST: image.model_digest,
        BUILT_AT: built_at,
    }
    return {name: value for name, value in annotations.items() if value}


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
        source_uri=_annotation(body, SOURCE),
        source_version=_annotation(body, SOURCE_VERSION),
        built_at=_time_in(body, BUILT_AT),
    )


def template_of(body: Body) -> Body:
    """Return the pod template that the revision was rendered with."""
    template: Body = (body.get("data") or {}).get("template") or {}
    return template


def number_of(body: Body) -> int:
    """Return the place of the ControllerRevision in the order of promotions."""
    return int(body.get("revision", 0))


def promoted_at(body: Body) -> datetime | None:
    """Return when the revision was promoted, as far as the ControllerRevision says."""
    return _time_in(body, PROMOTED_AT)


def rejection_text(body: Body) -> str:
    """Return why the revision was rejected, as it was noted; empty if it was not."""
    return _annotation(body, REJECTED)


def fingerprint_of(body: Body) -> str:
    """Return the fingerprint that the revision was named by."""
    return _annotation(body, FINGERPRINT)


def _time_in(body: Body, name: str) -> datetime | None:
    """Return the time in an annotation; None where it is absent, or was edited by hand and is none."""
    try:
        time = parse_time(_annotation(body, name) or None)
    except ValueError:
        return None
    return time if time is not None and time.tzinfo is not None else None


def _annotation(body: Body, name: str) -> str:
    return str((body["metadata"].get("annotations") or {}).get(name, ""))
