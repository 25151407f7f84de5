"""Over a real socket: the build decides the types of a model once, and its server answers by them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder

from model_runtime import formats
from model_runtime.formats import Signature
from tests.fidelity.columns import BIG
from tests.unit.runtime.server.serving import ROOT, running

pytestmark = pytest.mark.slow
FLAGS = pd.DataFrame(
    {
        "flag": pd.Series([True, False, np.nan] * 10, dtype=object),
        "shop": [BIG, BIG - 1, 7] * 10,
        "size": np.arange(30.0),
    }
)
KINDS = np.array([0, 1, 2] * 10)


def tried(source: Path) -> tuple[int, dict[str, Any]]:
    """What the build's trial says about the model in the folder."""
    found, outcome = formats.detect(source), source.parent / "outcome.json"
    arguments = [str(source), found.format, str(found.path), str(outcome)]
    code = subprocess.run(
        [sys.executable, "-m", "model_runtime.builder.trial", *arguments], check=False, cwd=ROOT
    ).returncode
    told: dict[str, Any] = json.loads(outcome.read_text())
    return code, told


def store(folder: Path, estimator: Any, example: Any) -> Path:
    folder.mkdir()
    skops.io.dump(estimator, folder / "model.skops")
    (folder / "example.json").write_text(json.dumps(example))
    return folder


def test_a_built_model_answers_over_http_as_in_training(tmp_path: Path) -> None:
    encode = ColumnTransformer(
        [("c", OneHotEncoder(handle_unknown="ignore"), ["flag", "shop"])], remainder="passthrough"
    )
    model = make_pipeline(encode, LogisticRegression(max_iter=1000)).fit(FLAGS, KINDS)
    rows = [{"flag": None, "shop": BIG, "size": 1.0}, {"flag": True, "shop": BIG - 1, "size": 2.0}]
    source = store(tmp_path / "source", model, rows)
    _code, told = tried(source)
    truth = pd.DataFrame(
        {"flag": pd.Series([np.nan, True], dtype=object), "shop": [BIG, BIG - 1], "size": [1.0, 2.0]}
    )

    with running(source, tmp_path) as server:
        server.await_ready()
        answers = server.ask("POST", "/predict", {"records": rows}).document["predictions"]
        schema = server.ask("GET", "/schema.json").document["input"]["oneOf"][0]
        refused = server.ask("POST", "/predict", {"records": [rows[0], {**rows[1], "shop": float(BIG)}]})

    assert Signature.from_json(told["signature"]).inputs[0].missing == "nan"
    shares = [list(one["probabilities"].values()) for one in answers]
    assert shares == model.predict_proba(truth).tolist()
    columns = schema["properties"]["records"]["items"]["properties"]
    assert (columns["flag"]["type"], columns["flag"]["nullable"]) == ("boolean", True)
    assert (columns["shop"]["type"], columns["shop"]["example"]) == ("integer", 7)
    assert (refused.status, refused.document["field"]) == (400, "records[1].shop")


def test_a_model_that_cannot_answer_its_own_example_is_rejected_in_the_build(tmp_path: Path) -> None:
    encode = ColumnTransformer([("c", OrdinalEncoder(), ["shop"])], remainder="drop")
    model = make_pipeline(encode, LogisticRegression(max_iter=1000)).fit(FLAGS, KINDS)
    source = store(tmp_path / "source", model, [{"flag": True, "shop": "seven", "size": 1.0}])

    _code, told = tried(source)
    assert told["reason"] == "ModelExampleFailed"
    assert "columns.shop[0]: expected an integer (INT64), got the string 'seven'" in told["message"]


def test_the_warning_of_another_version_is_in_the_outcome_of_the_trial(tmp_path: Path) -> None:
    model = make_pipeline(FunctionTransformer(), LogisticRegression()).fit(FLAGS[["size"]], KINDS)
    source = store(tmp_path / "source", model, [{"size": 1.0}])
    stored = tmp_path / "source" / "model.skops"
    _with_version(stored, "1.0.2")

    _code, told = tried(source)
    (warning,) = told["warnings"]
    assert warning.startswith("model.skops was stored with scikit-learn 1.0.2")


def _with_version(path: Path, version: str) -> None:
    import zipfile

    import sklearn

    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["schema.json"] = files["schema.json"].replace(sklearn.__version__.encode(), version.encode())
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
