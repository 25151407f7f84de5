"""One command updates the CRDs in a cluster, and every document names it."""

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
    """Return every command of server-side apply."""
    matches = re.findall(r"(?:helm show crds CHART \| )?kubectl apply --server-side[^\n`)]*", text)
    return {command.strip() for command in matches}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_document_of_the_chart_has_the_upgrade_command(path: Path) -> None:
    assert commands_in(path.read_text()) == {names.CRD_COMMAND, PIPED}


def test_the_upgrade_command_applies_the_folder_of_the_crds() -> None:
    arguments = shlex.split(names.CRD_COMMAND)
    assert arguments[:2] == ["kubectl", "apply"]
    assert arguments[-2:] == ["-f", "crds/"]


@pytest.mark.parametrize("folder", [ROOT / "crds", CHART / "crds"], ids=["checkout", "chart"])
def test_the_folder_contains_only_the_crds(folder: Path) -> None:
    """kubectl reads files with these suffixes, and no subfolders."""
    manifests = [path for path in folder.iterdir() if path.suffix in {".yaml", ".yml", ".json"}]
    bodies = [yaml.safe_load(path.read_text()) for path in sorted(manifests)]
    assert {body["kind"] for body in bodies} == {"CustomResourceDefinition"}
    expected = {f"{names.PLURAL}.{names.GROUP}", f"{names.DECISION_PLURAL}.{names.GROUP}"}
    assert {body["metadata"]["name"] for body in bodies} == expected


def test_the_chart_contains_the_crds_of_the_checkout() -> None:
    for path in (ROOT / "crds").glob("*.yaml"):
        assert (CHART / "crds" / path.name).read_bytes() == path.read_bytes()
    shipped = {path.name for path in (CHART / "crds").iterdir()}
    assert shipped == {path.name for path in (ROOT / "crds").glob("*.yaml")}
