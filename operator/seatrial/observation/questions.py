"""What has to be observed before one object can be planned."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from seatrial.api import model_deployment
from seatrial.core.judgement import is_judged
from seatrial.core.references import build_references, pod_references
from seatrial.core.status_codec import rollout_of
from seatrial.observation.dry_runs import dry_runs
from seatrial.observation.observed import Measurement, Platform, Questions

DEFAULT_INTERVAL: Final = timedelta(seconds=10)
"""How often metrics are read for the checks that a step began with, when the spec has none any more."""


def questions(deployment: model_deployment.ModelDeployment, platform: Platform) -> Questions:
    """Return what has to be observed before `deployment` can be planned; of an invalid spec only the measurement."""
    measurement = _measurement(deployment)
    if deployment.refused:
        return Questions(measurement=measurement)
    pods = pod_references(deployment.spec.serving)
    build = build_references(deployment.spec, platform.settings)
    references = tuple(sorted({*pods, *build}))
    return Questions(references=references, dry_runs=dry_runs(deployment, platform), measurement=measurement)


def _measurement(deployment: model_deployment.ModelDeployment) -> Measurement | None:
    """Return what to measure while the canary receives traffic and something is checked."""
    status, checks = deployment.status, deployment.spec.rollout.checks
    if status.unknown:  # a newer operator wrote it: this one decides nothing
        return None
    if status.rollout is None or status.rollout.users_since is None or status.stable is None:
        return None
    rollout = rollout_of(status.rollout)
    if not is_judged(rollout) or not (checks or rollout.evidence):
        return None
    return Measurement(
        revisions=frozenset({rollout.revision, status.stable.revision}),
        interval=min((check.interval for check in checks), default=DEFAULT_INTERVAL),
    )
