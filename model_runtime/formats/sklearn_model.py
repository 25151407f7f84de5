"""A scikit-learn estimator that answers, whichever file it came from."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Final

import numpy as np

from model_runtime.failures import LoadFailed
from model_runtime.formats import tabular
from model_runtime.formats.base import Array, Tensors
from model_runtime.formats.signature import Signature, TensorSpec, datatype_of

PREDICTION: Final = "prediction"
PROBABILITIES: Final = "probabilities"
MOST_CATEGORIES: Final = 100


@dataclass(frozen=True, slots=True)
class SklearnModel:
    """An estimator with `predict` (or `transform`), and `predict_proba` where it is a classifier."""

    estimator: Any
    signature: Signature
    answer: str
    """The method that makes the prediction."""
    as_frame: bool
    """The estimator picks columns by name: it needs a data frame."""

    def predict(self, inputs: Tensors, /, *, wanted: frozenset[str] | None = None) -> Tensors:
        """The prediction, and the probabilities of a classifier."""
        rows = self._frame(inputs) if self.as_frame else tabular.matrix(inputs, self.signature)
        outputs: Tensors = {}
        with warnings.catch_warnings():
            # columns are in the right order here; the estimator cannot know and would say so at each request
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            for spec in self.signature.outputs:
                if wanted is None or spec.name in wanted:
                    method = self.answer if spec.name == PREDICTION else "predict_proba"
                    outputs[spec.name] = _plain(getattr(self.estimator, method)(rows))
        return outputs

    def _frame(self, inputs: Tensors) -> Any:
        pandas = import_module("pandas")

        columns = tabular.columns(inputs, self.signature)
        named = zip(self.signature.columns, columns, strict=True)
        return pandas.DataFrame({name: column.tolist() for name, column in named})


def model_of(estimator: Any, *, name: str) -> SklearnModel:
    """The estimator as a model; `LoadFailed` when it is nothing that predicts or was never fitted."""
    answer = next((verb for verb in ("predict", "transform") if hasattr(estimator, verb)), None)
    if answer is None:
        raise LoadFailed(
            f"{name} holds a {type(estimator).__name__}, which has neither predict nor transform: "
            f"store a fitted estimator or pipeline."
        )
    _require_fitted(estimator, name)
    columns = tuple(str(column) for column in getattr(estimator, "feature_names_in_", ()))
    categories = _categories(estimator, columns)
    signature = Signature(
        inputs=_inputs(estimator, columns, categories),
        outputs=_outputs(estimator, answer),
        columns=columns,
        classes=_classes(estimator),
    )
    return SklearnModel(estimator, signature, answer, as_frame=bool(columns) and _picks_by_name(estimator))


def _require_fitted(estimator: Any, name: str) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise LoadFailed(
            f"{name} holds a {type(estimator).__name__} that was never fitted: {error}"
        ) from error
    except TypeError:
        return  # not one of scikit-learn's own classes: its example will tell


def _inputs(
    estimator: Any, columns: tuple[str, ...], categories: dict[str, tuple[str, ...]]
) -> tuple[TensorSpec, ...]:
    if _reads_texts(estimator):
        return (TensorSpec(tabular.MATRIX, "BYTES", (-1,)),)
    specs = tabular.inputs_of(columns, int(getattr(estimator, "n_features_in_", -1)))
    return tuple(
        replace(spec, datatype="BYTES", categories=categories[spec.name]) if spec.name in categories else spec
        for spec in specs
    )


def _outputs(estimator: Any, answer: str) -> tuple[TensorSpec, ...]:
    classes = getattr(estimator, "classes_", None)
    if answer == "transform":
        return (TensorSpec(PREDICTION, "FP64", (-1, -1)),)
    if classes is None:
        return (TensorSpec(PREDICTION, _number(estimator), (-1,)),)
    if isinstance(classes, list):
        return (TensorSpec(PREDICTION, datatype_of(classes[0].dtype), (-1, len(classes))),)
    prediction = TensorSpec(PREDICTION, datatype_of(np.asarray(classes).dtype), (-1,))
    if not hasattr(estimator, "predict_proba"):
        return (prediction,)
    return (prediction, TensorSpec(PROBABILITIES, "FP64", (-1, len(classes))))


def _number(estimator: Any) -> str:
    clusterer = getattr(estimator, "_estimator_type", None) == "clusterer"
    return "INT64" if clusterer or hasattr(estimator, "cluster_centers_") else "FP64"


def _classes(estimator: Any) -> tuple[Any, ...]:
    classes = getattr(estimator, "classes_", None)
    return () if classes is None or isinstance(classes, list) else tuple(np.asarray(classes).tolist())


def _plain(answer: Any) -> Array:
    array = answer.toarray() if hasattr(answer, "toarray") else np.asarray(answer)
    return array.astype(object) if array.dtype.kind in "US" else array


def _first_step(estimator: Any) -> Any:
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif getattr(estimator, "steps", None):
            estimator = estimator.steps[0][1]
        else:
            return estimator


def _reads_texts(estimator: Any) -> bool:
    return type(_first_step(estimator)).__module__ == "sklearn.feature_extraction.text"


def _picks_by_name(estimator: Any) -> bool:
    return hasattr(_first_step(estimator), "transformers_")


def _categories(estimator: Any, columns: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The text columns and what they were trained on, as far as encoders remember it."""
    first = _first_step(estimator)
    encoders = getattr(first, "transformers_", [("", first, list(columns))])
    found: dict[str, tuple[str, ...]] = {}
    for _name, encoder, picked in encoders:
        remembered = getattr(_first_remembering(encoder), "categories_", ())
        for column, values in zip(_names(picked, columns), remembered, strict=False):
            if np.asarray(values).dtype.kind in "OUS":
                texts = [value for value in values if isinstance(value, str)]
                found[column] = tuple(texts[:MOST_CATEGORIES])
    return found


def _first_remembering(encoder: Any) -> Any:
    steps = [step for _name, step in getattr(encoder, "steps", [])] or [encoder]
    return next((step for step in steps if hasattr(step, "categories_")), None)


def _names(picked: Any, columns: tuple[str, ...]) -> list[str]:
    if isinstance(picked, str):
        return [picked]
    if isinstance(picked, slice) or not hasattr(picked, "__iter__"):
        return list(columns[picked]) if isinstance(picked, slice) and columns else []
    return [
        item if isinstance(item, str) else columns[item]
        for item in picked
        if isinstance(item, str) or columns
    ]
