"""Example inputs: from a file in any form, or made from the signature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model_runtime import formats
from model_runtime.failures import ExampleFailed
from model_runtime.formats import Signature, TensorSpec
from model_runtime.formats.examples import FILES, LARGEST, synthetic_example
from model_runtime.formats.signature import DATATYPES

TABLE = Signature(
    inputs=(TensorSpec("age", "FP64", (-1,)), TensorSpec("city", "FP64", (-1,))),
    outputs=(),
    columns=("age", "city"),
)
MATRIX = Signature(inputs=(TensorSpec("input", "FP64", (-1, 2)),), outputs=())
EXPECTED = {"age": [30, 40], "city": ["a", "b"]}


def example_in(folder: Path, signature: Signature) -> formats.Tensors:
    """Return the example of a model in the folder."""
    return formats.example(folder / "model.skops", signature, within=folder)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param([{"age": 30, "city": "a"}, {"age": 40, "city": "b"}], id="records"),
        pytest.param({"age": [30, 40], "city": ["a", "b"]}, id="columns"),
        pytest.param([[30, "a"], [40, "b"]], id="rows"),
        pytest.param({"columns": ["age", "city"], "data": [[30, "a"], [40, "b"]]}, id="MLflow's split"),
        pytest.param(
            {"dataframe_split": {"columns": ["age", "city"], "data": [[30, "a"], [40, "b"]]}}, id="served"
        ),
        pytest.param(
            {"dataframe_records": [{"age": 30, "city": "a"}, {"age": 40, "city": "b"}]}, id="served records"
        ),
        pytest.param(
            {
                "inputs": [
                    {"name": "age", "shape": [2], "data": [30, 40]},
                    {"name": "city", "shape": [2], "data": ["a", "b"]},
                ]
            },
            id="V2",
        ),
    ],
)
@pytest.mark.parametrize("name", FILES[:2])
def test_an_example_file_is_read_in_any_form(tmp_path: Path, document: Any, name: str) -> None:
    (tmp_path / name).write_text(json.dumps(document))
    found = example_in(tmp_path, TABLE)

    assert [found["age"].tolist(), found["city"].tolist()] == [EXPECTED["age"], EXPECTED["city"]]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param([[1, 2]], id="rows"),
        pytest.param([1, 2], id="one row"),
        pytest.param({"input": [[1, 2]]}, id="by name"),
        pytest.param({"instances": [[1, 2]]}, id="instances"),
        pytest.param({"columns": [0, 1], "data": [[1, 2]]}, id="MLflow without names"),
    ],
)
def test_rows_without_names_are_a_matrix(tmp_path: Path, document: Any) -> None:
    (tmp_path / "example.json").write_text(json.dumps(document))

    assert example_in(tmp_path, MATRIX)["input"].tolist() == [[1, 2]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "3",
        "[]",
        '[{"age": 1}, {"city": 2}]',
        '{"inputs": [{"name": "a", "data": [1]}]}',
        "[[1], [2, 3]]",
    ],
)
def test_an_invalid_example_is_reported_with_its_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "example.json").write_text(text)

    with pytest.raises(ExampleFailed, match=r"example\.json is not a valid example"):
        example_in(tmp_path, TABLE)


def test_an_example_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "example.json").open("wb") as file:
        file.truncate(LARGEST + 1)

    with pytest.raises(ExampleFailed, match="larger than 16 MiB"):
        example_in(tmp_path, TABLE)


def test_without_an_example_file_the_example_is_zeros_and_first_categories(tmp_path: Path) -> None:
    signature = Signature(
        inputs=(
            TensorSpec("n", "FP32", (-1, 3)),
            TensorSpec("t", "BYTES", (-1,), ("eu", "us")),
            TensorSpec("u", "BYTES", (-1,)),
        ),
        outputs=(),
    )
    found = example_in(tmp_path, signature)

    assert found["n"].tolist() == [[0, 0, 0]]
    assert found["n"].dtype == "float32"
    assert [found["t"].tolist(), found["u"].tolist()] == [["eu"], [""]]


def test_the_example_refines_which_columns_are_strings(tmp_path: Path) -> None:
    (tmp_path / "example.json").write_text(json.dumps(EXPECTED))
    refined = TABLE.refined_by(example_in(tmp_path, TABLE))

    assert [spec.datatype for spec in refined.inputs] == ["FP64", "BYTES"]


@pytest.mark.parametrize(
    ("column", "datatype", "values"),
    [
        pytest.param([30, 40], "FP64", [30, 40], id="integers"),
        pytest.param([30, None], "FP64", [30, None], id="a missing number leaves numbers"),
        pytest.param([None, None], "FP64", [None, None], id="nothing but missing ones"),
        pytest.param(["a", None], "BYTES", ["a", None], id="a missing text leaves texts"),
        pytest.param(["1", 2], "BYTES", ["1", 2], id="a number among texts stays one"),
        pytest.param([True, False], "FP64", [True, False], id="truths"),
    ],
)
def test_a_column_is_a_string_column_only_with_a_string_in_it(
    tmp_path: Path, column: list[Any], datatype: str, values: list[Any]
) -> None:
    (tmp_path / "example.json").write_text(json.dumps({"age": column, "city": [1, 2]}))
    found = example_in(tmp_path, TABLE)

    assert TABLE.refined_by(found).inputs[0].datatype == datatype
    assert [None if str(value) == "nan" else value for value in found["age"].tolist()] == values


@pytest.mark.parametrize(
    "text", ['{"age": [{"x": 1}], "city": [1]}', '{"age": [[1], [2, 3]], "city": [1]}', "[" * 100_000]
)
def test_invalid_values_are_reported_with_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "example.json").write_text(text)

    with pytest.raises(ExampleFailed, match=r"example\.json is not a valid example"):
        example_in(tmp_path, TABLE)


def test_of_several_example_files_the_first_name_is_used(tmp_path: Path) -> None:
    for place, name in enumerate(FILES):
        (tmp_path / name).write_text(json.dumps({"age": [place], "city": [place]}))

    assert example_in(tmp_path, TABLE)["age"].tolist() == [0]


@pytest.mark.parametrize(
    ("places", "found"),
    [
        pytest.param(["a/b/example.json", "a/example.json", "example.json"], 0, id="beside the model"),
        pytest.param(["a/b/serving_input_example.json", "a/example.json"], 0, id="nearer, by another name"),
        pytest.param(["example.json", "a/c/example.json", "a/b/c/example.json"], 0, id="at the top"),
    ],
)
def test_the_example_file_nearest_to_the_model_is_used(tmp_path: Path, places: list[str], found: int) -> None:
    for number, place in enumerate(places):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(json.dumps({"age": [number], "city": [number]}))
    inputs = formats.example(tmp_path / "a" / "b" / "model.skops", TABLE, within=tmp_path)

    assert inputs["age"].tolist() == [found]


def test_a_file_above_the_source_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "example.json").write_text(json.dumps({"age": [7], "city": [7]}))
    inputs = formats.example(tmp_path / "source" / "model.skops", TABLE, within=tmp_path / "source")

    assert inputs["age"].tolist() == [0]


def test_a_column_named_inputs_is_a_column(tmp_path: Path) -> None:
    signature = Signature((TensorSpec("inputs", "FP64", (-1,)),), (), columns=("inputs",))
    (tmp_path / "example.json").write_text('{"inputs": [1, 2]}')

    assert example_in(tmp_path, signature)["inputs"].tolist() == [1, 2]


def test_every_model_type_predicts_from_a_synthetic_example() -> None:
    inputs = tuple(TensorSpec(name, name, (-1, 2)) for name in DATATYPES)
    made = synthetic_example(Signature(inputs, ()))

    for spec in inputs:
        assert (made[spec.name].dtype, made[spec.name].shape) == (spec.dtype, (1, 2))


def test_a_synthetic_example_uses_a_known_category() -> None:
    signature = Signature((TensorSpec("grade", "INT64", (-1,), ("3", "4")),), ())

    assert synthetic_example(signature)["grade"].tolist() == [3]
