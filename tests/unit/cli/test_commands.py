"""The commands as users type them: their output, and their errors."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from seatrial.api import rollout_decision
from seatrial.cli import main, yaml_input
from seatrial.codegen import diagram
from seatrial.core.transitions import TABLE
from tests.golden.stories import SITUATIONS
from tests.unit.cli.commands import (
    DECIDED_AT,
    DECISION_PREFIX,
    NOW,
    SETTINGS,
    model_deployment,
    plan_arguments,
    write_file,
)

GOLDEN = Path(__file__).parent / "golden"
"""The complete output of one plan, as reviewed; `--update-golden` writes it."""


def _run(*arguments: str | Path) -> None:
    main.main([str(argument) for argument in arguments], clock=lambda: DECIDED_AT)


def _run_and_fail(*arguments: str | Path) -> None:
    with pytest.raises(SystemExit) as end:
        _run(*arguments)
    assert end.value.code == 2


def _plan_arguments(folder: Path, *more: str | Path) -> list[str | Path]:
    """Return the arguments of a first deployment."""
    path = write_file(folder, model_deployment(scaling={"replicas": 3}))
    return ["plan", "-f", path, "--now", NOW, "--settings", SETTINGS, *more]


@pytest.mark.parametrize("output", ["timeline", "yaml"])
def test_plan_prints_the_reviewed_output(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, request: pytest.FixtureRequest, output: str
) -> None:
    story = SITUATIONS["new-image-beside-stable"]().story()
    _run(*plan_arguments(tmp_path, story), "-o", output)
    text, golden = capsys.readouterr().out, GOLDEN / f"plan-{output}.txt"
    if request.config.getoption("--update-golden"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_plan_without_a_snapshot_is_a_first_deployment(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _run(*_plan_arguments(tmp_path, "--ready-after", "5s"))
    text = capsys.readouterr().out
    assert "\nat least 5s, 3 pods at the peak\n" in text
    assert "Assumed: pods are ready after 5s" in text


def test_plan_lists_its_assumptions_about_missing_objects(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    serving = {"envFrom": [{"configMapRef": {"name": "churn-settings"}}]}
    body = model_deployment(model={"uri": "s3://models/churn/7/"}, serving=serving)
    _run("plan", "-f", write_file(tmp_path, body), "--now", NOW)
    text = capsys.readouterr().out
    assert "Assumed: ConfigMap churn-settings exists and is empty" in text
    assert "Assumed: the runtimes sklearn, xgboost, onnx, and a placeholder registry" in text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("kind: [", "invalid YAML", id="no YAML"),
        pytest.param("a: 1", "every object needs kind and metadata.name", id="no object"),
        pytest.param(
            "kind: Pod\nmetadata: {name: a}", "expected a ModelDeployment, got Pod", id="another kind"
        ),
        pytest.param(
            "apiVersion: seatrial.dev/v1alpha1\nkind: ModelDeployment\nmetadata: {name: a}\nspec: {}",
            "the API server would reject ModelDeployment a: spec.model: is required",
            id="an invalid spec",
        ),
    ],
)
def test_plan_explains_why_it_rejects_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "cr.yaml").write_text(text)
    _run_and_fail("plan", "-f", tmp_path / "cr.yaml")
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--now", "noon"], "--now: expected a time such as"),
        (["--now", "2026-11-21T12:00:00"], "--now: the time needs a time zone"),
        (["--ready-after", "soon"], "--ready-after: expected a duration"),
        (["--settings", "/nowhere.yaml"], "/nowhere.yaml: cannot be read"),
        (["--against", "/nowhere.yaml"], "/nowhere.yaml: cannot be read"),
    ],
)
def test_plan_explains_why_it_rejects_an_option(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    _run_and_fail(*_plan_arguments(tmp_path, *arguments))
    assert sentence in capsys.readouterr().err


def test_a_snapshot_without_the_deployment_is_rejected_with_the_command_that_gets_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "snapshot.yaml").write_text("kind: Pod\nmetadata: {name: a, namespace: shop}")
    _run_and_fail(*_plan_arguments(tmp_path, "--against", tmp_path / "snapshot.yaml"))
    assert "kubectl get mdep churn -n shop -o yaml" in capsys.readouterr().err


def test_documents_and_lists_of_kubectl_are_read_as_one_snapshot() -> None:
    pod = "kind: Pod\nmetadata: {name: %s, creationTimestamp: 2026-11-21T12:00:00Z}\n"
    listed = "kind: List\nitems:\n- kind: Pod\n  metadata: {name: b}\n"
    text = f"{pod % 'a'}---\n{listed}---\n- kind: Pod\n  metadata: {{name: c}}\n"
    objects = yaml_input.parse_objects(text, "snapshot")
    assert [body["metadata"]["name"] for body in objects] == ["a", "b", "c"]
    assert objects[0]["metadata"]["creationTimestamp"] == "2026-11-21T12:00:00Z"


DECISIONS = [
    ["promote", "--attempt", "1"],
    ["abort", "--attempt", "1"],
    ["retry", "--attempt", "2"],
    ["skip", "--step", "2"],
    ["pause"],
    ["resume"],
    ["rollback", "--to-revision", "41b07c55ee"],
]


@pytest.mark.parametrize("arguments", DECISIONS, ids=lambda arguments: arguments[0])
def test_decide_prints_a_decision_that_the_api_accepts(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    action, *options = arguments
    _run("decide", action, "churn", "--revision", "9f3c2a71d0", "--by", "jo", *options, "-n", "shop")
    body = yaml.safe_load(capsys.readouterr().out)
    parsed = rollout_decision.parse({**body, "metadata": {**body["metadata"], "name": "x"}})
    assert str(parsed.spec.action) == action.capitalize()
    assert body["metadata"] == {"generateName": DECISION_PREFIX, "namespace": "shop"}


def test_decide_rejects_an_invalid_decision_with_the_error_of_the_api(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _run_and_fail("decide", "pause", "churn", "--revision", "9f3c2a71d0", "--by", "jo", "--attempt", "1")
    assert "attempt is required with Promote, Abort and Retry" in capsys.readouterr().err


def test_version_prints_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    _run("version")
    assert capsys.readouterr().out.startswith("seatrial ")


def test_the_diagram_has_every_transition_of_the_table() -> None:
    text = diagram.mermaid()
    assert all(
        f"{phase} --> {following}" in text for phase, row in TABLE.items() for following in row.successors
    )


def test_the_diagram_is_written_between_its_markers(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{diagram.START}\nold\n{diagram.END}\nafter\n")
    diagram.main(["--write", str(readme)])
    assert readme.read_text() == f"before\n{diagram.START}\n{diagram.mermaid()}\n{diagram.END}\nafter\n"


def test_a_file_without_markers_is_rejected() -> None:
    with pytest.raises(ValueError, match="are required"):
        diagram.replace_diagram("no markers")
