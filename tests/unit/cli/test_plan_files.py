"""What a file for `seatrial plan` can be, and the sentence for everything that it cannot be."""

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
from tests.unit.cli.commands import NOW, a_deployment, file_of, piped, printed, refused

EXAMPLES = sorted((generate.REPOSITORY / "crds" / "examples").glob("*.yaml"))
ILLEGAL = [path for path in EXAMPLES if path.name.startswith("illegal-")]
PLUGIN = generate.REPOSITORY / "crds" / "examples" / "router-plugin.yaml"
"""Its router is that of a third party, which is not installed here."""
LEGAL = [
    path
    for path in EXAMPLES
    if path not in {*ILLEGAL, PLUGIN} and f"kind: {names.KIND}\n" in path.read_text()
]


def test_the_plan_of_a_router_that_is_not_installed_names_the_routers_that_are() -> None:
    assert "unknown router 'example-mesh'; known: replicas" in refused("plan", "-f", PLUGIN)


@pytest.mark.parametrize("path", LEGAL, ids=lambda path: path.stem)
def test_every_example_has_a_plan_that_ends_well(path: Path) -> None:
    text = printed("plan", "-f", path, "--now", NOW)
    paused = "paused: true" in path.read_text()
    assert ("ends Paused" if paused else "ends Healthy\n") in text
    assert "Warning" not in text
    assert text == printed("plan", "-f", path, "--now", NOW)


@pytest.mark.parametrize("path", ILLEGAL, ids=lambda path: path.stem)
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a legal one"])
def test_every_illegal_example_is_refused_with_its_own_sentence(
    tmp_path: Path, path: Path, beside: bool
) -> None:
    sentence = path.read_text().splitlines()[0].removeprefix("# rejected: ")
    other = ["-f", file_of(tmp_path, a_deployment("web"))] if beside else []
    told = refused("plan", "-f", path, *other)
    assert sentence in told
    assert told.startswith(f"seatrial: {path}: the API server would refuse ")
    assert len(told.splitlines()) == 1


def test_all_that_would_be_refused_is_said_at_once() -> None:
    told = refused("plan", "-f", ILLEGAL[0].parent)
    named = re.findall(r"^seatrial: (\S+): the API server would refuse ", told, re.MULTILINE)
    assert named == [str(path) for path in ILLEGAL]


NESTED = "[" * 3000


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(b"", "needs a ModelDeployment; it has nothing", id="empty"),
        pytest.param(b"\xff\xfe", "cannot be read: it is no text in UTF-8", id="bytes"),
        pytest.param(b"churn", "every object needs kind and metadata.name", id="a word"),
        pytest.param(b"kind: [", "is not YAML", id="half a list"),
        pytest.param(
            b"kind: Pod\nmetadata: {name: a}\nkind: Job", "kind is there twice", id="one thing said twice"
        ),
        pytest.param(b"a: !!python/object/apply:os.getcwd []", "is not YAML", id="a call"),
        pytest.param(NESTED.encode(), "is nested too deeply", id="too deep"),
        pytest.param(b"&a [*a]", "is nested too deeply", id="a list in itself"),
        pytest.param(b"a: " + b"9" * 6000, "has a value that cannot be read", id="an endless number"),
        pytest.param(
            b"kind: Pod\nmetadata: [a]", "every object needs kind and metadata.name", id="a head of a"
        ),
        pytest.param(b"kind: Pod\nmetadata: {}", "every object needs kind and metadata.name", id="no name"),
        pytest.param(b"metadata: {name: a}", "every object needs kind and metadata.name", id="no kind"),
        pytest.param(
            b"kind: Pod\nmetadata: {name: a, labels: 5}",
            "Pod a: labels must be an object; got 5",
            id="labels",
        ),
        pytest.param(
            b"kind: Pod\nmetadata: {name: a}\nspec: []", "Pod a: spec must be an object", id="a spec"
        ),
        pytest.param(
            b"kind: ModelDeployment\nmetadata: {name: a}",
            "ModelDeployment a: apiVersion must be seatrial.dev/v1alpha1; it is missing",
            id="no version",
        ),
        pytest.param(
            b"apiVersion: seatrial.dev/v2\nkind: ModelDeployment\nmetadata: {name: a}",
            "apiVersion must be seatrial.dev/v1alpha1; it is seatrial.dev/v2",
            id="another version",
        ),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: bytes, sentence: str) -> None:
    (tmp_path / "given.yaml").write_bytes(text)
    told = refused("plan", "-f", tmp_path / "given.yaml")
    assert f"{tmp_path}/given.yaml: " in told
    assert sentence in told


@pytest.mark.parametrize(
    ("option", "name", "why"),
    [
        ("-f", "nowhere.yaml", "No such file"),
        ("--against", "nowhere.yaml", "No such file"),
        ("--settings", "nowhere.yaml", "No such file"),
        ("--against", ".", "Is a directory"),
        ("--settings", ".", "Is a directory"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, option: str, name: str, why: str) -> None:
    good = file_of(tmp_path, a_deployment(), name="good.yaml")
    assert f"{tmp_path / name}: cannot be read: {why}" in refused("plan", "-f", good, option, tmp_path / name)


def test_the_standard_input_is_a_file_as_well() -> None:
    done = piped(LEGAL[0].read_text(), "plan", "-f", "-", "--now", NOW)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == printed("plan", "-f", LEGAL[0], "--now", NOW)


def test_a_standard_input_that_cannot_be_used_is_named() -> None:
    done = piped("kind: [", "plan", "-f", "-")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("seatrial: standard input: is not YAML")


def test_a_key_that_is_merged_may_be_said_again() -> None:
    text = "kind: Pod\nmetadata: &head {name: a, labels: {}}\nspec: {<<: *head, name: b}\n"
    assert yaml_input.documents(text, "x")[0]["spec"] == {"name": "b", "labels": {}}


def test_a_terminal_that_cannot_show_everything_shows_the_rest() -> None:
    done = piped("", "plan", "-f", LEGAL[0], "--now", NOW, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "? create Job" in done.stdout


def test_a_reader_that_has_seen_enough_is_no_trouble() -> None:
    shell = f"{sys.executable} -m seatrial.cli.main plan -f {LEGAL[0]} | true"
    root = generate.REPOSITORY
    environment = {"PYTHONPATH": f"{root / 'operator'}:{root}", "PATH": os.environ["PATH"]}
    done = subprocess.run(["bash", "-c", shell], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
