"""The autoscaler follows the load, holds still for stable while a canary has users, and goes back afterwards."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
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
SERVING = {"resources": {"requests": {"cpu": "30m", "memory": "64Mi"}}}
ROLLOUT = {
    "steps": [{"weight": 30, "hold": "25s"}, {"weight": 50, "hold": "2s"}],
    "scaleDownDelay": "2s",
    "progressDeadline": "3m",
}


def test_pods_follow_the_load_and_stable_does_not_shrink_while_a_canary_has_users(warm: Stage) -> None:
    warm.lab.wait_for_metrics(seconds=90)
    served = Served(warm, "busy")
    sections: dict[str, Any] = {"scaling": SCALING, "serving": SERVING, "rollout": ROLLOUT}
    served.apply(served.spec(1, **sections))
    first = served.healthy(seconds=120)["stable"]["revision"]
    assert _autoscaler(served, first)["spec"]["minReplicas"] == 1
    with Users(served.address, models.request_body(), rate=100) as users:
        served.until(lambda s: s["readyReplicas"] == 3, seconds=150)
        served.apply(served.spec(2, **sections))
        status = served.until(lambda s: s["canary"].get("weight") == 30, seconds=150)
        frozen = _autoscaler(served, first)["spec"]
        tally = users.tally
    # the load is gone, the canary has users: stable stays as large as its share may need
    assert frozen["minReplicas"] == 3
    assert frozen["behavior"]["scaleDown"]["selectPolicy"] == "Disabled"
    assert tally.failed == 0, tally.faults
    second = status["canary"]["revision"]
    _stays(
        served,
        lambda s: s["stable"]["replicas"] == 3,
        while_true=lambda s: s["canary"].get("weight") == 30,
    )
    served.until(lambda s: s["phase"] == "Healthy" and s["stable"].get("revision") == second, seconds=120)
    served.until(lambda s: s["replicas"] == 1, seconds=150)
    after = _autoscaler(served, second)["spec"]
    assert after["minReplicas"] == 1
    assert after["behavior"]["scaleDown"]["selectPolicy"] == "Max"
    assert len(_autoscalers(served)) == 1
    served.delete()


def _stays(
    served: Served, holds: Callable[[dict[str, Any]], bool], *, while_true: Callable[[dict[str, Any]], bool]
) -> None:
    """`holds` in every status that is read until `while_true` ends."""
    deadline = time.monotonic() + 90
    while while_true(status := served.status()):
        assert holds(status), status
        assert time.monotonic() < deadline, status["message"]


def _autoscalers(served: Served) -> list[Autoscaler]:
    selector = f"seatrial.dev/deployment={served.name}"
    listed = served.stage.kubectl("get", "hpa", "-l", selector, "-o", "json")
    found: list[Autoscaler] = json.loads(listed)["items"]
    return found


def _autoscaler(served: Served, revision: str) -> Autoscaler:
    return next(a for a in _autoscalers(served) if a["metadata"]["name"].endswith(revision))
