"""What must be looked at before an object can be planned, beside its own children."""

from __future__ import annotations

from seatrial.api import model_deployment
from seatrial.core import references
from seatrial.observation.observed import Parts


def questions(desired: model_deployment.ModelDeployment, parts: Parts) -> tuple[references.Reference, ...]:
    """The ConfigMaps and Secrets whose content or absence matters, each once; none of a refused spec."""
    if desired.refused:
        return ()
    pods = references.of_pods(desired.spec.serving)
    build = references.of_build(desired.spec, parts.settings)
    return tuple(sorted({*pods, *build}))
