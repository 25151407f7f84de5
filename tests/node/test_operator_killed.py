"""An operator that is killed ten times in a rollout: the rollout ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
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
SHORTEST, LONGEST = 0.0, 4.0
"""Seconds that an operator lives after it has begun to work; every third is killed while it starts."""
START_PATIENCE = 120.0
WORKING = '"message": "working"'
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
    first = served.healthy(seconds=180)["stable"]["revision"]
    moments = random.Random(SEED)
    seen: list[str] = []
    with _chart_operator_away(warm), Users(served.address, models.request_body(), rate=30) as users:
        built = {"refresh": fresh(served.name)}
        served.apply(served.spec(2, replicas=2, rollout=ROLLOUT, build=built))
        for number in range(KILLS):
            folder = tmp_path / str(number)
            folder.mkdir()
            seconds = moments.uniform(SHORTEST, LONGEST)
            _lives_for(seconds, warm, folder, works_first=number % 3 != 0)
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
    served.healthy()
    served.delete()


@contextmanager
def _chart_operator_away(stage: Stage) -> Iterator[None]:
    """No operator of the chart runs within, and two do afterwards."""
    system = ("-n", install.SYSTEM)
    kubectl = stage.lab.kubectl
    kubectl(*system, "scale", "deployment/seatrial", "--replicas=0")
    kubectl(*system, "wait", "--for=delete", "pods", "-l", OPERATORS, "--timeout=120s")
    try:
        yield
    finally:
        kubectl(*system, "scale", "deployment/seatrial", "--replicas=2")
        kubectl(*system, "rollout", "status", "deployment/seatrial", "--timeout=180s")


@contextmanager
def _operator(stage: Stage, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An operator from source works on the lab; at the end it is killed with -9."""
    settings = folder / "settings.yaml"
    settings.write_text(yaml.safe_dump(install.settings(stage.lab, install.RUNTIMES)))
    command = [sys.executable, "-m", "seatrial.main", "--kubeconfig", str(stage.lab.kubeconfig)]
    paths = os.pathsep.join((str(install.ROOT / "operator"), str(install.ROOT)))
    with (folder / "operator.log").open("wb") as log:
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


def _lives_for(seconds: float, stage: Stage, folder: Path, *, works_first: bool) -> None:
    with _operator(stage, folder) as process:
        deadline = time.monotonic() + START_PATIENCE
        while works_first and WORKING not in _said(folder) and process.poll() is None:
            assert time.monotonic() < deadline, f"the operator does not begin: {_said(folder)[-2000:]}"
            time.sleep(0.02)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        pytest.fail(f"the operator ended by itself: {_said(folder)[-2000:]}")


def _said(folder: Path) -> str:
    return (folder / "operator.log").read_text()


def _finished_by(stage: Stage, folder: Path, served: Served, first: str) -> Status:
    """The last operator is left alone until the second model is stable and the first is gone."""
    with _operator(stage, folder):
        last = served.until(
            lambda s: s["phase"] == "Healthy" and s["stable"].get("revision") != first, seconds=300
        )
        stage.kubectl("wait", "--for=delete", f"deployment/{served.name}-{first}", "--timeout=120s")
        return last


def _names(served: Served, kind: str) -> list[str]:
    selector = f"seatrial.dev/deployment={served.name}"
    template = "jsonpath={.items[*].metadata.name}"
    return served.stage.kubectl("get", kind, "-l", selector, "-o", template).split()


def _selected(served: Served) -> str:
    """The revision that the clients' Service selects."""
    service = json.loads(served.stage.kubectl("get", "service", served.name, "-o", "json"))
    return str(service["spec"]["selector"].get("seatrial.dev/revision"))
