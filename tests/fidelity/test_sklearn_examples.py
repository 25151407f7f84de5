"""scikit-learn: own code, texts, missing values, examples: what the model does not say, the example tells."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, StandardScaler

from model_runtime.failures import ExampleFailed
from tests.fidelity.asking import WAYS, Row
from tests.fidelity.test_sklearn_columns import expected
from tests.fidelity.test_sklearn_shapes import SHOPS, encoded, stored

EVERY_WAY = pytest.mark.parametrize("way", WAYS)
KINDS = np.array([0, 1, 2] * 10)


def _hours(table: Any) -> Any:
    return table.assign(at=table["at"].dt.hour)


def _as_text(table: Any) -> Any:
    return table.assign(code=table["code"].astype(str).str.len())


class TestOwnCode:
    @pytest.mark.parametrize("way", ["records", "columns", "instances", "v2 json", "v2 binary"])
    def test_moments_are_known_from_the_example(self, tmp_path: Path, way: str) -> None:
        table = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=30, freq="h"), "n": np.arange(30.0)})
        model = make_pipeline(FunctionTransformer(_hours), LogisticRegression()).fit(table, KINDS)
        asked = stored(model, tmp_path, pickled=True, example=[{"at": "2024-01-01T05:00:00", "n": 1.0}])

        rows: list[Row] = [{"at": "2024-03-01T23:59:59.5", "n": 2.0}, {"at": "2024-03-02", "n": 3.0}]
        truth = pd.DataFrame(
            {"at": pd.to_datetime([row["at"] for row in rows], format="ISO8601"), "n": [2.0, 3.0]}
        )
        assert asked.answers(way, rows) == expected(model, truth)
        assert asked.answers(way, [{"at": "soon", "n": 1.0}]).status == 400

    def test_a_model_whose_types_nobody_tells_is_rejected_with_its_example(self, tmp_path: Path) -> None:
        table = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=30, freq="h"), "n": np.arange(30.0)})
        model = make_pipeline(FunctionTransformer(_hours), LogisticRegression()).fit(table, KINDS)

        with pytest.raises(ExampleFailed, match=r"Put a valid input into example\.json"):
            stored(model, tmp_path, pickled=True)

    def test_an_integer_for_own_code_is_one(self, tmp_path: Path) -> None:
        table = pd.DataFrame({"code": [7, 70, 700] * 10, "n": np.arange(30.0)})
        model = make_pipeline(FunctionTransformer(_as_text), LogisticRegression()).fit(table, KINDS)
        asked = stored(model, tmp_path, pickled=True, example=[{"code": 7, "n": 0.5}])

        rows: list[Row] = [{"code": 70, "n": 1.0}, {"code": 7000, "n": 1.0}]
        assert asked.answers("records", rows) == expected(model, pd.DataFrame(rows))


class TestText:
    @EVERY_WAY
    def test_a_column_of_texts_beside_numbers(self, tmp_path: Path, way: str) -> None:
        table = pd.DataFrame({"text": ["good day", "bad night", "neither"] * 10, "n": np.arange(30.0)})
        words = ColumnTransformer([("t", TfidfVectorizer(), "text")], remainder="passthrough")
        model = make_pipeline(words, LogisticRegression(max_iter=1000)).fit(table, KINDS)
        asked = stored(model, tmp_path)

        rows: list[Row] = [{"text": "good night", "n": 1.0}, {"text": "", "n": 2.0}, {"text": "ü", "n": 3.0}]
        assert asked.answers(way, rows) == expected(model, pd.DataFrame(rows))
        refused = asked.answers("records", [{"text": None, "n": 1.0}])
        assert (refused.status, refused.error.split(":")[0]) == (400, "records[0].text")


class TestMissing:
    @EVERY_WAY
    @pytest.mark.parametrize("rows", [[None, 2.0], [1.0, None], [None, None]])
    def test_numbers_that_are_imputed_may_be_missing(self, tmp_path: Path, way: str, rows: list[Any]) -> None:
        table = pd.DataFrame({"a": [1.0, np.nan, 3.0] * 10, "b": np.arange(30.0)})
        model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()).fit(table, KINDS)
        asked = stored(model, tmp_path)
        row = {"a": rows[0], "b": rows[1]}

        truth = expected(model, pd.DataFrame([row], dtype=float))
        assert asked.answers(way, [row]) == truth  # bytes have NaN

    def test_null_is_refused_for_a_column_without_a_value_in_its_place(self, tmp_path: Path) -> None:
        table = pd.DataFrame({"a": np.arange(30.0), "b": np.arange(30.0) % 7})
        asked = stored(LogisticRegression().fit(table, KINDS), tmp_path)

        assert not asked.spec("a").nullable
        for way in ("records", "columns", "instances", "v2 json", "v2 binary"):
            answers = asked.answers(way, [{"a": 1.0, "b": 2.0}, {"a": 1.0, "b": None}])
            assert (answers.status, "b" in answers.error.split(":")[0]) == (400, True)

    def test_each_column_accepts_null_by_itself(self, tmp_path: Path) -> None:
        imputed = ColumnTransformer([("a", SimpleImputer(), ["a"])], remainder="passthrough")
        table = pd.DataFrame({"a": np.arange(30.0), "b": np.arange(30.0) % 7})
        asked = stored(make_pipeline(imputed, LinearRegression()).fit(table, KINDS), tmp_path)

        assert [spec.nullable for spec in asked.specs] == [True, False]

    def test_trees_accept_null_everywhere(self, tmp_path: Path) -> None:
        table = pd.DataFrame({"a": np.arange(30.0), "b": np.arange(30.0) % 7})
        model = HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=1).fit(table, KINDS)
        asked = stored(model, tmp_path)

        truth = model.predict(pd.DataFrame({"a": [np.nan], "b": [2.0]})).tolist()
        assert asked.answers("records", [{"a": None, "b": 2.0}]).predictions == truth
        assert [spec.nullable for spec in asked.specs] == [True, True]


class TestExamples:
    def test_a_column_of_objects_is_answered_with_its_own_example(self, tmp_path: Path) -> None:
        table = pd.DataFrame(
            {"flag": pd.Series([True, False, np.nan] * 10, dtype=object), "x": np.arange(30.0)}
        )
        model = make_pipeline(encoded("flag"), LogisticRegression(max_iter=1000)).fit(table, KINDS)
        asked = stored(model, tmp_path, example=[{"flag": True, "x": 1.0}])

        truth = expected(model, pd.DataFrame({"flag": pd.Series([True], dtype=object), "x": [1.0]}))
        assert asked.answers("records", [{"flag": True, "x": 1.0}]) == truth

    @pytest.mark.parametrize(
        ("example", "named"),
        [
            pytest.param([{"plan": 1, "size": 1.0}], r"columns\.plan\[0\]: expected a string", id="a type"),
            pytest.param([{"plan": "gold"}], r"columns\.size: expected a number", id="a missing column"),
            pytest.param(
                [{"plan": "silver", "size": 1.0}], "plan: expected one of the categories", id="unknown"
            ),
        ],
    )
    def test_an_example_that_a_request_could_not_have_is_rejected(
        self, tmp_path: Path, example: Any, named: str
    ) -> None:
        encode = ColumnTransformer([("plan", OrdinalEncoder(), ["plan"])], remainder="passthrough")
        table = SHOPS[["plan", "size"]].fillna("none")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make_pipeline(encode, LogisticRegression()).fit(table, KINDS)

        with pytest.raises(ExampleFailed, match=named):
            stored(model, tmp_path, example=example)
