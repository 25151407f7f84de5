"""What has to be observed before one object can be planned."""

from __future__ import annotations

from seatrial.api import model_deployment
from seatrial.core.references import build_references, pod_references
from seatrial.observation.dry_runs import dry_runs
from seatrial.observation.observed import Platform, Questions


def questions(deployment: model_deployment.ModelDeployment, platform: Platform) -> Questions:
    """Return what has to be observed before `deployment` can be planned; nothing for an invalid spec."""
    if deployment.refused:
        return Questions()
    pods = pod_references(deployment.spec.serving)
    build = build_references(deployment.spec, platform.settings)
    return Questions(references=tuple(sorted({*pods, *build})), dry_runs=dry_runs(deployment, platform))
