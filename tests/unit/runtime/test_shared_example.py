"""The build's trial and the server look for the model's example in the same places, and learn the same from it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from model_runtime import contract, formats
from model_runtime.contract import ModelCard
from model_runtime.formats import Signature
from model_runtime.server import loading
from model_runtime.server.settings import Settings
from tests.unit.runtime.server import models
from tests.unit.runtime.server.serving import ROOT

pytestmark = pytest.mark.slow

LAYOUTS = [
    pytest.param("model.skops", "example.json", id="both at the top"),
    pytest.param("churn/model.skops", "churn/example.json", id="both in a folder, as tars have it"),
    pytest.param("churn/7/model.skops", "input_example.json", id="the example above its model"),
]
ROW = [[5.5, 5.0, 0.0]]


def tried(folder: Path) -> dict[str, Any]:
    """What the build's trial tells about the model in the folder."""
    found, outcome = formats.detect(folder), folder.parent / "outcome.json"
    command = [
        sys.executable,
        "-m",
        "model_runtime.builder.trial",
        str(folder),
        found.format,
        str(found.path),
    ]
    subprocess.run([*command, str(outcome)], check=True, cwd=ROOT)
    told: dict[str, Any] = json.loads(outcome.read_text())
    return told


def image(source: Path, signature: str) -> Path:
    """Return the model as in a built image."""
    root = source.parent / "image"
    files = root / Path(contract.MODEL_FOLDER).relative_to(contract.IMAGE_FOLDER)
    files.parent.mkdir(parents=True)
    files.symlink_to(source)
    path = formats.detect(source).path.relative_to(source).as_posix()
    card = ModelCard(name="churn", build_id="b1", format="skops", path=path, digest="sha256:0")
    (root / Path(contract.CARD_FILE).name).write_text(card.to_json())
    (root / Path(contract.SIGNATURE_FILE).name).write_text(signature)
    return root


def said(inputs: formats.Tensors) -> dict[str, Any]:
    return {name: array.tolist() for name, array in inputs.items()}


@pytest.mark.parametrize(("model", "example"), LAYOUTS)
def test_build_and_server_find_the_same_example(tmp_path: Path, model: str, example: str) -> None:
    source = tmp_path / "source"
    models.store_classifier((source / model).parent)
    (source / example).write_text(json.dumps(ROW))
    told = tried(source)

    assert told["reference"]["inputs"] == {"input": ROW}
    built = loading.load_model(Settings(image_folder=image(source, told["signature"])))
    assert said(built.example) == {"input": ROW}
    assert said(loading.load_model(Settings(model_folder=source)).example) == {"input": ROW}


def test_a_string_column_of_the_example_is_one_for_build_and_server(tmp_path: Path) -> None:
    source = tmp_path / "source"
    _store_with_a_note(source / "churn")
    (source / "churn" / "example.json").write_text('[{"age": 31, "note": "x"}]')
    told = tried(source)

    bare = loading.load_model(Settings(model_folder=source))
    assert (
        Signature.from_json(told["signature"])
        == bare.predict_protocol.signature
        == bare.v2_protocol.signature
    )
    assert bare.predict_protocol.signature.inputs[1].datatype == "BYTES"


def _store_with_a_note(folder: Path) -> None:
    """A model that drops a column: nothing in it remembers what stood there."""
    import pandas
    import skops.io
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    rows = pandas.DataFrame({"age": [20, 30, 60, 70], "note": ["a", "b", "c", "d"]})
    kept = ColumnTransformer([("age", "passthrough", ["age"])])
    folder.mkdir(parents=True)
    skops.io.dump(make_pipeline(kept, LogisticRegression()).fit(rows, [0, 0, 1, 1]), folder / "model.skops")
