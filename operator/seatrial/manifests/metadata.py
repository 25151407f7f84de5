"""The metadata of every child: name, labels, owner."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from seatrial.api import names
from seatrial.api.objects import Body, label_of
from seatrial.api.owner import Owner

APPLIED = f"{names.GROUP}/applied"
"""Annotation: the hash of the last rendering, so that a changed rendering is noticed without a comparison."""
_REVISION = re.compile(r"([0-9a-f]{10})(-[0-9]+)?")
"""The end of the name of a child of one revision; its copies of ConfigMaps are numbered."""


def labels(owner: Owner, revision: str = "") -> Body:
    """Return the labels of all children; without `revision` for those that outlive revisions."""
    common = {
        names.LABEL_NAME: owner.name,
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_DEPLOYMENT: owner.name,
    }
    return {**common, names.LABEL_REVISION: revision} if revision else common


def revision_of(body: Body) -> str:
    """Return the revision of a child, empty if it has none: nobody can edit a name, but everybody a label.

    The name tells it where only one revision has such a child; the label does for all others.
    """
    prefix = f"{label_of(body, names.LABEL_DEPLOYMENT)}-"
    name = str(body["metadata"].get("name", ""))
    named = _REVISION.fullmatch(name[len(prefix) :]) if name.startswith(prefix) else None
    return label_of(body, names.LABEL_REVISION) if named is None else named[1]


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
