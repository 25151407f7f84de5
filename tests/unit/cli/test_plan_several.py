"""Several files, folders and objects are planned as `kubectl apply` would take them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from seatrial.api import names
from tests.unit.cli.commands import NOW, SETTINGS, a_deployment, file_of, printed, refused


def plan(*more: str | Path) -> tuple[str | Path, ...]:
    return ("plan", "--now", NOW, "--settings", SETTINGS, *more)


def test_several_objects_are_planned_one_after_the_other(tmp_path: Path) -> None:
    given = file_of(tmp_path, a_deployment("one"), a_deployment("two", scaling={"replicas": 2}))
    text = printed(*plan("-f", given))
    alone = [
        printed(*plan("-f", file_of(tmp_path, body, name="alone.yaml")))
        for body in yaml.safe_load_all(given.read_text())
    ]
    assert text == "\n".join(alone)
    assert [line for line in text.splitlines() if line.startswith("ModelDeployment")] == [
        f"ModelDeployment shop/one, from {NOW}",
        f"ModelDeployment shop/two, from {NOW}",
    ]


def test_several_files_are_one(tmp_path: Path) -> None:
    one = file_of(tmp_path, a_deployment("one"), name="one.yaml")
    two = file_of(tmp_path, a_deployment("two"), name="two.yaml")
    both = file_of(tmp_path, a_deployment("one"), a_deployment("two"), name="both.yaml")
    assert printed(*plan("-f", one, "-f", two)) == printed(*plan("-f", both))


def test_the_first_passes_of_several_objects_are_documents(tmp_path: Path) -> None:
    given = file_of(tmp_path, a_deployment("one"), a_deployment("two"))
    plans = list(yaml.safe_load_all(printed(*plan("-f", given, "-o", "yaml"))))
    made = [
        {action["create"]["metadata"]["labels"][names.LABEL_DEPLOYMENT] for action in p["actions"]}
        for p in plans
    ]
    assert made == [{"one"}, {"two"}]


def test_a_folder_is_its_files_and_not_its_folders(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    one = file_of(tmp_path, a_deployment("one"), name="b.yaml")
    two = tmp_path / "a.json"
    two.write_text(json.dumps(a_deployment("two")))
    three = file_of(tmp_path / "deeper", a_deployment("three"), name="c.yml")
    file_of(tmp_path, "no object at all", name="README.md")
    assert printed(*plan("-f", tmp_path)) == printed(*plan("-f", two, "-f", one))
    assert printed(*plan("-R", "-f", tmp_path)) == printed(*plan("-f", two, "-f", one, "-f", three))


def test_a_folder_without_files_says_what_it_looked_for(tmp_path: Path) -> None:
    told = refused(*plan("-f", tmp_path))
    assert told.startswith(
        f"seatrial: {tmp_path}: has no file that ends in .yaml, .yml, .json; -R looks into"
    )
    assert told.splitlines()[0] != refused(*plan("-R", "-f", tmp_path)).splitlines()[0]


def test_an_object_that_is_there_twice_names_both_files(tmp_path: Path) -> None:
    one, two = (file_of(tmp_path, a_deployment(), name=name) for name in ("one.yaml", "two.yaml"))
    told = refused(*plan("-f", one, "-f", two))
    assert told == f"seatrial: ModelDeployment churn is there twice: in {one} and in {two}\n"


def test_one_name_in_two_namespaces_is_two_objects(tmp_path: Path) -> None:
    elsewhere = {**a_deployment(), "metadata": {"name": "churn", "namespace": "other"}}
    text = printed(*plan("-f", file_of(tmp_path, a_deployment(), elsewhere)))
    assert re.findall("^ModelDeployment ([^,]+),", text, re.MULTILINE) == ["shop/churn", "other/churn"]


def test_the_standard_input_is_read_once() -> None:
    assert "- is the standard input, which can be read only once" in refused(*plan("-f", "-", "-f", "-"))
