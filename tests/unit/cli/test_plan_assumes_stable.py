"""`seatrial plan --assume-stable`: the steps of an update without a snapshot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seatrial.api import names
from seatrial.codegen import generate
from tests.unit.cli.commands import NOW, SETTINGS, error_of, model_deployment, output_of, write_file

EXAMPLES = [
    path
    for path in sorted((generate.REPOSITORY / "crds" / "examples").glob("*.yaml"))
    if f"kind: {names.KIND}\n" in path.read_text() and not path.name.startswith(("illegal-", "router-plugin"))
]
STEPS = {"steps": [{"weight": 20, "hold": "2m"}, {"weight": 50, "hold": "5m"}]}
HINT = "A first deployment takes no steps; use --assume-stable to see the steps of an update."
READS = {"envFrom": [{"configMapRef": {"name": "churn-settings"}}]}


def plan(path: Path, *more: str | Path) -> str:
    return output_of("plan", "-f", path, "--now", NOW, "--settings", SETTINGS, *more)


def created_revision(text: str) -> str:
    """Return the revision whose Deployment is created."""
    return re.findall(r"create Deployment \S+-([0-9a-f]{10}) ", text)[0]


def test_the_steps_are_shown_next_to_a_stable_revision_with_pods(tmp_path: Path) -> None:
    path = write_file(tmp_path, model_deployment(scaling={"replicas": 4}, rollout=STEPS))
    text = plan(path, "--assume-stable")
    (stable,) = re.findall(
        r"^Assumed: (\w+), with another model and otherwise the same spec, is stable", text, re.MULTILINE
    )
    assert f"stable {stable} 100 % on 4 pods, canary {created_revision(text)} 0 % on 0 of 1 pod" in text
    assert f"stable {stable} 80 % on 4 pods, canary {created_revision(text)} 20 % on 1 pod" in text
    assert f"delete Deployment churn-{stable}" in text
    assert "\n2 steps, at least 8m, 8 pods at the peak\nends Healthy\n" in text
    assert text.startswith(f"ModelDeployment shop/churn, from {NOW}\n\n+0s ")


def test_the_revision_is_the_same_as_in_a_first_deployment(tmp_path: Path) -> None:
    path = write_file(tmp_path, model_deployment(rollout=STEPS))
    assert created_revision(plan(path)) == created_revision(plan(path, "--assume-stable"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_can_be_planned_as_an_update(path: Path) -> None:
    text = output_of("plan", "-f", path, "--assume-stable", "--now", NOW)
    paused = "paused: true" in path.read_text()
    assert ("ends Paused" if paused else "ends Healthy\n") in text
    assert "is stable and has all its pods" in text


def test_the_careful_example_gets_the_weights_that_it_asks_for() -> None:
    path = generate.REPOSITORY / "crds/examples/careful-rollout.yaml"
    text = output_of("plan", "-f", path, "--assume-stable", "--now", NOW)
    assert "\n4 steps, " in text
    assert "its share of the ready pods" not in text


def test_the_stable_revision_has_the_minimum_of_the_autoscaler(tmp_path: Path) -> None:
    scaling = {"minReplicas": 2, "maxReplicas": 6}
    text = plan(write_file(tmp_path, model_deployment(scaling=scaling, rollout=STEPS)), "--assume-stable")
    assert "100 % on 2 pods" in text.splitlines()[2]
    assert "update HorizontalPodAutoscaler churn-" in text


def test_a_configmap_in_the_files_is_assumed_to_exist_before(tmp_path: Path) -> None:
    metadata = {"name": "churn-settings", "namespace": "shop"}
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"LEVEL": "info"}}
    text = plan(
        write_file(tmp_path, settings, model_deployment(serving=READS, rollout=STEPS)), "--assume-stable"
    )
    assert "churn-settings exists and is empty" not in text
    assert "\n2 steps, " in text


def test_the_recreate_strategy_has_a_gap(tmp_path: Path) -> None:
    path = write_file(tmp_path, model_deployment(rollout={"strategy": "Recreate"}))
    assert "Warning: no pod serves requests from " in plan(path, "--assume-stable")


def test_a_snapshot_and_assume_stable_exclude_each_other(tmp_path: Path) -> None:
    path = write_file(tmp_path, model_deployment())
    error = error_of("plan", "-f", path, "--against", path, "--assume-stable")
    assert "--assume-stable: not allowed with argument --against" in error


def test_a_first_deployment_with_steps_mentions_assume_stable(tmp_path: Path) -> None:
    path = write_file(tmp_path, model_deployment(rollout=STEPS))
    assert plan(path).endswith(f"{HINT}\n")
    assert HINT not in plan(path, "--assume-stable")
    for rollout in ({"steps": []}, {"strategy": "Recreate"}):
        assert HINT not in plan(write_file(tmp_path, model_deployment(rollout=rollout)))
