"""What is known of the model that a revision runs: its image, and the address and version that it came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from model_runtime.contract import addresses
from seatrial.core.inputs import Inputs
from seatrial.core.state import RevisionIdentity, RolloutState
from seatrial.core.target import Image

_VERSIONS: Final = ("version", "commit", "digest", "etag", "modified")
"""What a source may call its versions, the most exact first."""


def source_uri_of(source: Mapping[str, str]) -> str:
    """Return the address in `status.build.source`, without its secrets whoever reported it."""
    return addresses.redacted(source["uri"]) if source.get("uri") else ""


def source_version_of(source: Mapping[str, str]) -> str:
    """Return the version in `status.build.source`, as `etag 9f3c`; empty where the source has none."""
    return next((f"{name} {source[name]}" for name in _VERSIONS if source.get(name)), "")


def image_of(revision: str, inputs: Inputs) -> Image | None:
    """Return the image of a revision as far as it is known: kept with its ControllerRevision, named, or built."""
    images, target = inputs.snapshot.images, inputs.target
    if revision in images:
        return images[revision]
    if revision != target.revision:
        return None
    if target.image:
        return Image(reference=target.image)
    same_build = (i for i in images.values() if i.build_id and i.build_id == target.build_id)
    return inputs.build.image or next(same_build, None)


def model_of(revision: str, state: RolloutState, inputs: Inputs) -> RevisionIdentity:
    """Return what is known of the model of a revision; of one whose build failed, the address in the spec."""
    if state.canary is not None and state.canary.revision == revision:
        return state.canary
    image = image_of(revision, inputs)
    if image is not None:
        return image.of_revision(revision, since=None)
    build = inputs.target.build
    if build is None or revision != inputs.target.revision:
        return RevisionIdentity(revision=revision)
    return RevisionIdentity(revision=revision, source_uri=source_uri_of({"uri": build.model.uri}))
