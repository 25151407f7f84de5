"""Inspect a fitted scikit-learn estimator, through all wrappers around it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import numpy as np

MOST_HEADS: Final = 100
"""All trees of a forest see the same columns: the first ones are enough."""

_FRAMEWORKS: Final = frozenset({"catboost", "lightgbm", "sklearn", "xgboost"})
_INSIDE: Final = ("best_estimator_", "regressor_", "estimator_")


def heads(estimator: Any) -> list[Any]:
    """Return the innermost estimators that see the original rows, inside pipelines, searches and ensembles."""
    return list(islice(_heads(estimator), MOST_HEADS))


def takes_strings(estimator: Any) -> bool:
    """Return whether its rows are strings, not columns."""
    return type(heads(estimator)[0]).__module__ == "sklearn.feature_extraction.text"


def selects_columns_by_name(estimator: Any) -> bool:
    """Return whether a part of it selects columns by name."""
    return any(hasattr(head, "transformers_") for head in heads(estimator))


def parts(estimator: Any) -> list[Any]:
    """Return its direct parts that see the original rows; none for an estimator that wraps no other."""
    return list(_inside(estimator))


def has_own_code(estimator: Any) -> bool:
    """Return whether a function or class from outside the frameworks sees the original rows, as it did in training."""
    return any(_is_own_code(part) for head in heads(estimator) for part in (head, *_chosen_parts(head)))


def _chosen_parts(head: Any) -> Iterator[Any]:
    """Return what sees chosen columns of the original rows."""
    for _name, part, _columns in getattr(head, "transformers_", ()):
        if not isinstance(part, str):
            yield from heads(part)


def _is_own_code(part: Any) -> bool:
    if type(part).__name__ == "FunctionTransformer":
        return part.func is not None
    return type(part).__module__.split(".")[0] not in _FRAMEWORKS


def targets(estimator: Any) -> int:
    """Return how many numbers a regressor predicts for each row."""
    last = _last(estimator)
    weights = np.asarray(getattr(last, "coef_", 0.0))
    known = getattr(last, "n_outputs_", None) or getattr(last, "n_targets_", None)
    if known is None and hasattr(last, "estimators_") and type(last).__module__ == "sklearn.multioutput":
        known = len(last.estimators_)
    neighbours = np.asarray(getattr(last, "_y", 0.0))
    of_matrix = next((int(n) for n in (_second(neighbours, 1), _second(weights, 0)) if n > 1), 1)
    return int(known or of_matrix)


def single_precision(estimator: Any) -> bool:
    """Return whether it accepts only FP32: cluster centers in FP32 cannot be compared with FP64."""
    return np.asarray(getattr(_last(estimator), "cluster_centers_", 0.0)).dtype == np.float32


def _heads(estimator: Any) -> Iterator[Any]:
    inside = list(_inside(estimator))
    if not inside:
        yield estimator
    for part in inside:
        yield from _heads(part)


def _inside(estimator: Any) -> Iterator[Any]:
    """Return its direct parts that see the original rows."""
    if steps := getattr(estimator, "steps", None):
        yield steps[0][1]
        return
    if (wrapped := _wrapped(estimator)) is not None:
        yield wrapped
        return
    yield from (part for part in _several(estimator) if hasattr(part, "fit"))


def _several(estimator: Any) -> Iterator[Any]:
    fitted = getattr(estimator, "estimators_", ())
    yield from fitted if isinstance(fitted, list | tuple) else ()
    for calibrated in getattr(estimator, "calibrated_classifiers_", ()):
        yield calibrated.estimator
    for _name, transformer in getattr(estimator, "transformer_list", ()):
        yield transformer


def _last(estimator: Any) -> Any:
    """Return the innermost part that makes the prediction."""
    while True:
        if steps := getattr(estimator, "steps", None):
            estimator = steps[-1][1]
        elif (inner := _wrapped(estimator)) is not None:
            estimator = inner
        else:
            return estimator


def _wrapped(estimator: Any) -> Any:
    """Return the one fitted estimator that it passes its rows to; the `estimator_` of an ensemble is not fitted."""
    if hasattr(estimator, "estimators_"):
        return None
    parts = (getattr(estimator, name, None) for name in _INSIDE)
    return next((part for part in parts if hasattr(part, "fit")), None)


def _second(array: Any, axis: int) -> int:
    return int(array.shape[axis]) if array.ndim == 2 else 1
