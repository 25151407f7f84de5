"""An autoscaler that cannot measure is reported and changes nothing else: its pods serve all the same."""

from __future__ import annotations

from datetime import timedelta

import pytest

from seatrial.api.conditions import Condition, ConditionType
from seatrial.api.objects import Body
from seatrial.api.reasons import Reason
from seatrial.planner import Plan
from tests.builders import DIGEST
from tests.golden import play
from tests.golden.play import Play

MISSING = Reason.SCALING_METRIC_UNAVAILABLE
REMEDY = "spec.serving.resources.requests.cpu"
SCALING = {"minReplicas": 2, "maxReplicas": 5, "metrics": [{"cpu": 70}]}


SAID = "the server could not find the requested resource (get pods.metrics.k8s.io)"


def _serving(requests: dict[str, str]) -> Body:
    return {"resources": {"requests": requests}}


def _autoscaled(**requests: str) -> Play:
    return Play().apply(model={"image": DIGEST}, scaling=SCALING, serving=_serving(requests)).rest()


def _plan(scene: Play, *, after: float = 0) -> Plan:
    return play.simulation(scene.world).step(scene.world, scene.now + timedelta(seconds=after)).plan


def _inactive(scene: Play, reason: str, *, of: str = "ScalingActive", status: str = "False") -> Play:
    """Return the situation in which the autoscaler reports from now on that it does not work."""
    condition = {
        "type": of,
        "status": status,
        "reason": reason,
        "message": SAID,
        "lastTransitionTime": f"{scene.now:%Y-%m-%dT%H:%M:%SZ}",
    }

    def change(body: Body) -> Body:
        return {**body, "status": {**(body.get("status") or {}), "conditions": [condition]}}

    return scene.edited("HorizontalPodAutoscaler", change, f"{play.NAME}-{scene.revision('stable')}")


def _scaling(plan: Plan) -> Condition:
    found = plan.status.condition(ConditionType.SCALING_ACTIVE)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("condition", "reason"),
    [("ScalingActive", "FailedGetResourceMetric"), ("AbleToScale", "FailedGetScale")],
)
def test_an_autoscaler_that_cannot_scale_is_quoted_at_once_and_leaves_the_object_ready(
    condition: str, reason: str
) -> None:
    plan = _plan(_inactive(_autoscaled(cpu="200m"), reason, of=condition))
    assert _scaling(plan).status == "False"
    assert _scaling(plan).reason == MISSING
    assert SAID in _scaling(plan).message
    ready = plan.status.condition(ConditionType.READY)
    assert ready is not None
    assert f"({reason})" in ready.message
    assert (ready.status, ready.reason, plan.actions) == ("True", "Healthy", ())


def test_an_autoscaler_that_cannot_scale_is_announced_once() -> None:
    scene = _inactive(_autoscaled(cpu="200m"), "FailedGetResourceMetric")
    (event,) = _plan(scene).events
    assert (event.reason, event.type) == (MISSING, "Warning")
    assert SAID in event.message
    assert _plan(scene.rest(), after=60).events == ()


def test_the_sentence_of_an_autoscaler_is_announced_after_the_missing_request() -> None:
    scene = _inactive(_autoscaled(), "FailedGetResourceMetric")
    assert [event.reason for event in _plan(scene).events] == [MISSING]


def test_an_autoscaler_that_works_again_is_no_longer_reported() -> None:
    scene = _inactive(_autoscaled(cpu="200m"), "FailedGetResourceMetric").rest()
    plan = _plan(_inactive(scene, "ValidMetricFound", status="True"))
    assert plan.status.condition(ConditionType.SCALING_ACTIVE) is None
    assert MISSING not in plan.status.message


def test_an_autoscaler_of_somebody_else_for_the_same_pods_is_called_foreign() -> None:
    plan = _plan(_inactive(_autoscaled(cpu="200m"), "AmbiguousSelector"))
    assert _scaling(plan).reason == Reason.FOREIGN_AUTOSCALER
    assert SAID in _scaling(plan).message


def test_zero_replicas_are_not_reported_as_a_missing_metric() -> None:
    scene = _inactive(_autoscaled(cpu="200m"), "ScalingDisabled")
    assert MISSING not in _plan(scene, after=600).status.message


@pytest.mark.parametrize(
    ("requests", "reported"),
    [pytest.param({}, True, id="no cpu request"), pytest.param({"cpu": "200m"}, False, id="a cpu request")],
)
def test_a_cpu_metric_without_a_cpu_request_is_reported_before_anything_starts(
    requests: dict[str, str], reported: bool
) -> None:
    scene = Play().apply(model={"image": DIGEST}, scaling=SCALING, serving=_serving(requests))
    events = _plan(scene).events
    assert any(REMEDY in event.message for event in events) is reported
    assert bool(_plan(scene).status.condition(ConditionType.SCALING_ACTIVE)) is reported


def test_a_cpu_request_that_the_spec_lacks_is_not_reported_while_the_autoscaler_measures() -> None:
    measures = _plan(_autoscaled())
    assert measures.status.condition(ConditionType.SCALING_ACTIVE) is None
    assert REMEDY not in measures.status.message
    assert REMEDY in _scaling(_plan(_inactive(_autoscaled(), "FailedGetResourceMetric"))).message
