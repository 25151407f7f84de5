"""Look up the image of a build in the registry."""

from __future__ import annotations

from model_runtime import contract
from model_runtime.contract import BuildReport, BuildRequest
from model_runtime.registry import image_builder
from model_runtime.registry.client import RegistryClient
from model_runtime.registry.references import Reference


def report_of(registry: RegistryClient, target: Reference, request: BuildRequest) -> BuildReport | None:
    """Return the report of an earlier build with the same id; None when there is no such image.

    A tag that somebody else pushed has no label with our build id, and does not count. With a pinned digest no image
    counts: whoever may push there can predict the tag and write any label, and only fetched files prove the digest.
    """
    if request.digest:
        return None
    manifest = registry.manifest(target)
    if manifest is None:
        return None
    labels = image_builder.labels_of(registry, target, manifest)
    if labels.get(contract.LABEL_BUILD_ID) != request.build_id:
        return None
    return BuildReport(
        image=pull_name(request, manifest.digest),
        model_digest=labels.get(contract.LABEL_MODEL_DIGEST, ""),
        format=labels.get(contract.LABEL_FORMAT, ""),
        source={"uri": labels.get(contract.LABEL_SOURCE, "")},
        cached=True,
    )


def pull_name(request: BuildRequest, digest: str) -> str:
    """Return the image by the name that nodes pull."""
    return f"{request.pull_repository or request.repository}@{digest}"
