"""A model goes live, and a better one takes over while users never stop asking."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Callable
from typing import Any

import pytest

from tests.node.serving import Served, Status, shares
from tests.stage import models
from tests.stage.install import Stage
from tests.stage.load import Users

pytestmark = [pytest.mark.node, pytest.mark.slow]


def test_bad_input_is_a_400_that_names_the_field(warm: Stage) -> None:
    served = Served(warm, "strict")
    served.apply(served.spec(1))
    served.healthy()
    with pytest.raises(urllib.error.HTTPError) as refused:
        served.ask(json.dumps({"instances": [["a"] * 64]}).encode())
    assert refused.value.code == 400
    assert "instances" in refused.value.read().decode()
    served.delete()


WEIGHTS = (25, 40, 50)
STEPS: list[dict[str, Any]] = [{"weight": weight, "hold": "1h"} for weight in WEIGHTS]
"""Held until it is decided otherwise: so long as counting takes."""
CONNECTIONS = 6000
"""In a half-and-half, 4 points off are 6 standard deviations: by chance once in a thousand million runs."""


def test_a_canary_in_three_steps_fails_no_request_and_shares_as_it_says(warm: Stage) -> None:
    served = Served(warm, "canary")
    rollout = {"steps": STEPS, "scaleDownDelay": "12s", "progressDeadline": "2m"}
    served.apply(served.spec(1, replicas=3, rollout=rollout))
    first = served.healthy()["stable"]["revision"]
    with Users(served.address, models.request_body(), rate=50) as users:
        served.apply(served.spec(2, replicas=3, rollout=rollout))
        for number, weight in enumerate(WEIGHTS, 1):
            served.until(_has_weight(weight), seconds=180)
            second = _shares_as_it_says(served)
            before = {p["metadata"]["uid"] for p in served.pods() if second in p["metadata"]["name"]}
            served.decide("Skip", step=number)
        last = served.until(lambda s: s["phase"] == "Healthy" and s["stable"].get("revision") == second)
        served.until(lambda s: s["replicas"] == 3)
        pods = served.pods()
        tally = users.tally
    after = {p["metadata"]["uid"] for p in pods if second in p["metadata"]["name"]}
    assert before == after, "a pod was replaced at promotion"
    assert all(c["restartCount"] == 0 for p in pods for c in p["status"]["containerStatuses"])
    assert tally.failed == 0, tally.faults
    assert tally.revisions[first]
    assert tally.revisions[second]
    assert last["history"][0]["outcome"] == "Promoted"
    print(f"{tally.answered} requests, {tally.failed} failed")
    served.delete()


def _has_weight(weight: int) -> Callable[[Status], bool]:
    return lambda status: status["canary"].get("weight") == weight


def _shares_as_it_says(served: Served) -> str:
    """Users reach the canary as often as the status says; its revision."""
    canary = served.led_as_said()["canary"]
    seen = shares(served.address, count=CONNECTIONS)
    share = 100 * seen[canary["revision"]] / sum(seen.values())
    print(f"{canary['weight']} %: says {canary['actualWeight']} %, measured {share:.1f} %")
    assert abs(share - canary["actualWeight"]) <= 4
    return str(canary["revision"])


def test_a_pod_that_is_told_to_go_fails_no_request(warm: Stage) -> None:
    served = Served(warm, "drain")
    served.apply(served.spec(1, replicas=2))
    served.healthy()
    with Users(served.address, models.request_body(), rate=50) as users:
        gone = served.pods()[0]["metadata"]["name"]
        warm.kubectl("delete", "pod", gone, "--wait=true", "--timeout=180s")
        served.until(lambda s: s["readyReplicas"] == 2)
        tally = users.tally
    assert tally.answered > 100
    assert tally.failed == 0, tally.faults
    served.delete()
