"""The snapshot: what was observed of one object, in the words of the decisions."""

from __future__ import annotations

from seatrial.api import kinds, model_deployment
from seatrial.api.names import LABEL_REVISION
from seatrial.api.objects import Body, condition_of, label_of, parse_time
from seatrial.api.reasons import Reason
from seatrial.core.references import build_references, pod_references
from seatrial.core.snapshot import ApplyError, AutoscalerCondition, Snapshot
from seatrial.manifests import controller_revision
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
        autoscalers=_autoscalers(observed),
        user_decisions=user_decisions(observed, platform.settings),
        children=observed.children,
        samples=observed.samples,
        router_kinds=platform.router_kinds,
    )


def _apply_errors(deployment: ModelDeployment, observed: Observed) -> tuple[ApplyError, ...]:
    """Return what holds everything up: an invalid spec before writes that failed."""
    if not deployment.refused:
        return observed.apply_errors
    invalid = ApplyError(reason=Reason.INVALID_SPEC, message=f"the spec is invalid: {deployment.refused}")
    return (invalid, *observed.apply_errors)


def _autoscalers(observed: Observed) -> dict[str, AutoscalerCondition]:
    """Return what each revision's autoscaler reports; nothing of those that report nothing yet."""
    reported = {label_of(b, LABEL_REVISION): condition_of(b, "ScalingActive") for b in observed.of(kinds.HPA)}
    return {revision: _autoscaler(active) for revision, active in reported.items() if active}


def _autoscaler(active: Body) -> AutoscalerCondition:
    return AutoscalerCondition(
        active=active.get("status") == "True",
        reason=str(active.get("reason") or ""),
        since=parse_time(active.get("lastTransitionTime")),
    )
