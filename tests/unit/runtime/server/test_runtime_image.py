"""The runtime image has what the package declares, at pinned versions."""

from __future__ import annotations

import tomllib

import pytest
from packaging.requirements import Requirement

from tests.unit.runtime.server.serving import ROOT

PINS = dict(
    line.split("==")
    for line in (ROOT / "model_runtime" / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
)
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.parametrize("extra", ["runtime", "sklearn", "xgboost", "onnx"])
def test_every_declared_dependency_is_pinned_within_its_range(extra: str) -> None:
    for text in EXTRAS[extra]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(PINS[wanted.name]), f"{wanted} but {PINS[wanted.name]}"


@pytest.mark.parametrize("name", ["scikit-learn", "skops", "xgboost", "onnxruntime", "bentoml", "uvloop"])
def test_the_containerfile_installs_what_is_pinned(name: str) -> None:
    assert f" {name}" in (ROOT / "model_runtime" / "Containerfile").read_text()
    assert name in PINS
