"""Nested lists become arrays: exactly, in bounded memory, and with the place of what does not fit."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from model_runtime.formats import TensorSpec
from model_runtime.server.errors import InvalidInput
from model_runtime.server.protocols import nested_lists, tensors

INTEGERS = ("UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64")
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def read(datatype: str, sent: Any) -> Any:
    return tensors.array_of(TensorSpec("x", datatype, (-1,)), sent, field=nested_lists.FieldPath("x"))


@given(array=hnp.arrays(np.float64, SHAPES))
def test_any_json_numbers_decode_to_themselves(array: Any) -> None:
    expected = np.empty((0,)) if array.ndim and not array.shape[0] else array
    np.testing.assert_array_equal(read("FP64", array.tolist()).ravel(), expected.ravel())


@pytest.mark.parametrize("datatype", INTEGERS)
@given(data=st.data())
def test_every_integer_of_the_type_decodes_unchanged(datatype: str, data: Any) -> None:
    bounds = np.iinfo(TensorSpec("x", datatype, ()).dtype)
    sent = data.draw(st.lists(st.integers(int(bounds.min), int(bounds.max)), min_size=1, max_size=4))
    read_back = read(datatype, [*sent, 1.0])
    assert read_back.dtype == bounds.dtype
    assert read_back.tolist() == [*sent, 1]


@pytest.mark.parametrize("datatype", INTEGERS)
@pytest.mark.parametrize("beyond", [-1, 1])
def test_the_first_integer_out_of_range_is_rejected_with_its_path(datatype: str, beyond: int) -> None:
    bounds = np.iinfo(TensorSpec("x", datatype, ()).dtype)
    edge = int(bounds.min) if beyond < 0 else int(bounds.max)
    assert read(datatype, [edge]).tolist() == [edge]
    for odd in (edge + beyond, float(edge + beyond) * 2, float("nan"), beyond * float("inf")):
        with pytest.raises(InvalidInput, match=r"^x\[1\]\[0\]: expected an integer"):
            read(datatype, [[edge], [odd]])


def test_a_large_integer_beside_a_float_keeps_its_last_digit() -> None:
    assert read("INT64", [9007199254740993, 1.0]).tolist() == [9007199254740993, 1]


@pytest.mark.parametrize(("sent", "read_back"), [([True, 0], [True, False]), ([1.0, 0.0], [True, False])])
def test_booleans_may_be_0_and_1(sent: Any, read_back: Any) -> None:
    assert read("BOOL", sent).tolist() == read_back


@pytest.mark.parametrize("odd", [2, -1, 0.5, None, "true", [1]])
def test_a_value_that_is_not_a_boolean_is_rejected(odd: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^x\[1\]: expected true or false"):
        read("BOOL", [True, odd])


@pytest.mark.parametrize("datatype", ["FP64", "INT64", "BOOL"])
def test_a_long_string_among_many_numbers_needs_little_memory(datatype: str) -> None:
    sent = [1] * 10_000 + ["x" * 10_000]
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match=r"^x\[10000\]: .*, got the string 'xxx"):
            read(datatype, sent)
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        pytest.param([[1, 2], [3]], "x[1]: expected a list of 2, got a list of 1", id="too short"),
        pytest.param([[1], 2], "x[1]: expected a list of 1, got a single value", id="a value among lists"),
        pytest.param([1, [2]], "x[1]: expected a number (FP64), got a list of 1", id="a list among values"),
        pytest.param(
            [[[1], [2]], [[3], [4, 5]]], "x[1][1]: expected a list of 1, got a list of 2", id="deep inside"
        ),
        pytest.param([[], {}], "x[1]: expected a list of 0, got a single value", id="an object"),
        pytest.param([[1, {}]], "x[0][1]: expected a number (FP64), got an object with 0 fields", id="leaf"),
        pytest.param(
            {"a": 1}, "x: expected a number (FP64), got an object with 1 fields", id="no list at all"
        ),
        pytest.param([10**400], "x[0]: expected a number (FP64), got a very long integer", id="beyond"),
    ],
)
def test_a_value_that_does_not_fit_is_reported_with_its_path(sent: Any, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read("FP64", sent)
    assert str(refused.value) == sentence


def test_lists_may_be_nested_up_to_the_maximum_depth() -> None:
    sent: Any = 1
    for _ in range(nested_lists.MAX_DEPTH):
        sent = [sent]
    assert read("FP64", sent).shape == (1,) * nested_lists.MAX_DEPTH
    with pytest.raises(InvalidInput, match="x: expected at most 16 nested lists, got more"):
        read("FP64", [sent])


@pytest.mark.parametrize(
    ("sent", "shape"), [(7, ()), ([], (0,)), ([[], []], (2, 0)), ([[[1, 2, 3]], [[4, 5, 6]]], (2, 1, 3))]
)
def test_the_array_has_the_shape_of_the_lists(sent: Any, shape: tuple[int, ...]) -> None:
    assert read("FP64", sent).shape == shape


@pytest.mark.parametrize("odd", [1, True, [], {}, 1.5])
def test_a_string_input_accepts_strings_and_null_only(odd: Any) -> None:
    assert read("BYTES", [["a", None]]).tolist() == [["a", None]]
    with pytest.raises(InvalidInput, match=r"^x\[0\]\[1\]: expected a string"):
        read("BYTES", [["a", odd]])
