"""Which skops files are loaded without allowPickle: those of every estimator, and of nothing that runs code."""

from __future__ import annotations

import contextlib
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from scipy import stats
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import all_estimators
from sklearn.utils._test_common.instance_generator import _construct_instances

from model_runtime import formats
from model_runtime.failures import PickleRefused
from model_runtime.formats.skops_trust import is_trusted

NUMBERS = np.abs(np.random.default_rng(0).normal(size=(40, 4))) + 0.1
CLASSES = np.array([0, 1] * 20)
TARGET = NUMBERS[:, 0] * 3
TRAINING: tuple[tuple[Any, ...], ...] = (
    (NUMBERS, CLASSES),
    (NUMBERS, TARGET),
    (NUMBERS,),
    (NUMBERS, np.c_[CLASSES, CLASSES]),
    (["aa bb", "bb cc"] * 20, CLASSES),
    ([{"a": 1}, {"b": 2}] * 20, CLASSES),
    (NUMBERS[:, 0], TARGET),
    (CLASSES,),
    (NUMBERS @ NUMBERS.T,),
)
NOT_STORED = {
    "Birch": "skops cannot store its tree",
    "FrozenEstimator": "scikit-learn makes no example of it",
}
NOT_FITTED = {"SparseCoder": "needs a dictionary of the size of its rows"}
"""Estimators that no file of skops can have here, and why."""


def fitted(cls: Any) -> Any:
    """Return the estimator, fitted on the first small data that it accepts; None when it accepts none."""
    estimator = next(iter(_construct_instances(cls)))
    for rows in TRAINING:
        with contextlib.suppress(Exception):  # the next data may suit it
            return estimator.fit(*rows)
    return None


def test_every_estimator_of_scikit_learn_is_trusted_without_allow_pickle() -> None:
    refused: dict[str, list[str]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tiny data, and estimators that are deprecated
        for name, cls in all_estimators():
            if name in NOT_STORED:
                continue
            estimator = fitted(cls)
            assert (estimator is None) == (name in NOT_FITTED), name
            if estimator is not None:
                stored = skops.io.dumps(estimator)
                unknown = [kind for kind in skops.io.get_untrusted_types(data=stored) if not is_trusted(kind)]
                refused |= {name: unknown} if unknown else {}
                skops.io.loads(stored, trusted=skops.io.get_untrusted_types(data=stored))

    assert refused == {}


@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(
            make_pipeline(StandardScaler(), RandomForestClassifier(3)), id="a pipeline with a forest"
        ),
        pytest.param(GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, scoring="roc_auc"), id="a search"),
    ],
)
def test_common_models_are_served(tmp_path: Path, estimator: Any) -> None:
    skops.io.dump(estimator.fit(NUMBERS, CLASSES), tmp_path / "model.skops")

    model = formats.load("skops", tmp_path / "model.skops")
    assert model.predict({"input": NUMBERS})["prediction"].tolist() == estimator.predict(NUMBERS).tolist()


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "numpy.load",
        "numpy.vectorize",
        "sklearn.datasets._base.load_files",
        "sklearn.datasets._openml.fetch_openml",
        "sklearn.utils._testing.create_memmap_backed_data",
        "sklearn.utils.parallel._FuncWrapper",
        "sklearn.externals._packaging.version.Version",
        "sklearn.base.clone",
        "sklearn.pipeline.joblib.load",
        "sklearn.linear_model._logistic.Parallel",
        "sklearn.no_such_module.Thing",
        "sklearn.tree._tree.NoSuchThing",
        "sklearn_extra.Anything",
        "scipy.stats._continuous_distns.norm_gen",
        "scipy.sparse._csr.loadtxt",
        "model_runtime.failures.BuildFailure",
        "Thing",
        "",
    ],
)
def test_what_may_run_code_is_not_trusted(name: str) -> None:
    assert not is_trusted(name)


@pytest.mark.parametrize(
    ("estimator", "named"),
    [
        pytest.param(
            FunctionTransformer(partial(np.full, 3)), r"\[functools\.partial, numpy\.full\]", id="a function"
        ),
        pytest.param(
            RandomizedSearchCV(LogisticRegression(), {"C": stats.uniform(0.1, 1)}, n_iter=2),
            r"scipy\.stats",
            id="a distribution, which executes text of its attributes",
        ),
    ],
)
def test_a_refusal_lists_the_types_ready_to_paste(tmp_path: Path, estimator: Any, named: str) -> None:
    if isinstance(estimator, RandomizedSearchCV):
        estimator.fit(NUMBERS, CLASSES)
    skops.io.dump(estimator, tmp_path / "model.skops")

    with pytest.raises(PickleRefused, match=rf"types that could run code: .*{named}"):
        formats.load("skops", tmp_path / "model.skops")
