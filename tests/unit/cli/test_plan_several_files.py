"""Several files, directories and objects are planned as `kubectl apply` reads them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from seatrial.api import names
from tests.unit.cli.commands import NOW, SETTINGS, error_of, model_deployment, output_of, write_file


def plan(*more: str | Path) -> tuple[str | Path, ...]:
    return ("plan", "--now", NOW, "--settings", SETTINGS, *more)


def test_several_deployments_are_planned_one_after_the_other(tmp_path: Path) -> None:
    path = write_file(tmp_path, model_deployment("one"), model_deployment("two", scaling={"replicas": 2}))
    text = output_of(*plan("-f", path))
    alone = [
        output_of(*plan("-f", write_file(tmp_path, body, name="alone.yaml")))
        for body in yaml.safe_load_all(path.read_text())
    ]
    assert text == "\n".join(alone)
    assert [line for line in text.splitlines() if line.startswith("ModelDeployment")] == [
        f"ModelDeployment shop/one, from {NOW}",
        f"ModelDeployment shop/two, from {NOW}",
    ]


def test_several_files_are_planned_like_one(tmp_path: Path) -> None:
    one = write_file(tmp_path, model_deployment("one"), name="one.yaml")
    two = write_file(tmp_path, model_deployment("two"), name="two.yaml")
    both = write_file(tmp_path, model_deployment("one"), model_deployment("two"), name="both.yaml")
    assert output_of(*plan("-f", one, "-f", two)) == output_of(*plan("-f", both))


def test_the_first_passes_of_several_deployments_are_yaml_documents(tmp_path: Path) -> None:
    path = write_file(tmp_path, model_deployment("one"), model_deployment("two"))
    plans = list(yaml.safe_load_all(output_of(*plan("-f", path, "-o", "yaml"))))
    deployments = [
        {action["create"]["metadata"]["labels"][names.LABEL_DEPLOYMENT] for action in plan["actions"]}
        for plan in plans
    ]
    assert deployments == [{"one"}, {"two"}]


def test_a_directory_is_read_without_its_subdirectories_unless_recursive(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    one = write_file(tmp_path, model_deployment("one"), name="b.yaml")
    two = tmp_path / "a.json"
    two.write_text(json.dumps(model_deployment("two")))
    three = write_file(tmp_path / "deeper", model_deployment("three"), name="c.yml")
    write_file(tmp_path, "no object at all", name="README.md")
    assert output_of(*plan("-f", tmp_path)) == output_of(*plan("-f", two, "-f", one))
    assert output_of(*plan("-R", "-f", tmp_path)) == output_of(*plan("-f", two, "-f", one, "-f", three))


def test_a_directory_without_files_is_rejected_with_the_extensions(tmp_path: Path) -> None:
    error = error_of(*plan("-f", tmp_path))
    assert error.startswith(f"seatrial: {tmp_path}: the directory has no .yaml, .yml, .json file; use -R")
    assert "-R" not in error_of(*plan("-R", "-f", tmp_path))


def test_a_duplicate_object_is_rejected_with_both_files(tmp_path: Path) -> None:
    one, two = (write_file(tmp_path, model_deployment(), name=name) for name in ("one.yaml", "two.yaml"))
    error = error_of(*plan("-f", one, "-f", two))
    assert error == f"seatrial: ModelDeployment churn is defined twice: in {one} and in {two}\n"


def test_deployments_with_the_same_name_in_two_namespaces_are_both_planned(tmp_path: Path) -> None:
    elsewhere = {**model_deployment(), "metadata": {"name": "churn", "namespace": "other"}}
    text = output_of(*plan("-f", write_file(tmp_path, model_deployment(), elsewhere)))
    assert re.findall("^ModelDeployment ([^,]+),", text, re.MULTILINE) == ["shop/churn", "other/churn"]


def test_standard_input_can_be_given_only_once() -> None:
    assert "- (standard input) can be given only once" in error_of(*plan("-f", "-", "-f", "-"))
