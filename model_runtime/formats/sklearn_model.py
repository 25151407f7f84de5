"""A scikit-learn estimator that answers, whichever file it came from."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Final

import numpy as np

from model_runtime.failures import LoadFailed
from model_runtime.formats import estimators, tabular
from model_runtime.formats.base import Array, Tensors
from model_runtime.formats.signature import Signature, TensorSpec, datatype_of

PREDICTION: Final = "prediction"
PROBABILITIES: Final = "probabilities"
_NUMBERS: Final = "biuf"


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
        rows = self._frame(inputs) if self.as_frame else self._matrix(inputs)
        outputs: Tensors = {}
        with warnings.catch_warnings():
            # columns are in the right order here; the estimator cannot know and would say so at each request
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            for spec in self.signature.outputs:
                if wanted is None or spec.name in wanted:
                    method = self.answer if spec.name == PREDICTION else "predict_proba"
                    # a copy for each: some estimators work in place (copy=False), and the caller keeps its inputs
                    outputs[spec.name] = _plain(getattr(self.estimator, method)(rows.copy()), spec)
        return outputs

    def _matrix(self, inputs: Tensors) -> Array:
        rows = tabular.matrix(inputs, self.signature)
        single = self.signature.inputs[0].datatype == "FP32" and rows.dtype.kind in _NUMBERS
        return rows.astype(np.float32, copy=False) if single else rows

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
    categories = estimators.categories(estimator, columns)
    signature = Signature(
        inputs=_inputs(estimator, columns, categories),
        outputs=_outputs(estimator, answer),
        columns=columns,
        classes=_classes(estimator),
    )
    return SklearnModel(
        estimator, signature, answer, as_frame=bool(columns) and estimators.picks_by_name(estimator)
    )


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
    estimator: Any, columns: tuple[str, ...], categories: dict[str, tuple[Any, ...]]
) -> tuple[TensorSpec, ...]:
    if estimators.reads_texts(estimator):
        return (TensorSpec(tabular.MATRIX, "BYTES", (-1,)),)
    datatype = "FP32" if estimators.single_precision(estimator) else "FP64"
    specs = tabular.inputs_of(columns, int(getattr(estimator, "n_features_in_", -1)), datatype=datatype)
    return tuple(_trained(spec, categories.get(spec.name, ())) for spec in specs)


def _trained(spec: TensorSpec, categories: tuple[Any, ...]) -> TensorSpec:
    texts = bool(categories) and isinstance(categories[0], str)
    known = tuple(str(value) for value in categories)
    return replace(spec, datatype="BYTES" if texts else spec.datatype, categories=known)


def _outputs(estimator: Any, answer: str) -> tuple[TensorSpec, ...]:
    classes = getattr(estimator, "classes_", None)
    if answer == "transform":
        return (TensorSpec(PREDICTION, "FP64", (-1, -1)),)
    if classes is None:
        count = estimators.targets(estimator)
        return (TensorSpec(PREDICTION, _number(estimator), (-1, count) if count > 1 else (-1,)),)
    if isinstance(classes, list):
        return (TensorSpec(PREDICTION, _common(classes), (-1, len(classes))),)
    prediction = TensorSpec(PREDICTION, datatype_of(np.asarray(classes).dtype), (-1,))
    if not hasattr(estimator, "predict_proba"):
        return (prediction,)
    return (prediction, TensorSpec(PROBABILITIES, "FP64", (-1, len(classes))))


def _number(estimator: Any) -> str:
    from sklearn.base import is_clusterer, is_outlier_detector

    try:
        numbered = is_clusterer(estimator) or is_outlier_detector(estimator)
    except (AttributeError, TypeError):  # not one of scikit-learn's own classes
        numbered = False
    return "INT64" if numbered or hasattr(estimator, "cluster_centers_") else "FP64"


def _common(classes: list[Any]) -> str:
    """The type of several predictions in one array."""
    types = [np.asarray(of).dtype for of in classes]
    alike = all(of.kind in _NUMBERS for of in types)
    return datatype_of(np.result_type(*types)) if alike else "BYTES"


def _classes(estimator: Any) -> tuple[Any, ...]:
    classes = getattr(estimator, "classes_", None)
    return () if classes is None or isinstance(classes, list) else tuple(np.asarray(classes).tolist())


def _plain(answer: Any, spec: TensorSpec) -> Array:
    """An array of the type that the signature says: some estimators answer classes as floats, some in 32 bits."""
    array = answer.toarray() if hasattr(answer, "toarray") else np.asarray(answer)
    if array.dtype.kind in "US":
        return array.astype(object)
    both_numbers = array.dtype.kind in _NUMBERS and spec.dtype.kind in _NUMBERS
    return array.astype(spec.dtype, copy=False) if both_numbers else array
