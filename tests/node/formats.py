"""The handwritten digits in other formats, and one model that takes its time."""

from __future__ import annotations

import io
import json
import re
import zipfile
from functools import cache
from typing import Any

import joblib
import numpy as np
import skl2onnx
import xgboost
from skl2onnx.common.data_types import FloatTensorType
from sklearn.neighbors import KNeighborsClassifier

from tests.stage import models


@cache
def booster() -> Any:
    """Trees that tell the digits apart."""
    data = models.digits()
    matrix = xgboost.DMatrix(data.train[:400], label=data.train_labels[:400])
    options = {"objective": "multi:softprob", "num_class": 10, "max_depth": 3, "nthread": 1}
    return xgboost.train(options, matrix, num_boost_round=5)


def xgboost_file(form: str) -> bytes:
    """The trees as XGBoost stores them: `json` or `ubj`."""
    return bytes(booster().save_raw(form))


def onnx_file(model: Any) -> bytes:
    """The scikit-learn model as an ONNX graph with input `X`."""
    graph = skl2onnx.to_onnx(
        model, initial_types=[("X", FloatTensorType([None, 64]))], options={"zipmap": False}, target_opset=17
    )
    return bytes(graph.SerializeToString())


def pickle_file(model: Any) -> bytes:
    """The model as joblib stores it: a pickle."""
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue()


def slow_model() -> Any:
    """Looks at every example for every row: some hundredths of a second each."""
    random = np.random.default_rng(7)
    return KNeighborsClassifier(algorithm="kd_tree").fit(
        random.random((8000, 64)), random.integers(0, 2, 8000)
    )


def rows_body(count: int) -> bytes:
    """A prediction request of so many rows that look like no example."""
    rows = np.random.default_rng(11).integers(0, 2, (count, 64))
    return json.dumps({"instances": rows.tolist()}).encode()


def of_another_sklearn(whole: bytes, version: str) -> bytes:
    """The skops file as this version of scikit-learn would have stored it."""
    stored = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(stored, "w") as new:
        for item in old.infolist():
            data = old.read(item)
            new.writestr(item, _of_version(data, version) if item.filename == "schema.json" else data)
    return stored.getvalue()


def _of_version(schema: bytes, version: str) -> bytes:
    pattern = re.compile(r'("_sklearn_version"\s*:\s*\{[^{}]*?"content"\s*:\s*"\\?"?)[0-9][^"\\]*')
    text, found = pattern.subn(rf"\g<1>{version}", schema.decode())
    assert found, "the file does not say which scikit-learn stored it"
    return text.encode()
