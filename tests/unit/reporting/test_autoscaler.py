"""An autoscaler that cannot measure is spoken of and changes nothing else: its pods serve as well."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from seatrial.api.objects import Body
from seatrial.planner import Plan
from tests.builders import DIGEST
from tests.golden import play
from tests.golden.play import Play

MISSING = "ScalingMetricUnavailable"
UNSET = "set spec.serving.resources.requests.cpu"
FOLLOWING = {"minReplicas": 2, "maxReplicas": 5, "metrics": [{"cpu": 70}]}


def _autoscaled(**requests: str) -> Play:
    served = {"resources": {"requests": requests}}
    return Play().apply(model={"image": DIGEST}, scaling=FOLLOWING, serving=served).rest()


def _plan(story: Play, *, after: float = 0) -> Plan:
    return play.simulation().step(story.world, story.now + timedelta(seconds=after)).plan


def _inactive(story: Play, reason: str) -> Play:
    """The autoscaler says so from now on."""
    condition = {
        "type": "ScalingActive",
        "status": "False",
        "reason": reason,
        "lastTransitionTime": f"{story.now:%Y-%m-%dT%H:%M:%SZ}",
    }

    def change(body: Body) -> Body:
        return {**body, "status": {**(body.get("status") or {}), "conditions": [condition]}}

    revision: str = story.revision("stable")
    return story.edited("HorizontalPodAutoscaler", change, f"{play.NAME}-{revision}")


def _ready(plan: Plan) -> Any:
    return next(c for c in plan.status.conditions if c.type == "Ready")


def test_a_missing_metric_is_told_after_a_while_and_takes_nothing_away() -> None:
    story = _inactive(_autoscaled(cpu="200m"), "FailedGetResourceMetric")
    early, late = _plan(story, after=60), _plan(story, after=130)
    assert MISSING not in early.status.message
    assert early.wake_at == story.now + timedelta(minutes=2)
    assert f"{MISSING} since " in late.status.message
    assert "(FailedGetResourceMetric)" in late.status.message
    assert (_ready(late).status, _ready(late).reason, late.actions) == ("True", "Healthy", ())


def test_zero_replicas_are_no_missing_metric() -> None:
    story = _inactive(_autoscaled(cpu="200m"), "ScalingDisabled")
    assert MISSING not in _plan(story, after=600).status.message


@pytest.mark.parametrize(("requests", "told"), [({}, True), ({"cpu": "200m"}, False)])
def test_cpu_cannot_be_followed_where_none_is_requested(requests: dict[str, str], told: bool) -> None:
    assert (UNSET in _plan(_autoscaled(**requests)).status.message) is told
