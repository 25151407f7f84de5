"""The metadata of every child: name, labels, owner."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from seatrial.api import names
from seatrial.api.objects import Body
from seatrial.api.owner import Owner

APPLIED = f"{names.GROUP}/applied"
"""Annotation: the hash of the last rendering, so that a changed rendering is noticed without a comparison."""


def labels(owner: Owner, revision: str = "") -> Body:
    """Return the labels of all children; without `revision` for those that outlive revisions."""
    common = {
        names.LABEL_NAME: owner.name,
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_DEPLOYMENT: owner.name,
    }
    return {**common, names.LABEL_REVISION: revision} if revision else common


def server_labels(owner: Owner, revision: str) -> Body:
    """Return the labels of server pods: the only pods that Services select."""
    return {**labels(owner, revision), names.LABEL_SERVER: owner.name}


def selector(owner: Owner, revision: str = "") -> Body:
    """Return the selector of the server pods of one revision, or of all."""
    selected = {names.LABEL_SERVER: owner.name}
    return {**selected, names.LABEL_REVISION: revision} if revision else selected


def child(  # noqa: PLR0913 - the five parts of an object's head
    owner: Owner,
    *,
    api_version: str,
    kind: str,
    name: str,
    revision: str = "",
    extra_labels: Body | None = None,
    annotations: Body | None = None,
    **content: Any,
) -> Body:
    """Return one complete child, with the hash of its rendering in an annotation."""
    body: Body = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "namespace": owner.namespace,
            "name": name,
            "labels": {**labels(owner, revision), **(extra_labels or {})},
            "annotations": dict(annotations or {}),
            "ownerReferences": [owner.reference()],
        },
        **content,
    }
    body["metadata"]["annotations"][APPLIED] = digest(body)
    return body


def digest(body: Body) -> str:
    """Return 16 hex digits for a rendered object."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
