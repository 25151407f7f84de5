"""Whether stable's autoscaler can measure what it follows: a hint, since pods serve as well without it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from seatrial.api.reasons import Reason
from seatrial.core.decide import Decision
from seatrial.core.snapshot import AutoscalerCondition
from seatrial.reporting.phrases import joined, utc

GRACE: Final = timedelta(minutes=2)
"""Metrics of new pods arrive late: their absence is not reported earlier."""
DISABLED: Final = "ScalingDisabled"
"""The autoscaler's reason at zero replicas, which is what was asked for."""


def hint(decision: Decision) -> str:
    """Return what keeps stable's autoscaler from working; empty when nothing does."""
    if not decision.target.scaling.autoscaled:
        return ""
    return joined(_unmeasured(decision), _without_request(decision))


def reported_at(decision: Decision) -> datetime | None:
    """Return when a missing metric has been missing long enough to be reported."""
    inactive = _inactive(decision)
    return None if inactive is None or inactive.since is None else inactive.since + GRACE


def _unmeasured(decision: Decision) -> str:
    inactive, at = _inactive(decision), reported_at(decision)
    if inactive is None or inactive.since is None or at is None or decision.now < at:
        return ""
    why = inactive.reason or "it reports no reason"
    reason = Reason.SCALING_METRIC_UNAVAILABLE
    return f"{reason}: the autoscaler has been unable to scale since {utc(inactive.since)} ({why})"


def _without_request(decision: Decision) -> str:
    workload = decision.target.workload
    resources = workload.serving.resources
    follows_cpu = any(metric.cpu is not None for metric in workload.scaling.effective_metrics)
    if not follows_cpu or "cpu" in resources.requests or "cpu" in resources.limits:
        return ""
    return "the cpu metric needs a cpu request: set spec.serving.resources.requests.cpu"


def _inactive(decision: Decision) -> AutoscalerCondition | None:
    """Return the autoscaler's condition while it reports that it does not work."""
    stable = decision.state.stable
    if stable is None or not decision.target.scaling.autoscaled:
        return None
    reported = decision.snapshot.autoscalers.get(stable.revision)
    if reported is None or reported.active or reported.reason == DISABLED:
        return None
    return reported
