"""Pickles and joblib files of scikit-learn estimators: loading one runs the code in it."""

from __future__ import annotations

from pathlib import Path

from model_runtime.failures import PickleRefused
from model_runtime.formats import versions
from model_runtime.formats.sklearn_model import SklearnModel, model_of


def load(path: Path, *, allow_pickle: bool) -> SklearnModel:
    """Load the estimator in the file; `PickleRefused` unless `allow_pickle` lets its code run."""
    if not allow_pickle:
        raise refusal(path)
    import joblib

    with versions.same_sklearn(path.name):
        estimator = joblib.load(path)
    return model_of(estimator, name=path.name)


def refusal(path: Path) -> PickleRefused:
    """Return the failure of a pickle that may not be loaded."""
    return PickleRefused(
        f"{path.name} is a pickle: loading it runs code from the file. Store the model with skops "
        f"(skops.io.dump), or set spec.model.allowPickle: true if you trust its author."
    )
