"""What HorizontalPodAutoscalers report: ours of each revision, and those of others that scale a child of ours."""

from __future__ import annotations

from collections.abc import Iterable

from seatrial.api import kinds, names
from seatrial.api.objects import Body, condition_of, controller_of, label_of, parse_time, scaled_by
from seatrial.core.snapshot import AutoscalerCondition, Bodies
from seatrial.observation.observed import Observed


def autoscaler_conditions(observed: Observed) -> dict[str, AutoscalerCondition]:
    """Return what each revision's autoscaler reports; nothing of those that report nothing yet."""
    reported = {label_of(body, names.LABEL_REVISION): _condition(body) for body in observed.of(kinds.HPA)}
    return {revision: condition for revision, condition in reported.items() if condition is not None}


def _condition(autoscaler: Body) -> AutoscalerCondition | None:
    """Return the first of its conditions that is False, else that it is active; None while it reports nothing."""
    able, active = condition_of(autoscaler, "AbleToScale"), condition_of(autoscaler, "ScalingActive")
    reported = able if able.get("status") == "False" else active
    if not reported:
        return None
    return AutoscalerCondition(
        active=reported.get("status") == "True",
        reason=str(reported.get("reason") or ""),
        message=" ".join(str(reported.get("message") or "").split()),
        since=parse_time(reported.get("lastTransitionTime")),
    )


def scaled_by_others(deployments: Bodies) -> Bodies:
    """Return the Deployments whose replicas another client set last: a person, or an autoscaler."""
    return tuple(body for body in deployments if scaled_by(body) not in ("", names.FIELD_MANAGER))


def foreign_autoscalers(deployments: Bodies, autoscalers: Iterable[Body], *, uid: str) -> dict[str, str]:
    """Return the autoscaler that targets each of these Deployments, by revision; `uid`: the object's, whose own
    autoscalers do not count.
    """
    found: dict[str, str] = {}
    revisions = {body["metadata"]["name"]: label_of(body, names.LABEL_REVISION) for body in deployments}
    for body in autoscalers:
        target = (body.get("spec") or {}).get("scaleTargetRef") or {}
        is_ours = (controller_of(body) or {}).get("uid") == uid
        if target.get("kind") == kinds.DEPLOYMENT.kind and target.get("name") in revisions and not is_ours:
            found.setdefault(revisions[target["name"]], body["metadata"]["name"])
    return found
