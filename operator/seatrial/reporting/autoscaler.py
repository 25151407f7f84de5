"""Whether the number of stable's pods is set as the spec says: a hint, since pods serve as well without it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from seatrial.api import names
from seatrial.api.reasons import Reason
from seatrial.core.decide import Decision
from seatrial.core.snapshot import AutoscalerCondition
from seatrial.reporting.phrases import clause, utc

DISABLED: Final = "ScalingDisabled"
"""The autoscaler's reason at zero replicas, which is what was asked for."""
SHARED_PODS: Final = "AmbiguousSelector"
"""The autoscaler's reason when another autoscaler scales the same pods."""
FOREIGN_LOOK: Final = timedelta(minutes=1)
"""Nothing reports that somebody else's autoscaler is gone: it is looked for this often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What keeps the number of pods from being what the spec says."""

    reason: Reason
    message: str
    summary: str
    """The message without details, for the end of another message."""


def trouble(decision: Decision) -> Trouble | None:
    """Return what is wrong with the scaling of stable; None where nothing is known to be."""
    if decision.foreign_autoscaler:
        return _foreign(decision, decision.foreign_autoscaler)
    reported = _reported(decision)
    if reported is not None and not reported.active:
        return _inactive_trouble(decision, reported)
    if reported is None and _lacks_request(decision):
        message = "the cpu metric needs a cpu request: set spec.serving.resources.requests.cpu"
        return Trouble(reason=Reason.CPU_REQUEST_MISSING, message=message, summary=message)
    return None


def hint(decision: Decision) -> str:
    """Return what is wrong with the scaling, as a clause of another message; empty when nothing is."""
    found = trouble(decision)
    return "" if found is None else found.summary


def look_again_at(decision: Decision) -> datetime | None:
    """Return when to look whether somebody else's autoscaler is gone; None where there is none."""
    return decision.now + FOREIGN_LOOK if decision.foreign_autoscaler else None


def _foreign(decision: Decision, autoscaler: str) -> Trouble:
    owner, stable = decision.target.owner, decision.state.stable
    deployment = owner.child("" if stable is None else stable.revision)
    cause = f"HorizontalPodAutoscaler {autoscaler} sets the replicas of Deployment {deployment}"
    return Trouble(
        reason=Reason.FOREIGN_AUTOSCALER,
        message=f"{cause}, which the next rollout replaces by one with spec.scaling.replicas pods; delete it and set "
        f"spec.scaling.minReplicas and maxReplicas, or let it target {names.KIND} {owner.name}",
        summary=f"{Reason.FOREIGN_AUTOSCALER}: {cause}",
    )


def _inactive_trouble(decision: Decision, inactive: AutoscalerCondition) -> Trouble:
    shared = inactive.reason == SHARED_PODS
    reason = Reason.FOREIGN_AUTOSCALER if shared else Reason.SCALING_METRIC_UNAVAILABLE
    said = clause(inactive.message) or "it gives no cause"
    remedy = "; set spec.serving.resources.requests.cpu" if _lacks_request(decision) else ""
    if shared:
        remedy = "; delete the other autoscaler: spec.scaling.minReplicas and maxReplicas create one"
    cause = inactive.reason or "no reason"
    return Trouble(
        reason=reason,
        message=f"the autoscaler cannot scale ({cause}): {said}{remedy}",
        summary=f"{reason}: the autoscaler has been unable to scale since {utc(inactive.since)} ({cause}){remedy}",
    )


def _lacks_request(decision: Decision) -> bool:
    """Return whether a metric is in percent of a request that the spec does not set; a LimitRange may."""
    workload = decision.target.workload
    resources = workload.serving.resources
    follows_cpu = any(metric.cpu is not None for metric in workload.scaling.effective_metrics)
    asked = "cpu" in resources.requests or "cpu" in resources.limits
    return workload.scaling.autoscaled and follows_cpu and not asked


def _reported(decision: Decision) -> AutoscalerCondition | None:
    """Return what stable's autoscaler reports; None before it does, and at zero replicas."""
    stable = decision.state.stable
    if stable is None or not decision.target.scaling.autoscaled:
        return None
    reported = decision.snapshot.autoscalers.get(stable.revision)
    return None if reported is None or reported.reason == DISABLED else reported
