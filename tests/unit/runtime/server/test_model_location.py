"""An image as the build makes it: a real Bento, its card, its signature."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_runtime import formats
from model_runtime.contract import ModelCard
from tests.unit.runtime.server import models
from tests.unit.runtime.server.serving import ROOT, Process, running

pytestmark = pytest.mark.slow

MAKE = """
import sys
from pathlib import Path
from model_runtime.builder import bento
bento.build("churn", "b0123456789", date=0, context=Path(sys.argv[1]), target=Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an image, read-only."""
    root = tmp_path_factory.mktemp("image")
    home = tmp_path_factory.mktemp("home")
    variables = os.environ | {
        "BENTOML_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "BENTOML_DO_NOT_TRACK": "True",
    }
    command = [sys.executable, "-c", MAKE, str(tmp_path_factory.mktemp("context")), str(root / "bento")]
    subprocess.run(command, env=variables, check=True, capture_output=True, cwd=home)
    files = models.store_classifier(root / "bento" / "src" / "model")
    card = ModelCard(
        name="churn", build_id="b0123456789", format="skops", path="model.skops", digest="sha256:0"
    )
    (root / "card.json").write_text(card.to_json())
    (root / "signature.json").write_text(formats.load("skops", files / "model.skops").signature.to_json())
    return root


@pytest.fixture(scope="module")
def server(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A ready server of that image."""
    with running(None, tmp_path_factory.mktemp("server"), SEATRIAL_IMAGE_FOLDER=str(image)) as process:
        process.await_ready()
        yield process


def test_the_image_is_served_under_the_version_of_its_card(server: Process) -> None:
    assert server.ask("GET", "/v2/models/churn").document["versions"] == ["b0123456789"]
    assert server.ask("POST", "/predict", {"instances": [[5.5, 5, 0]]}).document["predictions"] == ["high"]


def test_metrics_have_the_name_and_version_of_the_bento(server: Process) -> None:
    server.ask("POST", "/predict", {"instances": [[5.5, 5, 0]]})
    lines = server.ask("GET", "/metrics").body.decode().splitlines()
    counted = next(
        line for line in lines if line.startswith("bentoml_service_request_total") and "/predict" in line
    )
    assert 'service_name="churn"' in counted
    assert 'service_version="b0123456789"' in counted


def test_serving_writes_nothing_to_the_image(server: Process, image: Path) -> None:
    def files() -> dict[Path, float]:
        return {path: path.stat().st_mtime for path in image.rglob("*") if path.suffix != ".pyc"}

    before = files()
    assert server.ask("POST", "/predict", {"instances": [[5.5, 5, 0]]}).status == 200
    assert files() == before
