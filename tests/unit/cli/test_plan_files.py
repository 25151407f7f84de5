"""The files that `seatrial plan` reads, and the error for every file that it rejects."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.api import names
from seatrial.cli import yaml_input
from seatrial.codegen import generate
from tests.unit.cli.commands import NOW, error_of, model_deployment, output_of, run_process, write_file

EXAMPLES = sorted((generate.REPOSITORY / "crds" / "examples").glob("*.yaml"))
ILLEGAL = [path for path in EXAMPLES if path.name.startswith("illegal-")]
PLUGIN = generate.REPOSITORY / "crds" / "examples" / "router-plugin.yaml"
"""An example whose router is a third-party plugin, which is not installed here."""
LEGAL = [
    path
    for path in EXAMPLES
    if path not in {*ILLEGAL, PLUGIN} and f"kind: {names.KIND}\n" in path.read_text()
]


def test_a_router_that_is_not_installed_is_rejected_with_the_known_routers() -> None:
    assert "unknown router 'example-mesh'; known: replicas" in error_of("plan", "-f", PLUGIN)


@pytest.mark.parametrize("path", LEGAL, ids=lambda path: path.stem)
def test_every_example_has_a_plan_that_ends_healthy_or_paused(path: Path) -> None:
    text = output_of("plan", "-f", path, "--now", NOW)
    paused = "paused: true" in path.read_text()
    assert ("ends Paused" if paused else "ends Healthy\n") in text
    assert "Warning" not in text
    assert text == output_of("plan", "-f", path, "--now", NOW)


@pytest.mark.parametrize("path", ILLEGAL, ids=lambda path: path.stem)
@pytest.mark.parametrize("with_legal", [False, True], ids=["alone", "with a legal one"])
def test_every_illegal_example_is_rejected_with_its_own_error(
    tmp_path: Path, path: Path, with_legal: bool
) -> None:
    sentence = path.read_text().splitlines()[0].removeprefix("# rejected: ")
    other = ["-f", write_file(tmp_path, model_deployment("web"))] if with_legal else []
    error = error_of("plan", "-f", path, *other)
    assert sentence in error
    assert error.startswith(f"seatrial: {path}: the API server would reject ")
    assert len(error.splitlines()) == 1


def test_all_invalid_objects_are_reported_at_once() -> None:
    errors = error_of("plan", "-f", ILLEGAL[0].parent)
    reported = re.findall(r"^seatrial: (\S+): the API server would reject ", errors, re.MULTILINE)
    assert reported == [str(path) for path in ILLEGAL]


NESTED = "[" * 3000


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(b"", "expected a ModelDeployment, got nothing", id="empty"),
        pytest.param(b"\xff\xfe", "cannot be read: the file is not UTF-8 text", id="bytes"),
        pytest.param(b"churn", "every object needs kind and metadata.name", id="a string"),
        pytest.param(b"kind: [", "invalid YAML", id="half a list"),
        pytest.param(b"kind: Pod\nmetadata: {name: a}\nkind: Job", "duplicate key kind", id="duplicate key"),
        pytest.param(b"a: !!python/object/apply:os.getcwd []", "invalid YAML", id="a Python tag"),
        pytest.param(NESTED.encode(), "is nested too deeply", id="nested too deeply"),
        pytest.param(b"&a [*a]", "is nested too deeply", id="a list that contains itself"),
        pytest.param(
            b"a: " + b"9" * 6000, "the YAML has an invalid value", id="a number with too many digits"
        ),
        pytest.param(
            b"kind: Pod\nmetadata: [a]", "every object needs kind and metadata.name", id="metadata is a list"
        ),
        pytest.param(b"kind: Pod\nmetadata: {}", "every object needs kind and metadata.name", id="no name"),
        pytest.param(b"metadata: {name: a}", "every object needs kind and metadata.name", id="no kind"),
        pytest.param(
            b"kind: Pod\nmetadata: {name: a, labels: 5}",
            "Pod a: labels: expected an object, got 5",
            id="labels are a number",
        ),
        pytest.param(
            b"kind: Pod\nmetadata: {name: a}\nspec: []",
            "Pod a: spec: expected an object",
            id="spec is a list",
        ),
        pytest.param(
            b"kind: ModelDeployment\nmetadata: {name: a}",
            "ModelDeployment a: expected apiVersion seatrial.dev/v1alpha1, got none",
            id="no apiVersion",
        ),
        pytest.param(
            b"apiVersion: seatrial.dev/v2\nkind: ModelDeployment\nmetadata: {name: a}",
            "expected apiVersion seatrial.dev/v1alpha1, got seatrial.dev/v2",
            id="unknown apiVersion",
        ),
    ],
)
def test_an_invalid_file_is_rejected_with_its_name(tmp_path: Path, text: bytes, sentence: str) -> None:
    (tmp_path / "input.yaml").write_bytes(text)
    error = error_of("plan", "-f", tmp_path / "input.yaml")
    assert f"{tmp_path}/input.yaml: " in error
    assert sentence in error


@pytest.mark.parametrize(
    ("option", "name", "cause"),
    [
        ("-f", "nowhere.yaml", "No such file"),
        ("--against", "nowhere.yaml", "No such file"),
        ("--settings", "nowhere.yaml", "No such file"),
        ("--against", ".", "Is a directory"),
        ("--settings", ".", "Is a directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path, option: str, name: str, cause: str) -> None:
    good = write_file(tmp_path, model_deployment(), name="good.yaml")
    assert f"{tmp_path / name}: cannot be read: {cause}" in error_of(
        "plan", "-f", good, option, tmp_path / name
    )


def test_standard_input_is_read_like_a_file() -> None:
    process = run_process(LEGAL[0].read_text(), "plan", "-f", "-", "--now", NOW)
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout == output_of("plan", "-f", LEGAL[0], "--now", NOW)


def test_an_error_in_standard_input_names_it() -> None:
    process = run_process("kind: [", "plan", "-f", "-")
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith("seatrial: standard input: invalid YAML")


def test_a_key_may_override_a_merged_one() -> None:
    text = "kind: Pod\nmetadata: &head {name: a, labels: {}}\nspec: {<<: *head, name: b}\n"
    assert yaml_input.parse_objects(text, "x")[0]["spec"] == {"name": "b", "labels": {}}


def test_a_character_that_the_terminal_cannot_show_becomes_a_question_mark() -> None:
    process = run_process("", "plan", "-f", LEGAL[0], "--now", NOW, PYTHONIOENCODING="ascii")
    assert (process.returncode, process.stderr) == (0, "")
    assert "? create Job" in process.stdout


def test_a_closed_pipe_is_not_an_error() -> None:
    shell = f"{sys.executable} -m seatrial.cli.main plan -f {LEGAL[0]} | true"
    root = generate.REPOSITORY
    environment = {"PYTHONPATH": f"{root / 'operator'}:{root}", "PATH": os.environ["PATH"]}
    process = subprocess.run(
        ["bash", "-c", shell], env=environment, capture_output=True, text=True, check=False
    )
    assert process.stderr == ""
