"""scikit-learn: each kind of column, through the usual encoders, in every form of request, alone and in a batch."""

from __future__ import annotations

import itertools
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from tests.fidelity import columns
from tests.fidelity.asking import WAYS, Answers, Asked, Row, expressible
from tests.fidelity.columns import KINDS, Kind


def _of_x(encoder: Any) -> Any:
    return ColumnTransformer([("x", encoder, ["x"])], remainder="passthrough")


def _ordinal() -> Any:
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-7, encoded_missing_value=-9)


MODELS = {
    "one-hot": lambda: make_pipeline(_of_x(OneHotEncoder(handle_unknown="ignore")), LogisticRegression()),
    "strict": lambda: make_pipeline(_of_x(OneHotEncoder()), LogisticRegression()),
    "ordinal": lambda: make_pipeline(_of_x(_ordinal()), LogisticRegression()),
    "whole table": lambda: make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()),
}
CASES = [
    pytest.param(kind, model, id=f"{kind.name}, {model}") for kind, model in itertools.product(KINDS, MODELS)
]
ONE_BY_ONE = ("records", "v2 binary")
"""The other ways share their decoding with one of these, and ask for one value alone."""
EVERY_WAY = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the fitted estimator and its server, each made once."""

    @cache
    def _stored(kind: Kind, model: str) -> tuple[Any, Asked]:
        estimator = MODELS[model]()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # few rows, and solvers that say so
            estimator.fit(*columns.training(kind))
        folder = tmp_path_factory.mktemp("model")
        if model == "ordinal":
            joblib.dump(estimator, folder / "model.joblib")
        else:
            skops.io.dump(estimator, folder / "model.skops")
        return estimator, Asked(folder)

    return _stored


@pytest.fixture(scope="module")
def truth(stored: Any) -> Any:
    """Return the framework's own answers, each asked for once."""

    @cache
    def _truth(kind: Kind, model: str, *values: Any) -> Answers:
        estimator, _asked = stored(kind, model)
        return expected(estimator, columns.table(kind, list(values)))

    return _truth


def row(value: Any) -> Row:
    return {"x": value, "n": 0.25}


def expected(estimator: Any, table: Any) -> Answers:
    """What the framework itself answers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shares = estimator.predict_proba(table).tolist()
        return Answers(200, estimator.predict(table).tolist(), shares)


@EVERY_WAY
@pytest.mark.parametrize(("kind", "model"), CASES)
def test_each_value_is_answered_as_in_training_alone_and_in_a_batch(
    kind: Kind, model: str, way: str, stored: Any, truth: Any
) -> None:
    _estimator, asked = stored(kind, model)
    pairs = [pair for pair in kind.pairs if expressible(way, [row(pair[0])])]

    for value, trained in pairs if way in ONE_BY_ONE else pairs[-1:]:
        assert asked.answers(way, [row(value)]) == truth(kind, model, trained), value
    together = truth(kind, model, *(trained for _value, trained in pairs))
    assert asked.answers(way, [row(value) for value, _trained in pairs]) == together


@EVERY_WAY
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_unknown_value_is_answered_as_in_training_or_refused_by_name(
    kind: Kind, way: str, stored: Any
) -> None:
    for model in MODELS:
        estimator, asked = stored(kind, model)
        for value in kind.unknown:
            answers = asked.answers(way, [row(value)])
            if model == "strict":
                assert answers.status == 400
                assert answers.error.startswith("x: expected one of the categories")
            else:
                assert answers == expected(estimator, columns.unknown_table(kind, value)), value


@pytest.mark.parametrize("way", ["records", "columns", "instances", "v2 json"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_value_of_another_type_is_a_400_that_names_the_field(kind: Kind, way: str, stored: Any) -> None:
    for model in ("one-hot", "strict"):
        _estimator, asked = stored(kind, model)
        for value in kind.refused:
            for rows in ([row(value)], [row(kind.pairs[0][0]), row(value)]):
                answers = asked.answers(way, rows)
                assert answers.status == 400, (model, value, answers)
                assert "x" in answers.error.split(":")[0]


@EVERY_WAY
def test_a_missing_value_that_training_never_had_is_imputed(way: str, tmp_path: Path) -> None:
    kind = columns.BY_NAME["strings"]
    encode = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    estimator = make_pipeline(_of_x(encode), LogisticRegression()).fit(*columns.training(kind))
    skops.io.dump(estimator, tmp_path / "model.skops")
    asked = Asked(tmp_path)

    missing = None if way != "v2 binary" else "gold"
    answers = expected(estimator, columns.table(kind, [float("nan") if missing is None else missing]))
    assert asked.answers(way, [row(missing)]) == answers


@EVERY_WAY
@pytest.mark.parametrize(
    "name", ["categories of strings", "categories with a missing one", "categories of integers"]
)
def test_gradient_boosting_knows_categories_from_the_types_of_training(
    name: str, way: str, tmp_path: Path
) -> None:
    kind = columns.BY_NAME[name]
    rows, targets = columns.training(kind)
    estimator = HistGradientBoostingClassifier(
        categorical_features="from_dtype", max_iter=4, min_samples_leaf=1
    ).fit(rows, targets)
    skops.io.dump(estimator, tmp_path / "model.skops")
    asked = Asked(tmp_path)

    pairs = [pair for pair in kind.pairs if expressible(way, [row(pair[0])])]
    answers = expected(
        estimator,
        columns.table(kind, [trained for _value, trained in pairs]).assign(
            x=lambda t: t.x.astype(rows.x.dtype)
        ),
    )
    assert asked.answers(way, [row(value) for value, _trained in pairs]) == answers


@EVERY_WAY
@pytest.mark.parametrize("name", ["integers to 2^63", "strings with None", "bools with NaN"])
def test_a_target_encoder_answers_as_in_training(name: str, way: str, tmp_path: Path) -> None:
    kind = columns.BY_NAME[name]
    rows, targets = columns.training(kind)
    estimator = make_pipeline(_of_x(TargetEncoder()), LogisticRegression()).fit(rows, targets % 2)
    skops.io.dump(estimator, tmp_path / "model.skops")
    asked = Asked(tmp_path)

    pairs = [pair for pair in kind.pairs if expressible(way, [row(pair[0])])]
    answers = expected(estimator, columns.table(kind, [trained for _value, trained in pairs]))
    assert asked.answers(way, [row(value) for value, _trained in pairs]) == answers
