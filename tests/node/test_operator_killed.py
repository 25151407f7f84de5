"""An operator that is killed ten times in a rollout: the rollout ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.node.serving import Served, Status, fresh
from tests.stage import install, models
from tests.stage.install import Stage
from tests.stage.load import Users

pytestmark = [pytest.mark.node, pytest.mark.slow]

SEED = 20261121
KILLS = 10
OPERATORS = "app.kubernetes.io/name=seatrial,app.kubernetes.io/component=operator"
SHORTEST, LONGEST = 1.5, 5.0
"""Seconds that an operator lives: some die before their first write, some in the middle of several."""
ROLLOUT = {
    "steps": [{"weight": 30, "hold": "6s"}, {"weight": 50, "hold": "6s"}],
    "scaleDownDelay": "5s",
    "progressDeadline": "3m",
}


def test_an_operator_killed_at_ten_random_moments_changes_nothing_in_the_end(
    warm: Stage, tmp_path: Path
) -> None:
    served = Served(warm, "survivor")
    served.apply(served.spec(1, replicas=2, rollout=ROLLOUT))
    first = served.healthy(seconds=120)["stable"]["revision"]
    moments = random.Random(SEED)
    seen: list[str] = []
    with _chart_operator_away(warm), Users(served.address, models.request_body(), rate=30) as users:
        built = {"refresh": fresh(served.name)}
        served.apply(served.spec(2, replicas=2, rollout=ROLLOUT, build=built))
        for _ in range(KILLS):
            _lives_for(moments.uniform(SHORTEST, LONGEST), warm, tmp_path)
            status = served.status()
            seen.append(f"{status['phase']} {(status.get('summary') or {}).get('step', '')}")
        last = _finished_by(warm, tmp_path, served, first)
        tally = users.tally
    print(f"killed in: {', '.join(seen)}; {tally.answered} requests, {tally.failed} failed")
    second = last["stable"]["revision"]
    assert tally.failed == 0, tally.faults
    decided = [(entry["revision"], entry["outcome"]) for entry in last["history"]]
    assert decided == [(second, "Promoted"), (first, "Promoted")]
    assert not last.get("rejected")
    assert _names(served, "deployment") == [f"{served.name}-{second}"]
    assert _selected(served) == second
    assert len(set(seen)) > 1, "every kill came at the same point: the operator never got anywhere"
    served.healthy(seconds=60)
    served.delete()


@contextmanager
def _chart_operator_away(stage: Stage) -> Iterator[None]:
    """No operator of the chart runs within, and two do afterwards."""
    system = ("-n", install.SYSTEM)
    kubectl = stage.lab.kubectl
    kubectl(*system, "scale", "deployment/seatrial", "--replicas=0")
    kubectl(*system, "wait", "--for=delete", "pods", "-l", OPERATORS, "--timeout=60s")
    try:
        yield
    finally:
        kubectl(*system, "scale", "deployment/seatrial", "--replicas=2")
        kubectl(*system, "rollout", "status", "deployment/seatrial", "--timeout=90s")


@contextmanager
def _operator(stage: Stage, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An operator from source works on the lab; at the end it is killed with -9."""
    settings = folder / "settings.yaml"
    settings.write_text(yaml.safe_dump(install.settings(stage.lab, install.RUNTIMES)))
    command = [sys.executable, "-m", "seatrial.main", "--kubeconfig", str(stage.lab.kubeconfig)]
    paths = os.pathsep.join((str(install.ROOT / "operator"), str(install.ROOT)))
    with (folder / "operator.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--settings", str(settings)],
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": paths},
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _lives_for(seconds: float, stage: Stage, folder: Path) -> None:
    with _operator(stage, folder) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        pytest.fail(f"the operator ended by itself: {(folder / 'operator.log').read_text()[-2000:]}")


def _finished_by(stage: Stage, folder: Path, served: Served, first: str) -> Status:
    """The last operator is left alone until the second model is stable and the first is gone."""
    with _operator(stage, folder):
        last = served.until(
            lambda s: s["phase"] == "Healthy" and s["stable"].get("revision") != first, seconds=180
        )
        stage.kubectl("wait", "--for=delete", f"deployment/{served.name}-{first}", "--timeout=60s")
        return last


def _names(served: Served, kind: str) -> list[str]:
    selector = f"seatrial.dev/deployment={served.name}"
    template = "jsonpath={.items[*].metadata.name}"
    return served.stage.kubectl("get", kind, "-l", selector, "-o", template).split()


def _selected(served: Served) -> str:
    """The revision that the clients' Service selects."""
    service = json.loads(served.stage.kubectl("get", "service", served.name, "-o", "json"))
    return str(service["spec"]["selector"].get("seatrial.dev/revision"))
