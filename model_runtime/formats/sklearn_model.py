"""A scikit-learn estimator as a model, for all formats that contain one."""

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
    method: str
    """The method that makes the prediction."""
    as_frame: bool
    """The estimator selects columns by name: it needs a data frame."""

    def predict(self, inputs: Tensors, /, *, wanted: frozenset[str] | None = None) -> Tensors:
        """Return the prediction, and the probabilities of a classifier."""
        rows = self._frame(inputs) if self.as_frame else self._matrix(inputs)
        outputs: Tensors = {}
        with warnings.catch_warnings():
            # the columns are in the right order, but the estimator cannot know that and would warn at each request
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            for spec in self.signature.outputs:
                if wanted is None or spec.name in wanted:
                    method = self.method if spec.name == PREDICTION else "predict_proba"
                    # a copy for each: some estimators work in place (copy=False), and the inputs belong to the caller
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
    """Return the estimator as a model; `LoadFailed` when it cannot predict or was never fitted."""
    method = next((name for name in ("predict", "transform") if hasattr(estimator, name)), None)
    if method is None:
        raise LoadFailed(
            f"{name} contains a {type(estimator).__name__}, which has neither predict nor transform: "
            f"store a fitted estimator or pipeline."
        )
    _require_fitted(estimator, name)
    columns = tuple(str(column) for column in getattr(estimator, "feature_names_in_", ()))
    categories = estimators.categories(estimator, columns)
    signature = Signature(
        inputs=_inputs(estimator, columns, categories),
        outputs=_outputs(estimator, method),
        columns=columns,
        classes=_classes(estimator),
    )
    return SklearnModel(
        estimator, signature, method, as_frame=bool(columns) and estimators.selects_columns_by_name(estimator)
    )


def _require_fitted(estimator: Any, name: str) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise LoadFailed(
            f"{name} contains a {type(estimator).__name__} that was never fitted: {error}"
        ) from error
    except TypeError:
        return  # not one of scikit-learn's own classes: the trial shows whether it predicts


def _inputs(
    estimator: Any, columns: tuple[str, ...], categories: dict[str, tuple[Any, ...]]
) -> tuple[TensorSpec, ...]:
    if estimators.takes_strings(estimator):
        return (TensorSpec(tabular.MATRIX, "BYTES", (-1,)),)
    datatype = "FP32" if estimators.single_precision(estimator) else "FP64"
    specs = tabular.inputs_of(columns, int(getattr(estimator, "n_features_in_", -1)), datatype=datatype)
    return tuple(_with_categories(spec, categories.get(spec.name, ())) for spec in specs)


def _with_categories(spec: TensorSpec, categories: tuple[Any, ...]) -> TensorSpec:
    strings = bool(categories) and isinstance(categories[0], str)
    known = tuple(str(value) for value in categories)
    return replace(spec, datatype="BYTES" if strings else spec.datatype, categories=known)


def _outputs(estimator: Any, method: str) -> tuple[TensorSpec, ...]:
    classes = getattr(estimator, "classes_", None)
    if method == "transform":
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
    """Return the type of several predictions in one array."""
    types = [np.asarray(of).dtype for of in classes]
    alike = all(of.kind in _NUMBERS for of in types)
    return datatype_of(np.result_type(*types)) if alike else "BYTES"


def _classes(estimator: Any) -> tuple[Any, ...]:
    classes = getattr(estimator, "classes_", None)
    return () if classes is None or isinstance(classes, list) else tuple(np.asarray(classes).tolist())


def _plain(result: Any, spec: TensorSpec) -> Array:
    """Return an array of the signature's type: some estimators return classes as floats, some in 32 bits."""
    array = result.toarray() if hasattr(result, "toarray") else np.asarray(result)
    if array.dtype.kind in "US":
        return array.astype(object)
    both_numbers = array.dtype.kind in _NUMBERS and spec.dtype.kind in _NUMBERS
    return array.astype(spec.dtype, copy=False) if both_numbers else array
