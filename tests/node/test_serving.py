"""A model goes live, and a better one takes over while users never stop asking."""

from __future__ import annotations

import json
import time
import urllib.error
from collections.abc import Callable
from typing import Any

import pytest

from tests.node.serving import Served, Status, fresh, shares
from tests.stage import models
from tests.stage.install import Stage
from tests.stage.load import Users, reached

pytestmark = [pytest.mark.node, pytest.mark.slow]


def test_a_small_model_answers_within_forty_seconds_of_its_apply(warm: Stage) -> None:
    served = Served(warm, "quick")
    began = time.monotonic()
    served.apply(served.spec(1, build={"refresh": fresh("quick")}))
    served.until(lambda s: s.get("url") and s["stable"].get("readyReplicas"), seconds=60)
    reached(served.address)
    answer, headers = served.ask()
    took = time.monotonic() - began
    status = served.healthy()
    assert answer["predictions"] == [int(models.first().predict(models.digits().test[:1])[0])]
    assert headers["x-seatrial-revision"] == status["stable"].get("revision")
    print(f"apply to first answer {took:.1f} s, build {status['build']['seconds']}")
    assert status["build"]["phase"] == "Succeeded"
    assert took <= 40
    assert status["build"]["seconds"]["total"] <= 15
    served.delete()


def test_bad_input_is_a_400_that_names_the_field(warm: Stage) -> None:
    served = Served(warm, "strict")
    served.apply(served.spec(1))
    served.healthy()
    with pytest.raises(urllib.error.HTTPError) as refused:
        served.ask(json.dumps({"instances": [["a"] * 64]}).encode())
    assert refused.value.code == 400
    assert "instances" in refused.value.read().decode()
    served.delete()


STEPS: list[dict[str, Any]] = [
    {"weight": 25, "hold": "20s"},
    {"weight": 40, "hold": "20s"},
    {"weight": 50, "hold": "20s"},
]


def test_a_canary_in_three_steps_fails_no_request_and_shares_as_it_says(warm: Stage) -> None:
    served = Served(warm, "canary")
    rollout = {"steps": STEPS, "scaleDownDelay": "12s", "progressDeadline": "2m"}
    served.apply(served.spec(1, replicas=3, rollout=rollout))
    first = served.healthy()["stable"]["revision"]
    with Users(served.address, models.request_body(), rate=50) as users:
        served.apply(served.spec(2, replicas=3, rollout=rollout))
        for step in STEPS:
            status = served.until(_has_weight(step["weight"]), seconds=90)
            _shares_as_it_says(served, status)
        second = status["canary"]["revision"]
        before = {p["metadata"]["uid"] for p in served.pods() if second in p["metadata"]["name"]}
        last = served.until(lambda s: s["phase"] == "Healthy" and s["stable"].get("revision") == second)
        served.until(lambda s: s["replicas"] == 3, seconds=60)
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


def _shares_as_it_says(served: Served, status: Status) -> None:
    seen = shares(served.address, count=2000)
    share = 100 * seen[status["canary"]["revision"]] / sum(seen.values())
    print(
        f"{status['canary']['weight']} %: says {status['canary']['actualWeight']} %, measured {share:.1f} %"
    )
    assert abs(share - status["canary"]["actualWeight"]) <= 4


def test_a_pod_that_is_told_to_go_fails_no_request(warm: Stage) -> None:
    served = Served(warm, "drain")
    served.apply(served.spec(1, replicas=2))
    served.healthy()
    with Users(served.address, models.request_body(), rate=50) as users:
        gone = served.pods()[0]["metadata"]["name"]
        warm.kubectl("delete", "pod", gone, "--wait=true", "--timeout=90s")
        served.until(lambda s: s["readyReplicas"] == 2)
        tally = users.tally
    assert tally.answered > 100
    assert tally.failed == 0, tally.faults
    served.delete()
