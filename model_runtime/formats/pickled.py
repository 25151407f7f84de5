"""Pickles and joblib files of scikit-learn estimators: loading one runs the code in it."""

from __future__ import annotations

from pathlib import Path

from model_runtime import failures
from model_runtime.failures import LoadFailed, PickleRefused
from model_runtime.formats import versions
from model_runtime.formats.sklearn_model import SklearnModel, model_of


def load(path: Path, *, allow_pickle: bool) -> SklearnModel:
    """Load the estimator in the file; `PickleRefused` unless `allow_pickle` lets its code run."""
    if not allow_pickle:
        raise refusal(path)
    import joblib

    try:
        with versions.compatible_sklearn(path.name):
            estimator = joblib.load(path)
    except AttributeError as error:
        raise LoadFailed(_unfound(path, error)) from error
    return model_of(estimator, name=path.name)


def _unfound(path: Path, error: AttributeError) -> str:
    """Return the sentence for a pickle that names something which does not exist here."""
    if "__main__" not in str(error):
        return (
            f"{path.name} cannot be loaded: {failures.summary(error)}. Store it with the package versions of the "
            f"runtime, or set spec.build.runtime to a runtime with its versions."
        )
    return (
        f"{path.name} uses a function or class of the script that stored it ({failures.summary(error)}): move it "
        f"into a module that the runtime image has, import it from there, and store the model again."
    )


def refusal(path: Path) -> PickleRefused:
    """Return the failure of a pickle that may not be loaded."""
    return PickleRefused(
        f"{path.name} is a pickle: loading it runs code from the file. Store the model with skops "
        f"(skops.io.dump), or set spec.model.allowPickle: true if you trust its author."
    )
