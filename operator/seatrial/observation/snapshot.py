"""The snapshot: what was observed of one object, in the words of the decisions."""

from __future__ import annotations

from seatrial.api import kinds, model_deployment
from seatrial.api.reasons import Reason
from seatrial.core.references import build_references, pod_references
from seatrial.core.snapshot import ApplyError, Snapshot
from seatrial.manifests import controller_revision
from seatrial.observation.autoscalers import autoscaler_conditions
from seatrial.observation.build_jobs import build_jobs
from seatrial.observation.observed import Observed, Platform
from seatrial.observation.target import missing
from seatrial.observation.tracks import tracks
from seatrial.observation.user_decisions import user_decisions

ModelDeployment = model_deployment.ModelDeployment


def snapshot_of(deployment: ModelDeployment, observed: Observed, platform: Platform) -> Snapshot:
    """Return everything that a decision about `deployment` looks at."""
    routed = tuple(body for kind in platform.router.kinds for body in observed.of(kind))
    revisions = controller_revision.by_revision(observed.of(kinds.CONTROLLER_REVISION))
    valid = not deployment.refused
    return Snapshot(
        tracks=tracks(observed),
        split=platform.router.read(routed),
        apply_errors=_apply_errors(deployment, observed),
        images={name: controller_revision.image_of(body) for name, body in revisions.items()},
        jobs=build_jobs(observed),
        missing=missing(pod_references(deployment.spec.serving), observed.references) if valid else (),
        missing_for_build=missing(build_references(deployment.spec, platform.settings), observed.references)
        if valid
        else (),
        references=observed.references,
        autoscalers=autoscaler_conditions(observed),
        foreign_autoscalers=observed.foreign_autoscalers,
        user_decisions=user_decisions(observed, platform.settings),
        children=observed.children,
        samples=observed.samples,
        router_kinds=platform.router_kinds,
    )


def _apply_errors(deployment: ModelDeployment, observed: Observed) -> tuple[ApplyError, ...]:
    """Return what holds everything up: an invalid spec before writes that failed."""
    if not deployment.refused:
        return observed.apply_errors
    subject = "the spec is invalid: " if deployment.refused_for is Reason.INVALID_SPEC else ""
    invalid = ApplyError(reason=deployment.refused_for, message=f"{subject}{deployment.refused}")
    return (invalid, *observed.apply_errors)
