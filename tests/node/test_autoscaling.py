"""The autoscaler follows the load, holds still for stable while a canary has users, and goes back afterwards."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.node.serving import Served
from tests.stage import models
from tests.stage.install import Stage
from tests.stage.load import Users

pytestmark = [pytest.mark.node, pytest.mark.slow]

Autoscaler = dict[str, Any]
SCALING = {
    "minReplicas": 1,
    "maxReplicas": 3,
    "metrics": [{"cpu": 50}],
    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
}
IDLE = 25
"""Percent: half of what the autoscaler aims at."""
SERVING = {"resources": {"requests": {"cpu": "30m", "memory": "64Mi"}}}
ROLLOUT = {
    "steps": [{"weight": 30, "hold": "1h"}, {"weight": 50, "hold": "2s"}],
    "scaleDownDelay": "2s",
    "progressDeadline": "3m",
}


def test_pods_follow_the_load_and_stable_does_not_shrink_while_a_canary_has_users(warm: Stage) -> None:
    warm.lab.wait_for_metrics(seconds=180)
    served = Served(warm, "busy")
    sections: dict[str, Any] = {"scaling": SCALING, "serving": SERVING, "rollout": ROLLOUT}
    served.apply(served.spec(1, **sections))
    first = served.healthy(seconds=180)["stable"]["revision"]
    assert _autoscaler(served, first)["spec"]["minReplicas"] == 1
    with Users(served.address, models.request_body(), rate=100) as users:
        served.until(lambda s: s["readyReplicas"] == 3, seconds=240)
        served.apply(served.spec(2, **sections))
        served.until(lambda s: s["canary"].get("weight") == 30, seconds=240)
        status = served.led_as_said()
        tally = users.tally
    assert tally.failed == 0, tally.faults
    size, second = status["stable"]["replicas"], status["canary"]["revision"]
    frozen = _autoscaler(served, first)["spec"]
    # on a fast machine the same load may need a pod less by the time that the canary begins
    assert frozen["minReplicas"] == size > 1
    assert frozen["behavior"]["scaleDown"]["selectPolicy"] == "Disabled"
    # the load is gone, the canary has users: stable stays as large as its share may need
    _until_idle(served, first)
    assert served.status()["stable"]["replicas"] == size
    served.decide("Skip", step=1)
    served.until(lambda s: s["phase"] == "Healthy" and s["stable"].get("revision") == second, seconds=180)
    served.until(lambda s: s["replicas"] == 1, seconds=240)
    served.stage.kubectl("wait", "--for=delete", f"hpa/{served.name}-{first}", "--timeout=120s")
    after = _autoscaler(served, second)["spec"]
    assert after["minReplicas"] == 1
    assert after["behavior"]["scaleDown"]["selectPolicy"] == "Max"
    assert len(_autoscalers(served)) == 1
    served.delete()


def _until_idle(served: Served, revision: str) -> None:
    """The autoscaler has seen for itself that one pod would do, more than once."""
    deadline, looks = time.monotonic() + 180, set[str]()
    while len(looks) < 2:
        assert time.monotonic() < deadline, "the autoscaler never saw that the load was gone"
        body = _autoscaler(served, revision)
        if 0 <= _utilization(body) < IDLE:
            looks.add(body["metadata"]["resourceVersion"])
        time.sleep(0.5)


def _utilization(autoscaler: Autoscaler) -> int:
    """Percent of the requested CPU as the autoscaler last saw it; -1 before."""
    metrics = (autoscaler.get("status") or {}).get("currentMetrics") or [{}]
    found = metrics[0].get("resource", {}).get("current", {}).get("averageUtilization", -1)
    return int(found)


def _autoscalers(served: Served) -> list[Autoscaler]:
    selector = f"seatrial.dev/deployment={served.name}"
    listed = served.stage.kubectl("get", "hpa", "-l", selector, "-o", "json")
    found: list[Autoscaler] = json.loads(listed)["items"]
    return found


def _autoscaler(served: Served, revision: str) -> Autoscaler:
    return next(a for a in _autoscalers(served) if a["metadata"]["name"].endswith(revision))
