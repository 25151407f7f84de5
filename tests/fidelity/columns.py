"""Kinds of columns: what training had, and what a request has for each value."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

BIG = 9007199254740993
"""The first integer that no double is equal to."""


@dataclass(frozen=True)
class Kind:
    """One kind of column: its values in training, and each as JSON has it where that is another one."""

    name: str
    values: tuple[Any, ...]
    dtype: Any = object
    json: tuple[Any, ...] = ()
    unknown: tuple[Any, ...] = ()
    """Values of the right type that training never had, the same in JSON."""
    refused: tuple[Any, ...] = field(default=())
    """Values of a request that no model of this column may answer."""

    def series(self, values: list[Any]) -> Any:
        if self.dtype != "category":
            return pd.Series(values, dtype=self.dtype)
        trained = pd.Series(list(self.values), dtype="category")
        return pd.Series(values, dtype=trained.dtype)

    @property
    def pairs(self) -> list[tuple[Any, Any]]:
        """Each value as a request has it, and as training had it."""
        return list(zip(self.json or self.values, self.values, strict=True))


def _missing(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(None if pd.isna(value) else value for value in values)


def kind(name: str, values: list[Any], dtype: Any = object, **more: Any) -> Kind:
    more.setdefault("json", _missing(tuple(values)))
    return Kind(name, tuple(values), dtype, **more)


NAN = float("nan")
DAYS = ["2024-01-31", "2024-02-29", "2025-12-01"]

KINDS = (
    kind("bool", [True, False], bool, refused=("yes", 2, None)),
    kind("bools as objects", [True, False], refused=("true", 7)),
    kind("bools with NaN", [True, False, NAN], refused=("true", 7)),
    kind("bools with None", [True, False, None], refused=("true", 7)),
    kind("nullable boolean", [True, False, pd.NA], "boolean", refused=("true", 10**400)),
    kind("small integers", [1, 2, 3], "int64", unknown=(7,), refused=("1", 1.5, None, 2**63, 1e17)),
    kind(
        "integers to 2^63",
        [BIG, BIG - 1, 2**63 - 1, -(2**63), -BIG],
        "int64",
        unknown=(2**63 - 2, BIG + 1),
        refused=(2**63, -(2**63) - 1, float(BIG), 10**30),
    ),
    kind("bytes", [1, 2, -128], "int8", refused=(128, "1")),
    kind("unsigned", [0, BIG, 2**64 - 1], "uint64", unknown=(2**64 - 2,), refused=(-1, 2**64, 1e19)),
    kind("integers as objects", [1, BIG, BIG - 1], unknown=(9,), refused=("1", float(BIG))),
    kind("integers with None", [1, BIG, BIG - 1, None], unknown=(9,), refused=("1", 2.5)),
    kind("integers with NaN", [1, BIG, BIG - 1, NAN], unknown=(9,), refused=("1", 2.5)),
    kind("nullable integers", [1, 2, pd.NA], "Int64", unknown=(7,), refused=("1", BIG)),
    kind("complete nullable integers", [1, 2, 3], "Int64", unknown=(7,), refused=("1", BIG)),
    kind("floats", [0.1, 2.5, -1e300], "float64", unknown=(7.25,), refused=("1", BIG, 10**400)),
    kind("floats with NaN", [0.1, 2.5, NAN], "float64", unknown=(3,), refused=("1", -BIG)),
    kind("floats as objects", [0.5, 1, None], unknown=(3,), refused=("1", BIG)),
    kind("nullable floats", [0.5, 1.5, pd.NA], "Float64", unknown=(3,), refused=("1", BIG)),
    kind("strings with NaN", ["gold", "basic", NAN], unknown=("silver", ""), refused=(1, True, 0.5)),
    kind("strings with None", ["gold", "basic", None], unknown=("silver", ""), refused=(1,)),
    kind("strings", ["gold", "basic", "nan", "None", ""], unknown=("silver",), refused=(1, False)),
    kind(
        "typed strings with a missing one", ["gold", "basic", NAN], "str", unknown=("silver",), refused=(1,)
    ),
    kind("nullable strings", ["gold", "basic"], "string", unknown=("silver",), refused=(1,)),
    kind(
        "unicode",
        ["grün", "gru\u0308n", "日本", "🚀", " x", "x "],
        unknown=("grun", "x"),
        refused=(1,),
    ),
    kind("categories of strings", ["red", "green", "blue"], "category", unknown=("violet",), refused=(1,)),
    kind(
        "categories with a missing one", ["red", "green", NAN], "category", unknown=("violet",), refused=(1,)
    ),
    kind("categories of integers", [10, 20, BIG], "category", unknown=(99,), refused=("10", 10.5, None)),
    kind(
        "categories of integers, one missing", [10.0, 20.0, NAN], "category", unknown=(99,), refused=("10",)
    ),
    kind(
        "days",
        [datetime.date.fromisoformat(day) for day in DAYS],
        json=tuple(DAYS),
        refused=(1, "2024-02-30"),
    ),
    kind(
        "moments",
        list(pd.to_datetime(DAYS)),
        "datetime64[us]",
        json=tuple(DAYS),
        refused=(1, "yesterday", "2024-01-31T00:00:00+02:00"),
    ),
    kind("mixed numbers", [True, 2.5, 7, None], unknown=(3,), refused=("1", BIG)),
)
BY_NAME = {one.name: one for one in KINDS}


def table(one: Kind, values: list[Any], *, numbers: list[float] | None = None) -> Any:
    """A table of the kind's column and a column of numbers."""
    more = numbers if numbers is not None else [0.25] * len(values)
    return pd.DataFrame({"x": one.series(values), "n": np.array(more)})


def training(one: Kind) -> tuple[Any, Any]:
    """Rows and targets: the target depends on the column, so that another value has another answer."""
    values = list(one.values) * 6
    numbers = [((position * 7) % 11) / 3 for position in range(len(values))]
    targets = [position % len(one.values) for position in range(len(values))]
    return table(one, values, numbers=numbers), np.array(targets)


def unknown_table(one: Kind, value: Any) -> Any:
    """A row with a value that training never had; a category of pandas cannot hold it."""
    series = pd.Series([value], dtype=None if one.dtype == "category" else one.dtype)
    return pd.DataFrame({"x": series, "n": [0.25]})
