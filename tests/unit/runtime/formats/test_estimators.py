"""Estimators of scikit-learn as people store them: wrapped, of several targets, with columns of texts."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import RFE
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.neighbors import KNeighborsRegressor, LocalOutlierFactor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC, SVR

from model_runtime import formats
from model_runtime.formats import Loaded, TensorSpec
from model_runtime.formats.examples import synthetic_example
from model_runtime.formats.signature import Missing
from model_runtime.formats.sklearn_model import model_of
from model_runtime.server import openapi

CITIES = pd.DataFrame({"city": ["eu", "us", "eu", "us"] * 5, "age": [1.0, 2, 3, 4] * 5})
KINDS = [0, 1, 0, 1] * 5
PAIRS = np.array([KINDS, KINDS]).T
POINTS = np.random.RandomState(0).rand(20, 2)
SUMS = POINTS @ [[1.0, 2.0], [3.0, 4.0]]


def by_name() -> ColumnTransformer:
    return ColumnTransformer([("c", OneHotEncoder(), ["city"]), ("n", StandardScaler(), ["age"])])


def piped(last: Any) -> Any:
    return make_pipeline(by_name(), last)


def answered(model: Loaded) -> dict[str, Any]:
    return model.predict(synthetic_example(model.signature))


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        pytest.param(piped(LogisticRegression()), KINDS, id="a pipeline"),
        pytest.param(
            GridSearchCV(piped(LogisticRegression()), {"logisticregression__C": [1.0]}, cv=2),
            KINDS,
            id="a search",
        ),
        pytest.param(
            TransformedTargetRegressor(regressor=piped(LinearRegression())),
            np.array(KINDS, float),
            id="a target",
        ),
        pytest.param(
            VotingClassifier([("a", piped(LogisticRegression())), ("b", piped(SVC()))]), KINDS, id="a vote"
        ),
        pytest.param(StackingClassifier([("a", piped(LogisticRegression()))], cv=2), KINDS, id="a stack"),
        pytest.param(CalibratedClassifierCV(piped(SVC()), cv=2), KINDS, id="a calibration"),
        pytest.param(MultiOutputClassifier(piped(LogisticRegression())), PAIRS, id="several targets"),
        pytest.param(
            make_pipeline(FeatureUnion([("a", by_name())]), LogisticRegression()), KINDS, id="a union"
        ),
    ],
)
def test_columns_selected_by_name_are_found_inside_wrappers(estimator: Any, target: Any) -> None:
    model = model_of(estimator.fit(CITIES, target), name="m")

    assert model.signature.inputs == (
        TensorSpec("city", "BYTES", (-1,), ("eu", "us"), Missing.REFUSED, closed=True),
        TensorSpec("age", "FP64", (-1,)),
    )
    rows = {"city": np.array(["us", "eu"], dtype=object), "age": np.array([2.0, 3.0])}
    assert np.array_equal(model.predict(rows)["prediction"], estimator.predict(CITIES.iloc[1:3]))


ONE, TWO = (-1,), (-1, 2)
FIRST = SUMS[:, 0]
SINGLE = POINTS.astype(np.float32)


@pytest.mark.parametrize(
    ("estimator", "rows", "target", "datatype", "shape"),
    [
        pytest.param(LinearRegression(), POINTS, FIRST, "FP64", ONE, id="one number"),
        pytest.param(LinearRegression(), POINTS, SUMS, "FP64", TWO, id="two numbers"),
        pytest.param(make_pipeline(PCA(2), Ridge()), POINTS, SUMS, "FP64", TWO, id="two of a pipeline"),
        pytest.param(RandomForestRegressor(3), POINTS, SUMS, "FP64", TWO, id="two of a forest"),
        pytest.param(RandomForestRegressor(3), POINTS, FIRST, "FP64", ONE, id="one of a forest"),
        pytest.param(MultiOutputRegressor(Ridge()), POINTS, SUMS, "FP64", TWO, id="two regressors"),
        pytest.param(KNeighborsRegressor(), POINTS, SUMS, "FP64", TWO, id="two of neighbours"),
        pytest.param(PLSRegression(1), POINTS, SUMS, "FP64", TWO, id="two of components"),
        pytest.param(SVR(kernel="linear"), POINTS, FIRST, "FP64", ONE, id="one of a matrix of one"),
        pytest.param(RFE(Ridge()), POINTS, FIRST, "FP64", ONE, id="one of chosen features"),
        pytest.param(RandomForestClassifier(3), POINTS, PAIRS, "INT64", TWO, id="two classes"),
        pytest.param(
            ClassifierChain(LogisticRegression()), POINTS, PAIRS, "INT64", TWO, id="classes as floats"
        ),
        pytest.param(RandomForestClassifier(3), POINTS, PAIRS.astype(str), "BYTES", TWO, id="two texts"),
        pytest.param(LogisticRegression(), POINTS, np.array(KINDS, bool), "BOOL", ONE, id="true or false"),
        pytest.param(LogisticRegression(), POINTS, np.array(KINDS, "i2"), "INT16", ONE, id="small"),
        pytest.param(KMeans(2, n_init=1), POINTS, None, "INT64", ONE, id="clusters"),
        pytest.param(
            MiniBatchKMeans(2, n_init=1, batch_size=2048), SINGLE, None, "INT64", ONE, id="of floats"
        ),
        pytest.param(
            make_pipeline(PCA(2), KMeans(2, n_init=1)), POINTS, None, "INT64", ONE, id="of a pipeline"
        ),
        pytest.param(IsolationForest(n_estimators=3), POINTS, None, "INT64", ONE, id="outliers"),
        pytest.param(LocalOutlierFactor(novelty=True), POINTS, None, "INT64", ONE, id="novelties"),
        pytest.param(PCA(1), POINTS, None, "FP64", (-1, -1), id="components"),
    ],
)
def test_the_prediction_matches_the_signature(
    estimator: Any, rows: Any, target: Any, datatype: str, shape: tuple[int, ...]
) -> None:
    model = model_of(estimator.fit(rows, target), name="m")
    spec = model.signature.outputs[0]
    prediction = answered(model)["prediction"]

    assert (spec.datatype, spec.shape) == (datatype, shape)
    assert prediction.dtype == spec.dtype
    assert prediction.ndim == len(shape)
    assert all(want in (-1, have) for want, have in zip(shape, prediction.shape, strict=True))


def test_clusters_in_single_precision_get_fp32() -> None:
    model = model_of(KMeans(2, n_init=1).fit(POINTS.astype(np.float32)), name="m")

    assert model.signature.inputs == (TensorSpec("input", "FP32", (-1, 2)),)
    assert model.predict({"input": POINTS}) == {"prediction": pytest.approx(model.estimator.labels_)}


@pytest.mark.parametrize(
    ("first", "column", "spec"),
    [
        pytest.param(
            OrdinalEncoder(),
            [3, 4, 5, 3],
            TensorSpec("x", "INT64", (-1,), ("3", "4", "5"), Missing.REFUSED, closed=True),
            id="integers stay integers",
        ),
        pytest.param(
            OrdinalEncoder(),
            ["b", None, "a", "b"],
            TensorSpec("x", "BYTES", (-1,), ("a", "b"), Missing.NONE, closed=True),
            id="a missing text is no category",
        ),
        pytest.param(
            OneHotEncoder(),
            [float("nan"), 7.0, 7.0, 8.0],
            TensorSpec("x", "FP64", (-1,), ("7.0", "8.0"), closed=True),
            id="NaN",
        ),
        pytest.param(
            StandardScaler(), [1, 2, 3, 4], TensorSpec("x", "FP64", (-1,)), id="nothing is remembered"
        ),
    ],
)
def test_categories_of_an_encoder_are_in_signature_and_example(
    first: Any, column: list[Any], spec: TensorSpec
) -> None:
    table = pd.DataFrame({"x": pd.Series(column, dtype=object if None in column else None)})
    model = model_of(make_pipeline(first, LogisticRegression()).fit(table, [0, 1, 0, 1]), name="m")

    assert model.signature.inputs == (spec,)
    assert len(answered(model)["prediction"]) == 1
    json.dumps(openapi.schema(model.signature, name="m"), allow_nan=False)


@pytest.mark.parametrize(("unknown", "kept"), [("ignore", 100), ("error", 300)])
def test_all_categories_are_kept_where_no_others_are_accepted(unknown: Any, kept: int) -> None:
    table = pd.DataFrame({"x": [f"v{number:04}" for number in range(300)]})
    encoder = OneHotEncoder(handle_unknown=unknown)
    model = model_of(make_pipeline(encoder, LogisticRegression()).fit(table, [0, 1] * 150), name="m")

    assert model.signature.inputs[0].categories == tuple(f"v{number:04}" for number in range(kept))


def test_a_voting_classifier_over_strings_takes_strings() -> None:
    one = make_pipeline(CountVectorizer(), LogisticRegression())
    model = model_of(VotingClassifier([("a", one), ("b", one)]).fit(["good", "bad"], [1, 0]), name="m")

    assert model.signature.inputs == (TensorSpec("input", "BYTES", (-1,), missing=Missing.REFUSED),)
    assert model.predict({"input": np.array(["good"], dtype=object)})["prediction"].tolist() == [1]


def test_a_model_that_selects_columns_by_name_accepts_a_matrix() -> None:
    model = model_of(piped(LogisticRegression()).fit(CITIES, KINDS), name="m")
    whole = np.array([["us", 2.0], ["eu", 3.0]], dtype=object)

    assert model.predict({"any name": whole})["prediction"].tolist() == [1, 0]


def test_a_pickle_that_calls_sys_exit_cannot_be_loaded(tmp_path: Path) -> None:
    class Leaves:
        def __reduce__(self) -> Any:
            return (exit, (3,))

    (tmp_path / "m.pkl").write_bytes(pickle.dumps(Leaves()))
    with pytest.raises(formats.LoadFailed, match="SystemExit"):
        formats.load("sklearn", tmp_path / "m.pkl", allow_pickle=True)


def _aged(frame: Any) -> Any:
    frame["age"] *= 9
    return frame[["age"]]


@pytest.mark.parametrize(
    ("first", "rows"),
    [
        pytest.param(StandardScaler(copy=False), POINTS * 9, id="rows"),
        pytest.param(StandardScaler(copy=False), pd.DataFrame(POINTS * 9, columns=["a", "b"]), id="columns"),
        pytest.param(FeatureUnion([("c", by_name()), ("f", FunctionTransformer(_aged))]), CITIES, id="frame"),
    ],
)
def test_an_estimator_that_works_in_place_changes_no_inputs(first: Any, rows: Any) -> None:
    fitted = make_pipeline(first, LogisticRegression()).fit(rows.copy(), KINDS)
    model = model_of(fitted, name="m")
    columns = model.signature.columns
    inputs = {name: rows[name].to_numpy().copy() for name in columns} or {"input": rows.copy()}

    for _again in range(2):
        outputs = model.predict(inputs)
        assert np.allclose(outputs["probabilities"], fitted.predict_proba(rows.copy()))
        assert outputs["prediction"].tolist() == fitted.predict(rows.copy()).tolist()
    assert all((array == (rows[name] if columns else rows)).all() for name, array in inputs.items())
