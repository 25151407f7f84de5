"""An autoscaler that cannot measure is reported and changes nothing else: its pods serve all the same."""

from __future__ import annotations

from datetime import timedelta

import pytest

from seatrial.api.conditions import ConditionType
from seatrial.api.objects import Body
from seatrial.api.reasons import Reason
from seatrial.planner import Plan
from tests.builders import DIGEST
from tests.golden import play
from tests.golden.play import Play

MISSING = Reason.SCALING_METRIC_UNAVAILABLE
REMEDY = "spec.serving.resources.requests.cpu"
SCALING = {"minReplicas": 2, "maxReplicas": 5, "metrics": [{"cpu": 70}]}


def _autoscaled(**requests: str) -> Play:
    serving = {"resources": {"requests": requests}}
    return Play().apply(model={"image": DIGEST}, scaling=SCALING, serving=serving).rest()


def _plan(scene: Play, *, after: float = 0) -> Plan:
    return play.simulation(scene.world).step(scene.world, scene.now + timedelta(seconds=after)).plan


def _inactive(scene: Play, reason: str) -> Play:
    """Return the situation in which the autoscaler reports from now on that it does not work."""
    condition = {
        "type": "ScalingActive",
        "status": "False",
        "reason": reason,
        "lastTransitionTime": f"{scene.now:%Y-%m-%dT%H:%M:%SZ}",
    }

    def change(body: Body) -> Body:
        return {**body, "status": {**(body.get("status") or {}), "conditions": [condition]}}

    return scene.edited("HorizontalPodAutoscaler", change, f"{play.NAME}-{scene.revision('stable')}")


def test_a_missing_metric_is_reported_after_two_minutes_and_leaves_the_object_ready() -> None:
    scene = _inactive(_autoscaled(cpu="200m"), "FailedGetResourceMetric")
    early, late = _plan(scene, after=60), _plan(scene, after=130)
    assert MISSING not in early.status.message
    assert early.wake_at == scene.now + timedelta(minutes=2)
    assert MISSING in late.status.message
    ready = late.status.condition(ConditionType.READY)
    assert ready is not None
    assert "(FailedGetResourceMetric)" in ready.message
    assert (ready.status, ready.reason, late.actions) == ("True", "Healthy", ())


def test_zero_replicas_are_not_reported_as_a_missing_metric() -> None:
    scene = _inactive(_autoscaled(cpu="200m"), "ScalingDisabled")
    assert MISSING not in _plan(scene, after=600).status.message


@pytest.mark.parametrize(
    ("requests", "reported"),
    [pytest.param({}, True, id="no cpu request"), pytest.param({"cpu": "200m"}, False, id="a cpu request")],
)
def test_a_cpu_metric_without_a_cpu_request_is_reported(requests: dict[str, str], reported: bool) -> None:
    assert (REMEDY in _plan(_autoscaled(**requests)).status.message) is reported
