"""Loading, signatures and predictions."""

from __future__ import annotations

import pickle
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_runtime import formats
from model_runtime.failures import LoadFailed, PickleRefused
from model_runtime.formats import InputMismatch, Signature, TensorSpec
from model_runtime.formats.examples import synthetic_example
from model_runtime.formats.signature import Missing

ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.2, 2.8, 4.8, 1.8]])
ALL = {
    "m.skops": "skops",
    "m.pkl": "sklearn",
    "m.joblib": "sklearn",
    "m.ubj": "xgboost",
    "m.xgb.json": "xgboost",
}


def loaded(shelf: Path, name: str, kind: str) -> formats.Loaded:
    return formats.load(kind, shelf / name, allow_pickle=True)


@pytest.mark.parametrize(("name", "kind"), ALL.items())
def test_a_classifier_returns_prediction_and_probabilities(shelf: Path, name: str, kind: str) -> None:
    outputs = loaded(shelf, name, kind).predict({"rows": ROWS})

    assert outputs["prediction"].tolist() == [0, 2]
    assert outputs["probabilities"].shape == (2, 3)
    assert np.allclose(outputs["probabilities"].sum(axis=1), 1)


@pytest.mark.parametrize("name", ["m.onnx", "zipmap.onnx"])
def test_a_graph_keeps_its_output_names(shelf: Path, name: str) -> None:
    model = formats.load("onnx", shelf / name)
    (spec,) = model.signature.inputs
    outputs = model.predict({spec.name: ROWS})

    probabilities = outputs[model.signature.outputs[1].name]
    assert outputs[model.signature.outputs[0].name].tolist() == [0, 2]
    assert probabilities.shape == (2, 3)


@pytest.mark.parametrize(("name", "kind"), [*ALL.items(), ("m.onnx", "onnx"), ("zipmap.onnx", "onnx")])
def test_outputs_match_the_signature(shelf: Path, name: str, kind: str) -> None:
    model = loaded(shelf, name, kind)
    inputs = synthetic_example(model.signature)
    outputs = model.predict(inputs)

    assert set(outputs) == {spec.name for spec in model.signature.outputs}
    for spec in model.signature.outputs:
        assert outputs[spec.name].dtype == spec.dtype
        assert len(outputs[spec.name].shape) == len(spec.shape)


def test_only_wanted_outputs_are_computed(shelf: Path) -> None:
    assert set(loaded(shelf, "m.skops", "skops").predict({"x": ROWS}, wanted=frozenset({"prediction"}))) == {
        "prediction"
    }


def test_a_signature_round_trips_as_json(shelf: Path) -> None:
    signature = loaded(shelf, "m.ubj", "xgboost").signature

    assert Signature.from_json(signature.to_json()) == signature
    assert signature.columns == ("sl", "sw", "pl", "pw")
    assert signature.inputs[0] == TensorSpec("sl", "FP32", (-1,))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"inputs": [{"name": "a"}], "outputs": []}'])
def test_an_invalid_signature_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"signature|Expecting|datatype"):
        Signature.from_json(text)


def test_columns_may_be_separate_inputs_in_any_order(shelf: Path) -> None:
    model = loaded(shelf, "m.ubj", "xgboost")
    columns = {name: ROWS[:, index] for index, name in enumerate(model.signature.columns)}
    backwards = dict(reversed(columns.items()))

    assert model.predict(backwards)["prediction"].tolist() == [0, 2]


@pytest.mark.parametrize(
    ("inputs", "field", "said"),
    [
        pytest.param({"sl": ROWS[:, 0]}, "sw", "missing", id="a column is missing"),
        pytest.param(
            dict.fromkeys(("sl", "sw", "pl", "pw", "x"), ROWS[:, 0]),
            "x",
            "expected one of the columns",
            id="surplus",
        ),
        pytest.param({"m": ROWS[:, :3]}, "m", "rows of 4 values, got 2×3", id="a matrix too narrow"),
        pytest.param(
            {**dict.fromkeys(("sl", "sw", "pl"), ROWS[:, 0]), "pw": ROWS[:1, 0]},
            "pw",
            "expected 2 rows, .* got 1",
            id="short",
        ),
        pytest.param(
            {n: np.zeros((2, 2)) for n in ("sl", "sw", "pl", "pw")}, "sl", "2 dimensions", id="deep"
        ),
    ],
)
def test_an_input_that_does_not_fit_is_named(shelf: Path, inputs: Any, field: str, said: str) -> None:
    with pytest.raises(InputMismatch, match=said) as refused:
        loaded(shelf, "m.ubj", "xgboost").predict(inputs)
    assert refused.value.field == field


@pytest.mark.parametrize("inputs", [{}, {"X": ROWS[:, :2]}, {"X": ROWS, "Y": ROWS}, {"X": ROWS[0]}])
def test_an_input_that_does_not_fit_a_graph_is_named(shelf: Path, inputs: Any) -> None:
    with pytest.raises(InputMismatch):
        formats.load("onnx", shelf / "m.onnx").predict(inputs)


# what is refused


@pytest.mark.parametrize("name", ["m.pkl", "m.joblib"])
def test_a_pickle_is_rejected_unless_it_is_allowed(shelf: Path, name: str) -> None:
    with pytest.raises(PickleRefused, match="allowPickle"):
        formats.load("sklearn", shelf / name)


def ours(values: Any) -> Any:
    return values


def test_a_skops_file_with_untrusted_types_is_rejected_with_their_names(tmp_path: Path, iris: Any) -> None:
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    skops.io.dump(FunctionTransformer(ours).fit(iris[0]), tmp_path / "m.skops")

    with pytest.raises(PickleRefused, match=r"test_predictions\.ours"):
        formats.load("skops", tmp_path / "m.skops")
    assert (
        formats.load("skops", tmp_path / "m.skops", allow_pickle=True).signature.outputs[0].name
        == "prediction"
    )


@pytest.mark.parametrize(("name", "kind"), [*ALL.items(), ("m.onnx", "onnx")])
def test_a_truncated_file_is_reported_by_name(shelf: Path, tmp_path: Path, name: str, kind: str) -> None:
    content = (shelf / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])

    with pytest.raises(LoadFailed, match=name):
        formats.load(kind, tmp_path / name, allow_pickle=True)


def test_a_pickle_of_another_version_is_reported_with_both_versions(pipeline: Any, tmp_path: Path) -> None:
    import sklearn

    content = pickle.dumps(pipeline).replace(sklearn.__version__.encode(), b"0.9.9")
    (tmp_path / "m.pkl").write_bytes(content)

    with pytest.raises(LoadFailed, match=rf"scikit-learn 0\.9\.9, the runtime has {sklearn.__version__}"):
        formats.load("sklearn", tmp_path / "m.pkl", allow_pickle=True)


def test_a_booster_of_a_newer_version_is_reported_with_both_versions(shelf: Path, tmp_path: Path) -> None:
    text = (shelf / "m.xgb.json").read_text()
    before, found, after = text.rpartition('"version":[')
    (tmp_path / "m.json").write_text(f"{before}{found}99{after[after.index(',') :]}")

    with pytest.raises(LoadFailed, match=r"XGBoost 99\."):
        formats.load("xgboost", tmp_path / "m.json")


def test_an_object_without_predict_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(pickle.dumps({"not": "a model"}))

    with pytest.raises(LoadFailed, match="contains a dict, not an estimator; its keys are 'not'"):
        formats.load("sklearn", tmp_path / "m.pkl", allow_pickle=True)


def test_an_unfitted_estimator_is_rejected(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    (tmp_path / "m.pkl").write_bytes(pickle.dumps(LinearRegression()))

    with pytest.raises(LoadFailed, match="never fitted"):
        formats.load("sklearn", tmp_path / "m.pkl", allow_pickle=True)


def test_a_missing_library_is_reported_with_the_field_to_set(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04cabsent_library\nThing\n.")

    with pytest.raises(LoadFailed, match=r"Python module absent_library.*spec\.build\.runtime"):
        formats.load("sklearn", tmp_path / "m.pkl", allow_pickle=True)


def test_an_unknown_format_is_reported(tmp_path: Path) -> None:
    with pytest.raises(formats.FormatUnknown, match="known: onnx, sklearn, skops"):
        formats.load("torch", tmp_path / "m.pt")


# what estimators are like


def stored(estimator: Any, tmp_path: Path) -> formats.Loaded:
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(estimator))
    return formats.load("sklearn", tmp_path / "m.pkl", allow_pickle=True)


def test_a_regressor_has_a_number_and_no_classes(iris: Any, tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    signature = stored(LinearRegression().fit(*iris), tmp_path).signature

    assert [spec.datatype for spec in signature.outputs] == ["FP64"]
    assert signature.classes == ()


def test_a_text_classifier_takes_strings_and_returns_class_names(tmp_path: Path) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = stored(
        make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["good", "bad"], ["yes", "no"]), tmp_path
    )

    assert model.signature.inputs == (TensorSpec("input", "BYTES", (-1,), missing=Missing.REFUSED),)
    assert model.signature.classes == ("no", "yes")
    assert model.predict({"input": np.array(["good"], dtype=object)})["prediction"].tolist() == ["yes"]


def test_a_string_column_is_found_by_the_categories_of_its_encoder(tmp_path: Path) -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rows = np.array([["eu", 1.0], ["us", 2.0]], dtype=object)
    encode = ColumnTransformer(
        [("region", OneHotEncoder(handle_unknown="ignore"), [0])], remainder="passthrough"
    )
    fitted = make_pipeline(encode, LogisticRegression()).fit(rows, [0, 1])
    fitted.steps[0][1].feature_names_in_ = np.array(["region", "size"], dtype=object)
    model = stored(fitted, tmp_path)

    assert model.signature.inputs[0] == TensorSpec("region", "BYTES", (-1,), ("eu", "us"), Missing.NAN)
    assert model.signature.inputs[1].datatype == "FP64"
    assert synthetic_example(model.signature)["region"].tolist() == ["eu"]


def test_a_search_predicts_with_its_best_model(iris: Any, tmp_path: Path) -> None:
    from sklearn.model_selection import GridSearchCV
    from sklearn.tree import DecisionTreeClassifier

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 3]}, cv=2).fit(*iris)
    assert stored(search, tmp_path).predict({"x": ROWS})["prediction"].tolist() == [0, 2]


def test_loading_changes_nothing_in_the_folder(shelf: Path, tmp_path: Path) -> None:
    shutil.copy(shelf / "m.skops", tmp_path)
    formats.load("skops", tmp_path / "m.skops")

    assert [path.name for path in tmp_path.iterdir()] == ["m.skops"]
