"""How long a small model takes from its apply to its first answer: nothing else may run meanwhile."""

from __future__ import annotations

import time

import pytest

from tests.node.serving import Served, fresh
from tests.stage import models
from tests.stage.install import Stage
from tests.stage.load import reached

pytestmark = [pytest.mark.node, pytest.mark.slow]


TRIES = 3
"""A machine that does other things makes any one try slow; what is promised is the product's own time."""


def test_a_small_model_answers_within_forty_seconds_of_its_apply(warm: Stage) -> None:
    for number in range(TRIES):
        took, building = _first_answer(warm, f"quick-{number}")
        if took <= 40 and building <= 15:
            return
    pytest.fail(
        f"the last of {TRIES} tries answered after {took:.1f} s, of which it built for {building:.1f} s"
    )


def _first_answer(stage: Stage, name: str) -> tuple[float, float]:
    """Seconds from the apply to the first answer, which is right, and those of the build."""
    served = Served(stage, name)
    began = time.monotonic()
    served.apply(served.spec(1, build={"refresh": fresh(name)}))
    served.until(lambda s: s.get("url") and s["stable"].get("readyReplicas"), seconds=180)
    reached(served.address, seconds=60)
    answer, headers = served.ask()
    took = time.monotonic() - began
    status = served.healthy()
    assert answer["predictions"] == [int(models.first().predict(models.digits().test[:1])[0])]
    assert headers["x-seatrial-revision"] == status["stable"].get("revision")
    print(f"apply to first answer {took:.1f} s, build {status['build']['seconds']}")
    assert status["build"]["phase"] == "Succeeded"
    served.delete()
    return took, status["build"]["seconds"]["total"]
