"""Does the image that is asked for stand in the registry already?"""

from __future__ import annotations

from model_runtime import contract
from model_runtime.contract import BuildReport, BuildRequest
from model_runtime.registry import image_builder
from model_runtime.registry.client import Registry
from model_runtime.registry.references import Reference


def standing(registry: Registry, target: Reference, request: BuildRequest) -> BuildReport | None:
    """The report of an earlier build under the same id; None when it has to be made.

    A tag that somebody else pushed lacks our label and counts for nothing.
    """
    found = registry.manifest(target)
    if found is None:
        return None
    labels = image_builder.labels_of(registry, target, found)
    if labels.get(contract.LABEL_BUILD_ID) != request.build_id:
        return None
    return BuildReport(
        image=pulled_as(request, found.digest),
        model_digest=labels.get(contract.LABEL_MODEL_DIGEST, ""),
        format=labels.get(contract.LABEL_FORMAT, ""),
        source={"uri": labels.get(contract.LABEL_SOURCE, "")},
        cached=True,
    )


def pulled_as(request: BuildRequest, digest: str) -> str:
    """The image by the name that nodes pull."""
    return f"{request.pull_repository or request.repository}@{digest}"
