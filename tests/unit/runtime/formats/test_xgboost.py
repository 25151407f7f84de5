"""XGBoost files of every kind of booster and objective."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from model_runtime import formats
from model_runtime.formats.xgboost_file import XgboostModel, recorded_version

POINTS = np.random.RandomState(0).rand(60, 3).astype(np.float32)
ABOVE = (POINTS.sum(axis=1) > 1.5).astype(int)
THIRDS = np.arange(60) % 3


def stored(booster: Any, folder: Path, name: str = "m.ubj") -> Any:
    booster.save_model(folder / name)
    return formats.load("xgboost", folder / name)


def trained(parameters: dict[str, Any], label: Any, rounds: int = 4) -> xgboost.Booster:
    return xgboost.train(parameters, xgboost.DMatrix(POINTS, label), rounds)


@pytest.mark.parametrize(
    ("parameters", "label", "datatype", "shape", "classes"),
    [
        pytest.param({"objective": "reg:squarederror"}, ABOVE, "FP32", (-1,), (), id="a number"),
        pytest.param({"objective": "count:poisson"}, ABOVE, "FP32", (-1,), (), id="a count"),
        pytest.param({"objective": "binary:logistic"}, ABOVE, "INT64", (-1,), (0, 1), id="two classes"),
        pytest.param(
            {"objective": "binary:logistic", "booster": "dart"}, ABOVE, "INT64", (-1,), (0, 1), id="dropouts"
        ),
        pytest.param(
            {"objective": "binary:logistic", "booster": "gblinear"},
            ABOVE,
            "INT64",
            (-1,),
            (0, 1),
            id="linear",
        ),
        pytest.param(
            {"objective": "multi:softprob", "num_class": 3},
            THIRDS,
            "INT64",
            (-1,),
            (0, 1, 2),
            id="three classes",
        ),
        pytest.param(
            {"objective": "multi:softmax", "num_class": 3},
            THIRDS,
            "INT64",
            (-1,),
            (0, 1, 2),
            id="the best of three",
        ),
        pytest.param(
            {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9]},
            ABOVE,
            "FP32",
            (-1, 2),
            (),
            id="two quantiles",
        ),
        pytest.param(
            {"objective": "reg:squarederror"},
            np.stack([ABOVE, 1 - ABOVE], 1),
            "FP32",
            (-1, 2),
            (),
            id="two numbers",
        ),
        pytest.param(
            {"objective": "binary:logistic"},
            np.stack([ABOVE, 1 - ABOVE], 1),
            "INT64",
            (-1, 2),
            (),
            id="two labels",
        ),
    ],
)
@pytest.mark.parametrize("name", ["m.ubj", "m.json"])
def test_the_prediction_matches_the_signature(
    tmp_path: Path, name: str, *, parameters: Any, label: Any, datatype: str, shape: Any, classes: Any
) -> None:
    booster = trained(parameters, label)
    model = stored(booster, tmp_path, name)
    outputs = model.predict({"x": POINTS})

    first = model.signature.outputs[0]
    assert (first.datatype, first.shape, model.signature.classes) == (datatype, shape, classes)
    for spec in model.signature.outputs:
        assert outputs[spec.name].dtype == spec.dtype
        assert outputs[spec.name].shape == (60, *spec.shape[1:])


def test_probabilities_are_those_of_the_booster(tmp_path: Path) -> None:
    booster = trained({"objective": "binary:logistic", "booster": "gblinear"}, ABOVE)
    expected = booster.predict(xgboost.DMatrix(POINTS))
    probabilities = stored(booster, tmp_path).predict({"x": POINTS})["probabilities"]

    np.testing.assert_allclose(probabilities[:, 1], expected, rtol=1e-5)


def stopped_early() -> Any:
    classifier = xgboost.XGBClassifier(n_estimators=60, early_stopping_rounds=3, learning_rate=1.0)
    noise = np.random.RandomState(1).randint(0, 2, 30)
    classifier.fit(POINTS[:30], ABOVE[:30], eval_set=[(POINTS[30:], noise)], verbose=False)
    assert classifier.best_iteration + 1 < classifier.get_booster().num_boosted_rounds()
    return classifier


def test_a_classifier_that_stopped_early_predicts_with_its_best_round(tmp_path: Path) -> None:
    classifier = stopped_early()
    outputs = stored(classifier, tmp_path).predict({"x": POINTS})

    np.testing.assert_allclose(outputs["probabilities"], classifier.predict_proba(POINTS), rtol=1e-5)
    assert outputs["prediction"].tolist() == classifier.predict(POINTS).tolist()


def test_a_bare_booster_predicts_with_all_rounds(tmp_path: Path) -> None:
    booster = stopped_early().get_booster()
    expected = booster.predict(xgboost.DMatrix(POINTS))
    probabilities = stored(booster, tmp_path).predict({"x": POINTS})["probabilities"]

    np.testing.assert_allclose(probabilities[:, 1], expected, rtol=1e-5)


def test_columns_keep_their_names_and_missing_numbers_are_accepted(tmp_path: Path) -> None:
    data = xgboost.DMatrix(POINTS, ABOVE, feature_names=["a", "b", "c"])
    model = stored(xgboost.train({"objective": "binary:logistic"}, data, 3), tmp_path)
    columns = {"c": np.array([np.nan]), "a": np.array([0.1]), "b": np.array([0.2])}

    assert [spec.name for spec in model.signature.inputs] == ["a", "b", "c"]
    assert model.predict(columns)["prediction"].shape == (1,)


def test_only_the_wanted_output_is_returned(tmp_path: Path) -> None:
    model = stored(trained({"objective": "binary:logistic"}, ABOVE), tmp_path)
    assert set(model.predict({"x": POINTS}, wanted=frozenset({"probabilities"}))) == {"probabilities"}
    assert isinstance(model, XgboostModel)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('{"version":[2,1,3],"learner":{}}', (2, 1, 3)),
        ('{"learner":{' + " " * 10_000 + '},"version":[3,0,0]}', (3, 0, 0)),
        ('{"learner":{}}', ()),
        ('{"version":[', ()),
        ('{"version":["x",1]}', (1,)),
        ("", ()),
    ],
)
def test_the_version_is_found_at_either_end_of_the_file(
    tmp_path: Path, text: str, version: tuple[int, ...]
) -> None:
    (tmp_path / "m.json").write_text(text)
    assert recorded_version(tmp_path / "m.json") == version
