"""XGBoost: categories by their names, numbers as its own data frames have them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import xgboost

from model_runtime.failures import LoadFailed
from tests.fidelity.asking import WAYS, Answers, Asked, Row, expressible
from tests.fidelity.columns import BIG

EVERY_WAY = pytest.mark.parametrize("way", WAYS)
NAN = float("nan")
KINDS: dict[str, list[Any]] = {
    "strings": ["red", "green", "blue"],
    "strings with spaces": [" ", "a b", "", "A"],
    "a missing one": ["red", NAN, "blue"],
    "integers": [10, 20, 30],
    "large integers": [BIG, BIG - 1, -5],
    "numbers": [0.5, NAN, 3.25],
    "floats that are integers": [1.0, 2.0, 4.0],
    "whole numbers": [1, 2, 4],
    "booleans": [True, False],
}
NUMBERS = frozenset({"numbers", "whole numbers", "floats that are integers", "booleans"})


def series(kind: str, values: list[Any]) -> Any:
    if kind in NUMBERS:
        return pd.Series(values)
    trained = pd.Series(KINDS[kind], dtype="category")
    return pd.Series(values, dtype=trained.dtype)


def table(kind: str, values: list[Any]) -> Any:
    return pd.DataFrame({"x": series(kind, values), "n": np.full(len(values), 0.25)})


def row(value: Any) -> Row:
    return {"x": None if isinstance(value, float) and np.isnan(value) else value, "n": 0.25}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the fitted model and its server, each made once."""

    @cache
    def _stored(kind: str, name: str) -> tuple[Any, Asked]:
        values = KINDS[kind] * 20
        rows = table(kind, values).assign(n=np.arange(len(values)) / 7)
        target = np.arange(len(values)) % len(KINDS[kind])
        booster = "dart" if name.endswith("dart.json") else "gbtree"
        shape: dict[str, Any] = {"n_estimators": 4, "enable_categorical": True, "booster": booster}
        if len(KINDS[kind]) % 2:
            model: Any = xgboost.XGBRegressor(**shape).fit(rows, target * 1.5)
        else:
            model = xgboost.XGBClassifier(**shape).fit(rows, target)
        folder = tmp_path_factory.mktemp("model")
        if name.endswith(".joblib"):
            joblib.dump(model, folder / name)
        else:
            model.save_model(folder / name)
        return model, Asked(folder)

    return _stored


def expected(model: Any, rows: Any) -> Answers:
    shares = model.predict_proba(rows).tolist() if hasattr(model, "predict_proba") else None
    return Answers(200, model.predict(rows).tolist(), shares)


@EVERY_WAY
@pytest.mark.parametrize("name", ["model.json", "model.ubj", "dart.json", "model.joblib"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_value_is_answered_as_in_training_alone_and_in_a_batch(
    kind: str, name: str, way: str, stored: Any
) -> None:
    model, asked = stored(kind, name)
    values = [value for value in KINDS[kind] if expressible(way, [row(value)])]

    for value in values:
        assert asked.answers(way, [row(value)]) == expected(model, table(kind, [value])), value
    rows = [row(value) for value in values]
    assert asked.answers(way, rows) == expected(model, table(kind, values))


@pytest.mark.parametrize("way", ["records", "columns", "instances", "v2 json"])
@pytest.mark.parametrize("name", ["model.json", "model.joblib"])
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - NUMBERS))
def test_an_unknown_category_is_a_400_that_names_the_column(
    kind: str, name: str, way: str, stored: Any
) -> None:
    _model, asked = stored(kind, name)
    known = row(KINDS[kind][0])
    unknown = [row(0), row(99), row(10**30), row(1.5)] if "integers" in kind else [row("violet"), row("a")]
    for bad in [*unknown, row([])]:
        answers = asked.answers(way, [known, bad])
        assert answers.status == 400, (bad, answers)
        assert "x" in answers.error.split(":")[0] or way == "v2 json"


def test_the_neighbour_of_a_large_category_is_unknown(stored: Any) -> None:
    _model, asked = stored("large integers", "model.json")
    for way in ("records", "v2 json", "v2 binary"):
        answers = asked.answers(way, [row(BIG + 1)])
        assert (answers.status, answers.error.split(",")[0]) == (
            400,
            f"x: expected one of the categories {-5}",
        )


def test_the_schema_lists_the_categories(stored: Any) -> None:
    _model, asked = stored("integers", "model.json")

    assert asked.spec("x").categories == ("10", "20", "30")
    assert asked.spec("n").categories == ()


@EVERY_WAY
def test_columns_without_names_have_their_numbers(way: str, tmp_path: Path) -> None:
    rows = pd.DataFrame({0: pd.Series(["a", "b"] * 20, dtype="category"), 1: np.arange(40.0)})
    data = xgboost.DMatrix(rows, np.arange(40) % 2, enable_categorical=True)
    booster = xgboost.train({"max_depth": 2}, data, 3)
    booster.feature_names = None
    booster.save_model(tmp_path / "model.json")
    asked = Asked(tmp_path)

    truth = booster.predict(data, validate_features=False)[:2].tolist()
    assert asked.answers(way, [{"0": "a", "1": 0.0}, {"0": "b", "1": 1.0}]).predictions == truth


def test_categories_of_an_older_file_are_their_positions(tmp_path: Path) -> None:
    rows = pd.DataFrame({"x": pd.Series(["a", "b"] * 20, dtype="category"), "n": np.arange(40.0)})
    model = xgboost.XGBRegressor(n_estimators=3, enable_categorical=True).fit(rows, np.arange(40) % 2)
    model.save_model(tmp_path / "model.json")
    document = json.loads((tmp_path / "model.json").read_text())
    del document["learner"]["gradient_booster"]["model"]["cats"]
    (tmp_path / "model.json").write_text(json.dumps(document))
    asked = Asked(tmp_path)

    truth = model.predict(rows.iloc[:2]).tolist()
    assert asked.answers("records", [{"x": 0, "n": 0.0}, {"x": 1, "n": 1.0}]).predictions == truth


def test_categories_that_xgboost_stores_incompletely_are_refused(tmp_path: Path) -> None:
    rows = pd.DataFrame({"colour": pd.Series(["grün", "rot"] * 20, dtype="category"), "n": np.arange(40.0)})
    model = xgboost.XGBRegressor(n_estimators=3, enable_categorical=True).fit(rows, np.arange(40) % 2)
    model.save_model(tmp_path / "model.json")

    with pytest.raises(LoadFailed, match=r"'colour' incompletely.*beyond ASCII"):
        Asked(tmp_path)
