"""One small model in every format, made once."""

from __future__ import annotations

import bz2
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FILES = ("m.skops", "m.pkl", "m.joblib", "m.joblib.z", "m.joblib.bz2", "m.xgb.json", "m.ubj", "m.onnx")


@pytest.fixture(scope="session")
def iris() -> tuple[Any, Any]:
    from sklearn.datasets import load_iris

    features, kinds = load_iris(return_X_y=True)
    return features, kinds


@pytest.fixture(scope="session")
def pipeline(iris: tuple[Any, Any]) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression()).fit(*iris)


@pytest.fixture(scope="session")
def shelf(iris: tuple[Any, Any], pipeline: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model in every format, under names that say nothing true to a reader of endings."""
    folder = tmp_path_factory.mktemp("shelf")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what exporters say about themselves
        _sklearn(pipeline, folder)
        _xgboost(*iris, folder)
        _onnx(pipeline, iris[0], folder)
    return folder


def _sklearn(pipeline: Any, folder: Path) -> None:
    import joblib
    import skops.io

    skops.io.dump(pipeline, folder / "m.skops")
    (folder / "m.pkl").write_bytes(pickle.dumps(pipeline))
    joblib.dump(pipeline, folder / "m.joblib")
    joblib.dump(pipeline, folder / "m.joblib.z", compress=("zlib", 3))
    (folder / "m.joblib.bz2").write_bytes(bz2.compress(pickle.dumps(pipeline)))


def _xgboost(features: Any, kinds: Any, folder: Path) -> None:
    import xgboost

    data = xgboost.DMatrix(features, kinds, feature_names=["sl", "sw", "pl", "pw"])
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3}, data, 5)
    booster.save_model(folder / "m.xgb.json")
    booster.save_model(folder / "m.ubj")


def _onnx(pipeline: Any, features: Any, folder: Path) -> None:
    from skl2onnx import to_onnx

    made = to_onnx(pipeline, features[:1].astype(np.float32), options={"zipmap": False})
    (folder / "m.onnx").write_bytes(made.SerializeToString())
    mapped = to_onnx(pipeline, features[:1].astype(np.float32))
    (folder / "zipmap.onnx").write_bytes(mapped.SerializeToString())
