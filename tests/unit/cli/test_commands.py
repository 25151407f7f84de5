"""The commands as a person types them: what they print, and what they say when they cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from seatrial.api import rollout_decision
from seatrial.cli import main, yaml_input
from seatrial.codegen import diagram
from seatrial.core.transitions import NEXT
from tests.golden import play

GOLDEN = play.FOLDER / "new-image-beside-stable"
NOW = "2026-11-21T13:00:45Z"


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    """What the commands of a test print."""
    return capsys


def _run(*arguments: str | Path) -> None:
    main.main([str(argument) for argument in arguments])


def _fails(*arguments: str | Path) -> None:
    with pytest.raises(SystemExit) as ended:
        _run(*arguments)
    assert ended.value.code == 2


def _plan(*more: str | Path) -> list[str | Path]:
    settings = play.FOLDER / "settings.yaml"
    return ["plan", "-f", GOLDEN / "cr.yaml", "--now", NOW, "--settings", settings, *more]


def test_plan_prints_the_same_timeline_as_the_golden_folder(printed: pytest.CaptureFixture[str]) -> None:
    _run(*_plan("--against", GOLDEN / "observed.yaml"))
    assert printed.readouterr().out == (GOLDEN / "timeline.txt").read_text()


def test_plan_prints_one_pass_as_the_golden_folder_has_it(printed: pytest.CaptureFixture[str]) -> None:
    _run(*_plan("--against", GOLDEN / "observed.yaml", "-o", "yaml"))
    assert printed.readouterr().out == (GOLDEN / "plan.yaml").read_text()


def test_plan_without_a_cluster_is_a_first_deploy(printed: pytest.CaptureFixture[str]) -> None:
    _run(*_plan("--ready-after", "5s"))
    text = printed.readouterr().out
    assert "\nat least 5s, 3 pods at the peak\n" in text
    assert "Assumed: pods are ready after 5s" in text


def test_plan_says_what_it_assumes_of_things_it_was_not_shown(
    printed: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    body = yaml.safe_load((GOLDEN / "cr.yaml").read_text())
    body["spec"]["model"] = {"uri": "s3://models/churn/7/"}
    body["spec"]["serving"] = {"envFrom": [{"configMapRef": {"name": "churn-settings"}}]}
    (tmp_path / "cr.yaml").write_text(yaml.safe_dump(body))
    _run("plan", "-f", tmp_path / "cr.yaml", "--now", NOW)
    text = printed.readouterr().out
    assert "Assumed: ConfigMap churn-settings is there and empty" in text
    assert "Assumed: the runtimes sklearn, xgboost, onnx and a registry" in text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("kind: [", "is not YAML", id="no YAML"),
        pytest.param("a: 1", "every object needs kind and metadata.name", id="no object"),
        pytest.param(
            "kind: Pod\nmetadata: {name: a}", "needs a ModelDeployment; it has Pod", id="another kind"
        ),
        pytest.param(
            "apiVersion: seatrial.dev/v1alpha1\nkind: ModelDeployment\nmetadata: {name: a}\nspec: {}",
            "the API server would refuse ModelDeployment a: spec.model: is required",
            id="a spec that is refused",
        ),
    ],
)
def test_plan_says_why_a_file_cannot_be_used(
    printed: pytest.CaptureFixture[str], tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "cr.yaml").write_text(text)
    _fails("plan", "-f", tmp_path / "cr.yaml")
    assert sentence in printed.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--now", "noon"], "--now: must be a time such as"),
        (["--now", "2026-11-21T12:00:00"], "--now: needs a time zone"),
        (["--ready-after", "soon"], "--ready-after: expected a duration"),
        (["--settings", "/nowhere.yaml"], "/nowhere.yaml: cannot be read"),
        (["--against", str(GOLDEN / "now-here.yaml")], "cannot be read"),
    ],
)
def test_plan_says_why_an_option_cannot_be_used(
    printed: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    _fails(*_plan(*arguments))
    assert sentence in printed.readouterr().err


def test_a_snapshot_without_the_object_is_refused_with_the_command_that_mends_it(
    printed: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "snapshot.yaml").write_text("kind: Pod\nmetadata: {name: a, namespace: shop}")
    _fails(*_plan("--against", tmp_path / "snapshot.yaml"))
    assert "kubectl get mdep churn -n shop -o yaml" in printed.readouterr().err


def test_lists_of_kubectl_and_several_documents_are_one_snapshot() -> None:
    pod = "kind: Pod\nmetadata: {name: %s, creationTimestamp: 2026-11-21T12:00:00Z}\n"
    listed = "kind: List\nitems:\n- kind: Pod\n  metadata: {name: b}\n"
    text = f"{pod % 'a'}---\n{listed}---\n- kind: Pod\n  metadata: {{name: c}}\n"
    found = yaml_input.documents(text, "snapshot")
    assert [body["metadata"]["name"] for body in found] == ["a", "b", "c"]
    assert found[0]["metadata"]["creationTimestamp"] == "2026-11-21T12:00:00Z"


DECISIONS = [
    ["promote", "--attempt", "1"],
    ["abort", "--attempt", "1"],
    ["retry", "--attempt", "2"],
    ["skip", "--step", "2"],
    ["pause"],
    ["resume"],
    ["rollback", "--to-revision", "41b07c55ee"],
]


@pytest.mark.parametrize("words", DECISIONS, ids=lambda words: words[0])
def test_decide_prints_a_decision_that_the_api_takes(
    printed: pytest.CaptureFixture[str], words: list[str]
) -> None:
    _run("decide", words[0], "churn", "--revision", "9f3c2a71d0", "--by", "jo", *words[1:], "-n", "shop")
    body = yaml.safe_load(printed.readouterr().out)
    parsed = rollout_decision.parse({**body, "metadata": {**body["metadata"], "name": "x"}})
    assert str(parsed.spec.action) == words[0].capitalize()
    assert body["metadata"] == {"generateName": "churn-", "namespace": "shop"}


def test_decide_refuses_with_the_sentence_of_the_api(printed: pytest.CaptureFixture[str]) -> None:
    _fails("decide", "pause", "churn", "--revision", "9f3c2a71d0", "--by", "jo", "--attempt", "1")
    assert "attempt is required with Promote, Abort and Retry" in printed.readouterr().err


def test_version_prints_the_version(printed: pytest.CaptureFixture[str]) -> None:
    _run("version")
    assert printed.readouterr().out.startswith("seatrial ")


def test_the_diagram_has_every_move_of_the_table() -> None:
    text = diagram.mermaid()
    assert all(f"{phase} --> {following}" in text for phase, row in NEXT.items() for following in row)


def test_the_diagram_is_written_between_its_markers(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{diagram.START}\nold\n{diagram.END}\nafter\n")
    diagram.main(["--write", str(readme)])
    assert readme.read_text() == f"before\n{diagram.START}\n{diagram.mermaid()}\n{diagram.END}\nafter\n"


def test_a_file_without_markers_is_not_written() -> None:
    with pytest.raises(ValueError, match="are required"):
        diagram.replace_diagram("no markers")
