"""A canary on the node is judged by the metrics of its pods, under the requests of real users."""

from __future__ import annotations

import pytest

from tests.node.serving import Served, fresh
from tests.stage import install, models
from tests.stage.install import Stage
from tests.stage.load import Users

pytestmark = [pytest.mark.node, pytest.mark.slow]

GOOD_FOR = 25.0
"""Seconds after it was loaded in which the faulty model answers well: it passes its build, and becomes ready."""
CHECKS = {
    "steps": [{"weight": 50, "hold": "2m"}],
    "checks": [
        {"name": "errors", "successRate": {"min": 0.95}, "interval": "2s"},
        {"name": "versus-stable", "successRate": {"notWorseThanStableBy": 0.02}, "interval": "2s"},
    ],
    "scaleDownDelay": "2s",
    "progressDeadline": "2m",
}


def test_a_model_that_begins_to_fail_for_users_is_stopped_in_seconds(warm: Stage) -> None:
    warm.put_model("degrading/model.pkl", models.failing_after(GOOD_FOR))
    served = Served(warm, "judged")
    served.apply(served.spec(1, rollout=CHECKS))
    first = served.healthy()["stable"]["revision"]
    with Users(served.address, models.request_body(), rate=40) as users:
        faulty = served.spec(f"s3://{install.BUCKET}/degrading/", rollout=CHECKS)
        faulty["model"] |= {"format": "sklearn", "allowPickle": True}
        served.apply({**faulty, "build": {"refresh": fresh(served.name)}})
        canary = served.until(lambda s: s["canary"].get("weight"), seconds=180)["canary"]["revision"]
        status = served.until(lambda s: s.get("rejected"), seconds=180)
        tally = users.tally
    assert (status["rejected"][0]["revision"], status["rejected"][0]["reason"]) == (canary, "CheckFailed")
    assert status["stable"]["revision"] == first
    failed = sum(tally.faults.values())
    print(f"{tally.answered} requests answered, {failed} failed before the canary was stopped")
    assert 3 <= failed <= 40 * 15, tally.faults
    served.delete()
