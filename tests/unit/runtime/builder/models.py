"""Small models, stored the way people store them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def trained() -> Any:
    """A pipeline that knows the three kinds of iris."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features, kinds = load_iris(return_X_y=True)
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(features, kinds)


@pytest.fixture(scope="session")
def iris_skops(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with that pipeline as `model.skops`."""
    import skops.io

    folder = tmp_path_factory.mktemp("iris")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        skops.io.dump(trained, folder / "model.skops")
    return folder
