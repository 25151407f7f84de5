"""`seatrial plan --assume-stable`: the steps of an update, where no snapshot shows what it updates."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seatrial.api import names
from seatrial.codegen import generate
from tests.unit.cli.commands import NOW, SETTINGS, a_deployment, file_of, printed, refused

EXAMPLES = [
    path
    for path in sorted((generate.REPOSITORY / "crds" / "examples").glob("*.yaml"))
    if f"kind: {names.KIND}\n" in path.read_text() and not path.name.startswith(("illegal-", "router-plugin"))
]
STEPS = {"steps": [{"weight": 20, "hold": "2m"}, {"weight": 50, "hold": "5m"}]}
HINT = "A first deployment takes no steps; --assume-stable shows those of an update."
READS = {"envFrom": [{"configMapRef": {"name": "churn-settings"}}]}


def plan(given: Path, *more: str | Path) -> str:
    return printed("plan", "-f", given, "--now", NOW, "--settings", SETTINGS, *more)


def rolled_out(text: str) -> str:
    """The revision that is created."""
    return re.findall(r"create Deployment \S+-([0-9a-f]{10}) ", text)[0]


def test_the_steps_are_played_beside_a_revision_with_its_pods(tmp_path: Path) -> None:
    given = file_of(tmp_path, a_deployment(scaling={"replicas": 4}, rollout=STEPS))
    text = plan(given, "--assume-stable")
    (served,) = re.findall(
        r"^Assumed: (\w+), of another model and otherwise the same, is stable", text, re.MULTILINE
    )
    assert f"stable {served} 100 % on 4 pods, canary {rolled_out(text)} 0 % on 0 of 1 pod" in text
    assert f"stable {served} 80 % on 4 pods, canary {rolled_out(text)} 20 % on 1 pod" in text
    assert f"delete Deployment churn-{served}" in text
    assert "\n2 steps, at least 8m, 8 pods at the peak\nends Healthy\n" in text
    assert text.startswith(f"ModelDeployment shop/churn, from {NOW}\n\n+0s ")


def test_the_revision_is_the_one_of_a_first_deployment(tmp_path: Path) -> None:
    given = file_of(tmp_path, a_deployment(rollout=STEPS))
    assert rolled_out(plan(given)) == rolled_out(plan(given, "--assume-stable"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_has_an_update(path: Path) -> None:
    text = printed("plan", "-f", path, "--assume-stable", "--now", NOW)
    paused = "paused: true" in path.read_text()
    assert ("ends Paused" if paused else "ends Healthy\n") in text
    assert "is stable and has its pods" in text


def test_the_careful_example_has_the_shares_that_it_asks_for() -> None:
    path = generate.REPOSITORY / "crds/examples/careful-rollout.yaml"
    text = printed("plan", "-f", path, "--assume-stable", "--now", NOW)
    assert "\n4 steps, " in text
    assert "really" not in text


def test_an_autoscaler_is_as_it_was(tmp_path: Path) -> None:
    scaling = {"minReplicas": 2, "maxReplicas": 6}
    text = plan(file_of(tmp_path, a_deployment(scaling=scaling, rollout=STEPS)), "--assume-stable")
    assert "100 % on 2 pods" in text.splitlines()[2]
    assert "change HorizontalPodAutoscaler churn-" in text


def test_what_is_applied_along_was_there_before(tmp_path: Path) -> None:
    head = {"name": "churn-settings", "namespace": "shop"}
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": head, "data": {"LEVEL": "info"}}
    text = plan(file_of(tmp_path, settings, a_deployment(serving=READS, rollout=STEPS)), "--assume-stable")
    assert "churn-settings is there and empty" not in text
    assert "\n2 steps, " in text


def test_a_recreated_one_has_its_gap(tmp_path: Path) -> None:
    given = file_of(tmp_path, a_deployment(rollout={"strategy": "Recreate"}))
    assert "Warning: nobody is served from " in plan(given, "--assume-stable")


def test_a_snapshot_and_an_assumption_exclude_each_other(tmp_path: Path) -> None:
    given = file_of(tmp_path, a_deployment())
    told = refused("plan", "-f", given, "--against", given, "--assume-stable")
    assert "--assume-stable: not allowed with argument --against" in told


def test_a_first_deployment_says_how_to_see_steps_where_there_are_some(tmp_path: Path) -> None:
    given = file_of(tmp_path, a_deployment(rollout=STEPS))
    assert plan(given).endswith(f"{HINT}\n")
    assert HINT not in plan(given, "--assume-stable")
    for without in ({"steps": []}, {"strategy": "Recreate"}):
        assert HINT not in plan(file_of(tmp_path, a_deployment(rollout=without)))
