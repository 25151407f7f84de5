"""What must be looked at before an object can be planned, beside its own children."""

from __future__ import annotations

from seatrial.api import model_deployment
from seatrial.core import references
from seatrial.observation.observed import Platform


def questions(desired: model_deployment.ModelDeployment, parts: Platform) -> tuple[references.Reference, ...]:
    """The ConfigMaps and Secrets whose content or absence matters, each once; none of a refused spec."""
    if desired.refused:
        return ()
    pods = references.pod_references(desired.spec.serving)
    build = references.build_references(desired.spec, parts.settings)
    return tuple(sorted({*pods, *build}))
