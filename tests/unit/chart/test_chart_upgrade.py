"""One command brings a cluster to the CRDs of this version, and every text says that one."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from seatrial.api import names
from seatrial.codegen import generate
from tests.unit.chart.chart_rendering import CHART

ROOT = generate.REPOSITORY
PIPED = "helm show crds CHART | kubectl apply --server-side --force-conflicts -f -"
TEXTS = [CHART / "README.md", CHART / "templates" / "NOTES.txt"]


def commands_in(text: str) -> set[str]:
    """Every command that applies something by the server."""
    found = re.findall(r"(?:helm show crds CHART \| )?kubectl apply --server-side[^\n`)]*", text)
    return {command.strip() for command in found}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_text_of_the_chart_says_the_one_command(path: Path) -> None:
    assert commands_in(path.read_text()) == {names.CRD_COMMAND, PIPED}


def test_the_command_is_one_of_kubectl_for_a_folder() -> None:
    words = shlex.split(names.CRD_COMMAND)
    assert words[:2] == ["kubectl", "apply"]
    assert words[-2:] == ["-f", "crds/"]


@pytest.mark.parametrize("folder", [ROOT / "crds", CHART / "crds"], ids=["checkout", "chart"])
def test_the_folder_has_the_crds_and_no_other_manifest(folder: Path) -> None:
    """kubectl reads what ends so, and does not look into folders."""
    manifests = [path for path in folder.iterdir() if path.suffix in {".yaml", ".yml", ".json"}]
    bodies = [yaml.safe_load(path.read_text()) for path in sorted(manifests)]
    assert {body["kind"] for body in bodies} == {"CustomResourceDefinition"}
    wanted = {f"{names.PLURAL}.{names.GROUP}", f"{names.DECISION_PLURAL}.{names.GROUP}"}
    assert {body["metadata"]["name"] for body in bodies} == wanted


def test_the_chart_ships_the_crds_of_the_checkout() -> None:
    for path in (ROOT / "crds").glob("*.yaml"):
        assert (CHART / "crds" / path.name).read_bytes() == path.read_bytes()
    shipped = {path.name for path in (CHART / "crds").iterdir()}
    assert shipped == {path.name for path in (ROOT / "crds").glob("*.yaml")}
