"""The type of each column of a fitted scikit-learn estimator, from what its encoders and imputers store.

An encoder stores the values of its columns in the type that they had in training, a missing one included: that type
decides what a request's value becomes. A column that no encoder sees is a number, unless the example tells more.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from model_runtime.failures import LoadFailed
from model_runtime.formats import estimators, tabular, xgboost_categories
from model_runtime.formats.signature import DATATYPES, DATE, DATE_TIME, Missing, TensorSpec, datatype_of

MOST_CATEGORIES: Final = 100
"""Of a column that accepts other values as well."""
Key = str | int
"""A column by its name, or by its number when the estimator knows no names."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """What is known about a column; a part that says nothing about a fact leaves it as it is."""

    datatype: str = ""
    values: tuple[Any, ...] = ()
    """What the column was trained on, without the missing value."""
    missing: Missing = Missing.DEFAULT
    closed: bool = False
    boxed: bool = False
    format: str = ""
    categorical: bool = False
    """The estimator wants the type of pandas for categories, not their values alone."""

    @property
    def categories(self) -> tuple[str, ...]:
        """Return the values as strings; among numbers, true and false are numbers."""
        numbers = {"INT64": int, "FP64": float}.get(self.datatype, str)
        return tuple(str(numbers(value)) for value in self.values)


def column_types(estimator: Any, columns: tuple[str, ...]) -> dict[Key, ColumnType]:
    """Return what the estimator tells about its columns, by name, or by number where they have no names."""
    width = int(getattr(estimator, "n_features_in_", 0) or 0)
    keys: tuple[Key, ...] = columns or tuple(range(width))
    found: dict[Key, ColumnType] = {}
    for key, column_type in _types(estimator, keys):
        found.setdefault(key, column_type)
    return found


def _types(estimator: Any, keys: Sequence[Key]) -> Iterator[tuple[Key, ColumnType]]:
    if (steps := getattr(estimator, "steps", None)) is not None:
        yield from _of_steps([step for _name, step in steps], keys)
    elif hasattr(estimator, "get_booster"):
        yield from _of_booster(estimator.get_booster(), keys)
    elif hasattr(estimator, "transformers_"):
        yield from _of_transformers(estimator, keys)
    elif (
        getattr(estimator, "_preprocessor", None) is not None
    ):  # gradient boosting with columns of categories
        yield from _types(estimator._preprocessor, keys)
    elif inside := estimators.parts(estimator):
        for part in inside[: estimators.MOST_HEADS]:
            yield from _types(part, keys)
    else:
        yield from _of_part(estimator, keys).items()


def _of_steps(steps: list[Any], keys: Sequence[Key]) -> Iterator[tuple[Key, ColumnType]]:
    """Read through steps that keep the columns: an imputer says what is missing, the encoder behind it the type."""
    known: dict[Key, ColumnType] = {}
    for step in steps:
        if step is None or step == "passthrough":
            continue
        if not _is_imputer(step):
            for key, column_type in _types(step, keys):
                known[key] = _merged(known.get(key), column_type)
            break
        for key, column_type in _of_imputer(step, keys).items():
            known[key] = _merged(known.get(key), column_type)
        if not _keeps_columns(step, keys):
            break
    yield from known.items()


def _of_transformers(transformer: Any, keys: Sequence[Key]) -> Iterator[tuple[Key, ColumnType]]:
    for _name, part, picked in transformer.transformers_:
        if isinstance(part, str):  # passthrough or drop
            continue
        chosen = _picked(picked, keys)
        if isinstance(picked, str | int) and estimators.takes_strings(part):
            yield from ((key, ColumnType("BYTES", missing=Missing.REFUSED)) for key in chosen)
        else:
            yield from _types(part, chosen)


def _of_booster(booster: Any, keys: Sequence[Key]) -> Iterator[tuple[Key, ColumnType]]:
    """Return the categories of XGBoost's own estimators, which need them as pandas has them."""
    plain = tuple(TensorSpec(str(key), "FP32", (-1,)) for key in keys)
    for key, spec in zip(keys, xgboost_categories.inputs_of(booster, plain), strict=False):
        if spec.closed:
            values = tabular.category_values(spec)
            yield (
                key,
                ColumnType(
                    spec.datatype, values, Missing.NAN, closed=True, boxed=spec.boxed, categorical=True
                ),
            )


def _picked(picked: Any, keys: Sequence[Key]) -> list[Key]:
    if isinstance(picked, str | int):
        picked = [picked]
    if isinstance(picked, slice):
        if isinstance(picked.start, str) or isinstance(picked.stop, str):
            first = keys.index(picked.start) if picked.start is not None else 0
            last = keys.index(picked.stop) if picked.stop is not None else len(keys) - 1
            return list(keys[first : last + 1])
        return list(keys[picked])
    chosen = np.asarray(picked)
    if chosen.dtype.kind == "b":
        return [key for key, wanted in zip(keys, chosen.tolist(), strict=False) if wanted]
    numbered = [
        item for item in chosen.tolist() if not isinstance(item, int) or -len(keys) <= item < len(keys)
    ]
    return [item if isinstance(item, str) else keys[item] for item in numbered]


def _of_part(part: Any, keys: Sequence[Key]) -> Mapping[Key, ColumnType]:
    if _is_imputer(part):
        return _of_imputer(part, keys)
    trained_on = getattr(part, "categories_", None)
    if isinstance(trained_on, list) and len(trained_on) == len(keys):
        strict = getattr(part, "handle_unknown", "") == "error"
        pairs = zip(keys, trained_on, strict=True)
        return {key: _of_values(key, np.asarray(values), strict=strict) for key, values in pairs}
    return {}


def _of_imputer(imputer: Any, keys: Sequence[Key]) -> dict[Key, ColumnType]:
    """Return the missing value that the imputer replaces, and strings where it replaces it by one."""
    missing = Missing.NONE if imputer.missing_values is None else Missing.NAN
    replacements = getattr(imputer, "statistics_", None)
    values = list(replacements) if replacements is not None and len(replacements) == len(keys) else []
    texts = {key for key, value in zip(keys, values, strict=False) if isinstance(value, str)}
    boxed = missing is Missing.NONE
    return {key: ColumnType("BYTES" if key in texts else "", missing=missing, boxed=boxed) for key in keys}


def _is_imputer(step: Any) -> bool:
    return hasattr(step, "missing_values") and type(step).__module__.startswith("sklearn.impute")


def _keeps_columns(imputer: Any, keys: Sequence[Key]) -> bool:
    names = getattr(imputer, "get_feature_names_out", None)
    try:
        return names is not None and len(names()) == len(keys)
    except Exception:  # an estimator that tells no names
        return False


def _merged(before: ColumnType | None, after: ColumnType) -> ColumnType:
    """Return what both say; behind an imputer a column may miss values, whatever the encoder was trained on."""
    if before is None:
        return after
    datatype, boxed = after.datatype or before.datatype, after.boxed or before.boxed
    if not boxed and np.dtype(DATATYPES.get(datatype, "float64")).kind in "biu":
        datatype = "FP64"  # the imputer gets numbers with NaN among them, which are floats
    return replace(after, datatype=datatype, boxed=boxed, missing=before.missing or after.missing)


def _of_values(key: Key, values: Any, *, strict: bool) -> ColumnType:
    plain = _plain(values)
    present = [value for value in plain if not _is_missing(value)]
    kept = tuple(present if strict else present[:MOST_CATEGORIES])
    missing = _missing_of(plain, strict=strict)
    match values.dtype.kind:
        case "M":
            texts = tuple(str(value) for value in values[~np.isnat(values)])
            return ColumnType(
                "BYTES",
                texts if strict else texts[:MOST_CATEGORIES],
                Missing.NAT if np.isnat(values).any() or not strict else Missing.REFUSED,
                closed=strict,
                format=DATE_TIME,
            )
        case "b" | "i" | "u":
            return ColumnType(datatype_of(values.dtype), kept, Missing.REFUSED, closed=strict)
        case "f":
            return ColumnType("FP64", kept, missing, closed=strict)
        case "O" | "U":
            return replace(_of_objects(key, present, missing), values=kept, closed=strict)
    raise LoadFailed(
        f"column {key!r} was trained on values of type {values.dtype}, which a request cannot express: train the "
        f"model on numbers or strings in this column."
    )


def _of_objects(key: Key, present: list[Any], missing: Missing) -> ColumnType:
    kinds = {type(value) for value in present}
    if not kinds or kinds <= {str, np.str_}:
        return ColumnType("BYTES", missing=missing)
    if kinds == {datetime.date}:
        return ColumnType("BYTES", missing=missing, format=DATE)
    if kinds == {bool}:
        return ColumnType("BOOL", missing=missing, boxed=True)
    if all(issubclass(kind, int | np.integer) for kind in kinds):
        return ColumnType("INT64", missing=missing, boxed=True)
    if all(issubclass(kind, int | float | np.number) for kind in kinds):
        return ColumnType("FP64", missing=missing, boxed=True)
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise LoadFailed(
        f"column {key!r} was trained on Python objects of type {names}, which a request cannot express: train the "
        f"model on numbers or strings in this column."
    )


def _plain(values: Any) -> list[Any]:
    return list(values.tolist())


def _missing_of(values: list[Any], *, strict: bool) -> Missing:
    if any(value is None for value in values):
        return Missing.NONE
    if any(_is_missing(value) for value in values):
        return Missing.NAN
    return Missing.REFUSED if strict else Missing.NAN


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
