"""Shapes in V2: lengths without values are rejected before an array is allocated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from model_runtime.server.errors import InvalidInput
from model_runtime.server.protocols.v2 import V2Protocol
from tests.unit.runtime.server import models


def churn() -> V2Protocol:
    return V2Protocol(models.CHURN, name="churn", version="v7")


@pytest.mark.parametrize("binary", [False, True], ids=["JSON", "bytes"])
@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        pytest.param([0, -1], r"age\.shape\[1\]: expected a length, got -1", id="negative"),
        pytest.param([0, 2.0], r"age\.shape\[1\]: expected a length, got 2\.0", id="no integer"),
        pytest.param([False], r"age\.shape\[0\]: expected a length, got false", id="a truth"),
        pytest.param(["0"], r"age\.shape\[0\]: expected a length, got the string '0'", id="a string"),
        pytest.param([0, 10**4000], r"age\.shape\[1\]: expected a length, got a very long", id="very long"),
        pytest.param([2] * 33, r"age\.shape: expected at most 32 lengths, got 33", id="many lengths"),
        pytest.param([0, 2**45], r"age\.shape: expected lengths .*, got 35184372088832", id="empty rows"),
        pytest.param([2**45, 0], r"age\.shape: expected lengths .*, got 35184372088832", id="no columns"),
        pytest.param([2**9, 0, 2**9], r"age\.shape: expected lengths .*, got 262144", id="together"),
        pytest.param([2**47, 0, 2**47, 2**47], r"age\.shape: .*, got a very long integer", id="overflow"),
        pytest.param([2**47] * 2, r"age\.data: expected more than 2\^64 values", id="more than there is"),
    ],
)
def test_a_shape_larger_than_its_data_is_rejected_with_its_field(
    shape: list[Any], sentence: str, binary: bool
) -> None:
    empty = {"parameters": {"binary_data_size": 0}} if binary else {"data": []}
    age = {"name": "age", "shape": shape, "datatype": "FP64", **empty}
    with pytest.raises(InvalidInput, match=f"^{sentence}"):
        churn().decode(json.dumps({"inputs": [age]}).encode(), None)


def test_a_tensor_without_values_may_have_other_lengths() -> None:
    past = {"name": "age", "shape": [1, 12, 0, 64], "datatype": "FP64", "data": []}
    request = churn().decode(json.dumps({"inputs": [past]}).encode(), None)
    assert request.inputs["age"].shape == (1, 12, 0, 64)


def test_a_binary_size_beyond_memory_is_rejected_with_its_field() -> None:
    age = {"name": "age", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": 10**4000}}
    with pytest.raises(InvalidInput, match=r"^age\.parameters\.binary_data_size: expected a number of bytes"):
        churn().decode(json.dumps({"inputs": [age]}).encode(), None)
