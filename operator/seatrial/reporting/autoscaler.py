"""Whether stable's autoscaler can measure what it follows: a hint, for pods serve as well without it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from seatrial.api import reasons
from seatrial.api.objects import Body, parse_time
from seatrial.children import Scene
from seatrial.observation import pod_diagnosis

PATIENCE: Final = timedelta(minutes=2)
"""Metrics of new pods come late: so long it is no news that there are none."""
AS_ASKED: Final = "ScalingDisabled"
"""The autoscaler's word for zero replicas."""


def hint(scene: Scene) -> str:
    """What keeps stable's autoscaler from working, to be put behind another sentence; empty when nothing does."""
    if not scene.desired.spec.scaling.autoscaled:
        return ""
    return f"{_blind(scene)}{_without_request(scene)}"


def noticed_at(scene: Scene) -> datetime | None:
    """When a metric that is not there will have been missing for long enough to be told."""
    since = _since(_inactive(scene))
    return None if since is None else since + PATIENCE


def _blind(scene: Scene) -> str:
    condition = _inactive(scene)
    since, told_at = _since(condition), noticed_at(scene)
    if since is None or told_at is None or scene.snapshot.now < told_at:
        return ""
    word = reasons.Reason.SCALING_METRIC_UNAVAILABLE
    why = condition.get("reason") or "it does not say why"
    return f"; {word} since {since:%Y-%m-%dT%H:%M:%SZ}: the autoscaler does not scale ({why})"


def _without_request(scene: Scene) -> str:
    spec = scene.desired.spec
    resources = spec.serving.resources
    follows_cpu = any(metric.cpu is not None for metric in spec.scaling.effective_metrics)
    if not follows_cpu or "cpu" in resources.requests or "cpu" in resources.limits:
        return ""
    return (
        "; the autoscaler follows cpu, a share of what is requested: set spec.serving.resources.requests.cpu"
    )


def _inactive(scene: Scene) -> Body:
    """The autoscaler's own word that it does not work; empty while it does, or says nothing."""
    stable = scene.state.stable
    if stable is None or not scene.desired.spec.scaling.autoscaled:
        return {}
    active = pod_diagnosis.scaling_active(scene.observed, stable.revision)
    return active if active.get("status") == "False" and active.get("reason") != AS_ASKED else {}


def _since(condition: Body) -> datetime | None:
    return parse_time(condition.get("lastTransitionTime"))
