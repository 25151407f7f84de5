"""A scikit-learn estimator as a model, for all formats that contain one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from enum import Enum
from importlib import import_module
from typing import Any, Final

import numpy as np

from model_runtime.failures import LoadFailed
from model_runtime.formats import estimators, tabular
from model_runtime.formats.base import Array, InputRejected, Tensors
from model_runtime.formats.column_types import ColumnType, Key, column_types
from model_runtime.formats.signature import Missing, Signature, TensorSpec, datatype_of, is_plain_number

PREDICTION: Final = "prediction"
PROBABILITIES: Final = "probabilities"
_NUMBERS: Final = "biuf"
_REFUSALS: Final = ("Found unknown categories", "Negative values in data")
"""How scikit-learn begins to say that a value is wrong which has the right type."""


class Rows(Enum):
    """What the estimator was trained on."""

    MATRIX = "one array of numbers, or of strings"
    OBJECTS = "one array of Python objects"
    FRAME = "a data frame"


@dataclass(frozen=True, slots=True)
class SklearnModel:
    """An estimator with `predict` (or `transform`), and `predict_proba` where it is a classifier."""

    estimator: Any
    signature: Signature
    method: str
    """The method that makes the prediction."""
    rows: Rows
    categorical: frozenset[str] = frozenset()
    """Columns that the estimator wants as pandas' own categories."""

    def predict(self, inputs: Tensors, /, *, wanted: frozenset[str] | None = None) -> Tensors:
        """Return the prediction, and the probabilities of a classifier."""
        rows = self._rows(inputs)
        outputs: Tensors = {}
        with warnings.catch_warnings():
            # the columns are in the right order, but the estimator cannot know that and would warn at each request
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            for spec in self.signature.outputs:
                if wanted is None or spec.name in wanted:
                    method = self.method if spec.name == PREDICTION else "predict_proba"
                    # a copy for each: some estimators work in place (copy=False), and the inputs belong to the caller
                    outputs[spec.name] = _plain(self._call(method, rows.copy()), spec)
        return outputs

    def _call(self, method: str, rows: Any) -> Any:
        try:
            return getattr(self.estimator, method)(rows)
        except ValueError as error:
            if str(error).startswith(_REFUSALS):
                raise InputRejected(str(error)) from error
            raise

    def _rows(self, inputs: Tensors) -> Any:
        match self.rows:
            case Rows.MATRIX:
                return self._matrix(inputs)
            case Rows.OBJECTS:
                return _objects(self._columns(inputs))
            case Rows.FRAME:
                return self._frame(inputs)

    def _columns(self, inputs: Tensors) -> list[Array]:
        columns = tabular.columns(inputs, self.signature)
        for spec, column in zip(self.signature.inputs, columns, strict=True):
            if spec.closed:
                tabular.require_known(spec, column)
        return columns

    def _matrix(self, inputs: Tensors) -> Array:
        rows = tabular.matrix(inputs, self.signature)
        single = self.signature.inputs[0].datatype == "FP32" and rows.dtype.kind in _NUMBERS
        return rows.astype(np.float32, copy=False) if single else rows

    def _frame(self, inputs: Tensors) -> Any:
        pandas = import_module("pandas")

        # each column keeps its type: pandas would guess one from the values that happen to be in this request
        return pandas.DataFrame(
            {
                spec.name: pandas.Series(column, dtype=self._dtype(spec, column))
                for spec, column in zip(self.signature.inputs, self._columns(inputs), strict=True)
            }
        )

    def _dtype(self, spec: TensorSpec, column: Array) -> Any:
        if spec.name not in self.categorical:
            return column.dtype
        return import_module("pandas").CategoricalDtype(list(tabular.category_values(spec)))


def model_of(estimator: Any, *, name: str) -> SklearnModel:
    """Return the estimator as a model; `LoadFailed` when it cannot predict or was never fitted."""
    method = next((name for name in ("predict", "transform") if hasattr(estimator, name)), None)
    if method is None:
        raise LoadFailed(_no_estimator(estimator, name))
    _require_fitted(estimator, name)
    names = tuple(str(column) for column in getattr(estimator, "feature_names_in_", ()))
    types = column_types(estimator, names)
    inputs = _inputs(estimator, names, types)
    columns = () if inputs[0].name == tabular.MATRIX and not names else tuple(spec.name for spec in inputs)
    signature = Signature(
        inputs=inputs,
        outputs=_outputs(estimator, method),
        columns=columns,
        classes=_classes(estimator),
        own_code=bool(columns) and estimators.has_own_code(estimator),
    )
    categorical = frozenset(str(key) for key, known in types.items() if known.categorical)
    rows = _rows(estimator, signature, named=bool(names) or bool(categorical))
    return SklearnModel(estimator, signature, method, rows, categorical)


def _rows(estimator: Any, signature: Signature, *, named: bool) -> Rows:
    if not signature.columns:
        return Rows.MATRIX
    if not named:
        return Rows.OBJECTS
    numbers = all(map(is_plain_number, signature.inputs))
    by_name = estimators.selects_columns_by_name(estimator) or signature.own_code
    return Rows.MATRIX if numbers and not by_name else Rows.FRAME


def _no_estimator(content: Any, name: str) -> str:
    kind = type(content).__name__
    if not isinstance(content, dict):
        return (
            f"{name} contains a {kind}, which has neither predict nor transform: "
            f"store a fitted estimator or pipeline."
        )
    inside = [key for key, value in content.items() if hasattr(value, "predict")]
    keys = ", ".join(repr(key)[:40] for key in (inside or list(content))[:5])
    found = f"{keys} in it can predict: store that alone" if inside else f"its keys are {keys or 'none'}"
    return f"{name} contains a {kind}, not an estimator; {found}, as a fitted estimator or pipeline."


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


def _inputs(estimator: Any, columns: tuple[str, ...], types: dict[Key, ColumnType]) -> tuple[TensorSpec, ...]:
    if estimators.takes_strings(estimator):
        return (TensorSpec(tabular.MATRIX, "BYTES", (-1,), missing=Missing.REFUSED),)
    datatype = "FP32" if estimators.single_precision(estimator) else "FP64"
    width = int(getattr(estimator, "n_features_in_", -1))
    if not columns and (shared := _shared(types, width)) is not None:
        return (TensorSpec(tabular.MATRIX, shared if shared != "FP64" else datatype, (-1, width)),)
    if not columns:
        columns = tuple(str(number) for number in range(width))
        types = {str(key): column_type for key, column_type in types.items()}
    specs = tabular.inputs_of(columns, width, datatype=datatype)
    return tuple(_typed(spec, types[spec.name]) if spec.name in types else spec for spec in specs)


def _shared(types: dict[Key, ColumnType], width: int) -> str | None:
    """Return the type of numbers that all columns of a matrix without names have; None when they differ."""
    kinds = {known.datatype or "FP64" for known in types.values()} or {"FP64"}
    kinds |= {"FP64"} if len(types) < width else set()
    plain = not any(known.boxed or known.closed for known in types.values())
    return kinds.pop() if plain and len(kinds) == 1 and "BYTES" not in kinds else None


def _typed(spec: TensorSpec, known: ColumnType) -> TensorSpec:
    missing = known.missing
    datatype = known.datatype or spec.datatype
    if datatype == "FP64" and missing is Missing.NAN:
        missing = Missing.DEFAULT
    return replace(
        spec,
        datatype=datatype,
        categories=known.categories,
        missing=missing,
        closed=known.closed,
        boxed=known.boxed,
        format=known.format,
    )


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


def _objects(columns: list[Array]) -> Array:
    """Return the rows of columns of several types, as Python objects."""
    rows = np.empty((len(columns[0]), len(columns)), dtype=object)
    for index, column in enumerate(columns):
        rows[:, index] = column.tolist() if column.dtype.kind in _NUMBERS else column
    return rows


def _plain(result: Any, spec: TensorSpec) -> Array:
    """Return an array of the signature's type: some estimators return classes as floats, some in 32 bits."""
    array = result.toarray() if hasattr(result, "toarray") else np.asarray(result)
    if array.dtype.kind in "US":
        return array.astype(object)
    both_numbers = array.dtype.kind in _NUMBERS and spec.dtype.kind in _NUMBERS
    return array.astype(spec.dtype, copy=False) if both_numbers else array
