"""One value of a request, as the model gets it."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest

from model_runtime.formats.signature import DATE, DATE_TIME, Missing, TensorSpec
from model_runtime.server.errors import InvalidInput
from model_runtime.server.protocols import tensors
from model_runtime.server.protocols.nested_lists import FieldPath

X = FieldPath("x")


@pytest.mark.parametrize(
    ("spec", "values", "arrives"),
    [
        pytest.param(TensorSpec("x", "FP64", (-1,)), [2**53, True, 0.5], [2.0**53, 1.0, 0.5], id="floats"),
        pytest.param(
            TensorSpec("x", "BYTES", (-1,), missing=Missing.NONE), ["a", None], ["a", None], id="None"
        ),
        pytest.param(
            TensorSpec("x", "BOOL", (-1,), missing=Missing.NONE, boxed=True),
            [True, 0, None],
            [True, False, None],
            id="booleans as objects",
        ),
        pytest.param(
            TensorSpec("x", "INT64", (-1,), missing=Missing.NONE, boxed=True),
            [2**53 + 1, None],
            [2**53 + 1, None],
            id="integers as objects",
        ),
        pytest.param(
            TensorSpec("x", "BYTES", (-1,), format=DATE),
            ["2024-02-29"],
            [datetime.date(2024, 2, 29)],
            id="days",
        ),
        pytest.param(
            TensorSpec("x", "BYTES", (-1,), format=DATE_TIME),
            ["2024-02-29T01:02:03.5"],
            [datetime.datetime(2024, 2, 29, 1, 2, 3, 500000)],  # noqa: DTZ001 - a local time, as the column has
            id="moments",
        ),
    ],
)
def test_a_value_arrives_in_the_type_of_its_column(
    spec: TensorSpec, values: list[Any], arrives: list[Any]
) -> None:
    array = tensors.array_of(spec, values, field=X)

    assert array.tolist() == arrives
    assert [type(value) for value in array.tolist()] == [type(value) for value in arrives]


@pytest.mark.parametrize("missing", [Missing.NAN, Missing.DEFAULT])
def test_a_missing_number_is_nan(missing: Missing) -> None:
    array = tensors.array_of(TensorSpec("x", "FP64", (-1,), missing=missing), [None, 1], field=X)

    assert np.isnan(array[0])


@pytest.mark.parametrize(
    ("spec", "value", "expected"),
    [
        (TensorSpec("x", "FP64", (-1,)), 2**53 + 1, "an integer that FP64 represents exactly"),
        (TensorSpec("x", "FP64", (-1,)), 10**400, "a number (FP64)"),
        (TensorSpec("x", "INT64", (-1,)), float(2**53), "an integer (INT64)"),
        (TensorSpec("x", "FP64", (-1,), missing=Missing.REFUSED), None, "a number (FP64)"),
        (TensorSpec("x", "BYTES", (-1,), missing=Missing.REFUSED), None, "a string"),
        (TensorSpec("x", "BYTES", (-1,), format=DATE), "2024-02-30", "a date such as 2026-01-31"),
    ],
)
def test_a_value_that_would_become_another_is_refused(spec: TensorSpec, value: Any, expected: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        tensors.array_of(spec, [value], field=X)

    assert (refused.value.field, refused.value.expected) == ("x[0]", expected)


@pytest.mark.parametrize(
    ("values", "datatype"),
    [
        (np.array([2**53 + 1]), "FP64"),
        (np.array([2**63], dtype="uint64"), "INT64"),
        (np.array([2.0**53]), "INT64"),
        (np.array([-1]), "UINT64"),
        (np.array([2**64 - 1], dtype="uint64"), "FP64"),
        (np.array([0.5]), "UINT8"),
    ],
)
def test_bytes_that_would_become_another_number_are_refused(values: Any, datatype: str) -> None:
    with pytest.raises(InvalidInput):
        tensors.converted(TensorSpec("x", datatype, (-1,)), values, field=X)


@pytest.mark.parametrize(
    ("values", "datatype"),
    [
        (np.array([2**53, -(2**63)]), "FP64"),
        (np.array([2**63], dtype="uint64"), "FP64"),
        (np.array([-3.0]), "INT8"),
        (np.array([255]), "UINT8"),
    ],
)
def test_bytes_that_stay_the_same_number_are_converted(values: Any, datatype: str) -> None:
    converted = tensors.converted(TensorSpec("x", datatype, (-1,)), values, field=X)

    assert [int(value) for value in converted] == [int(value) for value in values]
