"""`/predict`: requests with the names of the model's columns."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from model_runtime.formats import Signature
from model_runtime.server.errors import InvalidInput
from model_runtime.server.protocols.predict import Form, PredictProtocol
from tests.unit.runtime.server import models

ADA = {"age": 31, "plan": "gold", "calls": 3}
BOB = {"age": 61.5, "plan": "free", "calls": 0}
PIXELS = {"image": [[1, 2], [3, 4]], "scale": 1}


def question(signature: Signature, document: Any) -> Any:
    return PredictProtocol(signature).decode(json.dumps(document).encode())


def answered(model: models.Fake, document: Any) -> Any:
    words = PredictProtocol(model.signature)
    asked = words.decode(json.dumps(document).encode())
    return json.loads(words.encode(asked, model.predict(asked.inputs)))


class TestForms:
    @pytest.mark.parametrize(
        ("document", "form"),
        [
            pytest.param({"records": [ADA, BOB]}, Form.RECORDS, id="records in their envelope"),
            pytest.param([ADA, BOB], Form.RECORDS, id="a bare list of objects are records"),
            pytest.param(ADA, Form.RECORDS, id="one bare object is one record"),
            pytest.param(
                {"columns": {"age": [31], "plan": ["gold"], "calls": [3]}}, Form.COLUMNS, id="columns"
            ),
            pytest.param({"age": [31], "plan": ["gold"], "calls": [3]}, Form.COLUMNS, id="bare columns"),
            pytest.param(
                {"instances": [[31, "gold", 3]]}, Form.INSTANCES, id="instances in the columns' order"
            ),
            pytest.param([[31, "gold", 3]], Form.INSTANCES, id="a bare list of lists are instances"),
        ],
    )
    def test_a_table_has_three_forms(self, document: Any, form: Form) -> None:
        asked = question(models.CHURN, document)
        assert asked.form is form
        assert asked.inputs["age"][0] == 31.0
        assert asked.inputs["age"].dtype == np.float64
        assert asked.inputs["plan"].tolist()[0] == "gold"
        assert asked.inputs["calls"].dtype == np.int64

    def test_a_column_named_records_is_a_column(self) -> None:
        spec = models.NUMBERS.inputs[0]
        signature = Signature((type(spec)("records", "FP64", (-1,)),), models.NUMBERS.outputs, ("records",))
        assert question(signature, {"records": [1, 2]}).form is Form.COLUMNS

    def test_numeric_records_are_decoded_as_one_matrix(self) -> None:
        inputs = question(models.NUMBERS, [{"b": 2, "a": 1}, {"a": 3, "b": 4.5}]).inputs
        assert [array.tolist() for array in inputs.values()] == [[[1.0, 2.0], [3.0, 4.5]]]

    def test_a_missing_number_is_null_and_becomes_nan(self) -> None:
        inputs = question(models.NUMBERS, [{"a": None, "b": 4}]).inputs
        assert np.isnan(inputs["a"][0])
        assert inputs["b"].tolist() == [4.0]

    def test_instances_of_a_model_without_column_names_are_its_matrix(self) -> None:
        inputs = question(models.MATRIX, {"instances": [[1, 2, 3]]}).inputs
        assert inputs["input"].dtype == np.float32
        assert inputs["input"].tolist() == [[1.0, 2.0, 3.0]]

    def test_records_of_tensors_are_stacked(self) -> None:
        inputs = question(models.TENSORS, [{"image": [[1, 2], [3, 4]], "scale": 0.5}]).inputs
        assert inputs["image"].shape == (1, 2, 2)
        assert inputs["scale"].shape == (1, 1)


class TestResponses:
    def test_records_get_records(self) -> None:
        assert answered(models.churn(), {"records": [ADA, BOB]}) == {
            "predictions": [
                {"prediction": "no", "probabilities": {"no": 0.75, "yes": 0.25}},
                {"prediction": "yes", "probabilities": {"no": 0.25, "yes": 0.75}},
            ]
        }

    def test_columns_get_columns(self) -> None:
        document = {"columns": {"age": [31, 61], "plan": ["gold", "free"], "calls": [3, 0]}}
        assert answered(models.churn(), document) == {
            "predictions": {
                "prediction": ["no", "yes"],
                "probabilities": {"no": [0.75, 0.25], "yes": [0.25, 0.75]},
            }
        }

    def test_instances_get_lists(self) -> None:
        assert answered(models.churn(), [[31, "gold", 3]]) == {
            "predictions": ["no"],
            "probabilities": [[0.75, 0.25]],
            "classes": ["no", "yes"],
        }

    def test_outputs_keep_their_names(self) -> None:
        document = {"columns": {"image": [[[1, 2], [3, 4]]], "scale": [2]}}
        assert answered(models.tensors(), document) == {"predictions": {"sum": [20.0], "max": [4]}}

    def test_a_number_that_json_cannot_express_is_null(self) -> None:
        words = PredictProtocol(models.NUMBERS)
        asked = words.decode(b"[[1, 2]]")
        assert words.encode(asked, {"prediction": np.array([np.inf])}) == b'{"predictions":[null]}'


def refusal_of(signature: Signature, document: Any) -> str:
    """Return the sentence of the validation error."""
    with pytest.raises(InvalidInput) as refused:
        question(signature, document)
    return str(refused.value)


class TestInvalidInput:
    @pytest.mark.parametrize(
        ("document", "sentence"),
        [
            pytest.param(
                [], "instances: expected a list of at least one row, got an empty list", id="nothing"
            ),
            pytest.param(7, "expected a JSON object or list, got 7", id="a number"),
            pytest.param(
                [{"age": 31, "calls": 3}],
                "records[0].plan: expected a string, got nothing",
                id="a field is missing",
            ),
            pytest.param(
                [ADA | {"vip": 1}],
                "records[0]: expected the fields age, plan, calls, got the field 'vip'",
                id="a field is unknown",
            ),
            pytest.param(
                [ADA, BOB | {"age": "old"}],
                "records[1].age: expected a number (FP64), got the string 'old'",
                id="a text for a number, in its row",
            ),
            pytest.param(
                [ADA | {"age": "31"}],
                "records[0].age: expected a number (FP64), got the string '31'",
                id="a number in quotes is a text",
            ),
            pytest.param(
                [ADA | {"calls": 1.5}],
                "records[0].calls: expected an integer (INT64), got 1.5",
                id="half a call",
            ),
            pytest.param(
                [ADA | {"calls": None}],
                "records[0].calls: expected an integer (INT64), got null",
                id="null",
            ),
            pytest.param(
                [ADA | {"plan": 4}], "records[0].plan: expected a string, got 4", id="a number for a text"
            ),
            pytest.param(
                [ADA | {"age": {"years": 3}}],
                "records[0].age: expected a number (FP64), got an object with 1 fields",
                id="an object for a number",
            ),
            pytest.param([ADA, 3], "records[1]: expected an object, got 3", id="records of two kinds"),
            pytest.param(
                {"columns": {"age": [1], "plan": "gold", "calls": [1]}},
                "columns.plan: expected a list of values, got the string 'gold'",
                id="a value for a column",
            ),
            pytest.param(
                {"columns": {"age": [1]}},
                "columns.plan: expected a string, got nothing",
                id="a column is missing",
            ),
            pytest.param(
                [[1, "gold"]], "instances[0]: expected a list of 3 values, got a list of 2", id="too short"
            ),
            pytest.param(
                [ADA | {"calls": 10**30}],
                "records[0].calls: expected an integer (INT64), got 1" + "0" * 30 + "",
                id="an integer beyond 64 bits",
            ),
        ],
    )
    def test_the_error_has_field_expected_and_got(self, document: Any, sentence: str) -> None:
        assert refusal_of(models.CHURN, document) == sentence

    @pytest.mark.parametrize(
        ("document", "sentence"),
        [
            (
                {"instances": [[1, 2, 3]], "parameters": {}},
                "parameters: expected no other field beside 'instances', got this field",
            ),
            (
                {"records": [{}], "instances": [[1]]},
                "instances: expected no other field beside 'records', got this field",
            ),
            ({"foo": 1}, "expected an object with instances, got the field 'foo'"),
            ({"age": [31]}, "expected an object with instances, got the field 'age'"),
            ({}, "expected an object with instances, got an empty object"),
        ],
    )
    def test_a_model_without_column_names_requires_instances(self, document: Any, sentence: str) -> None:
        assert refusal_of(models.MATRIX, document) == sentence

    @pytest.mark.parametrize(
        ("signature", "document", "field"),
        [
            pytest.param(
                models.CHURN, [[31, "gold", 3], [61, "free", 0.5]], "instances[1].calls", id="in a row"
            ),
            pytest.param(models.CHURN, [ADA, BOB | {"age": [3]}], "records[1].age", id="a list for a value"),
            pytest.param(
                models.CHURN, [ADA | {"age": [3]}, BOB], "records[1].age", id="a value after a list"
            ),
            pytest.param(
                models.TENSORS,
                {"records": [PIXELS, PIXELS | {"image": [[1, 2], [3, "x"]]}]},
                "records[1].image[1][1]",
                id="deep in a list of a record",
            ),
            pytest.param(
                models.TENSORS,
                {"records": [PIXELS, PIXELS, PIXELS | {"image": [[1, 2], [3, 256]]}]},
                "records[2].image[1][1]",
                id="beyond the type, deep in a list of a record",
            ),
            pytest.param(
                models.TENSORS,
                {"records": [PIXELS, PIXELS | {"image": [[1, 2], [3]]}]},
                "records[1].image[1]",
                id="an uneven list in a record",
            ),
            pytest.param(
                models.TENSORS,
                {"columns": {"image": [[[1, 2], [3, "x"]]], "scale": [1]}},
                "columns.image[0][1][1]",
                id="deep in a column",
            ),
            pytest.param(
                models.TENSORS,
                {"records": [PIXELS | {"image": [[1, 2, 3]]}]},
                "records[*].image",
                id="the shape of all",
            ),
        ],
    )
    def test_the_field_is_the_path_of_the_value_in_the_request(
        self, signature: Signature, document: Any, field: str
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            question(signature, document)
        assert refused.value.field == field

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 10_000, b'{"a": tru}'])
    def test_a_body_that_is_not_json_is_rejected(self, body: bytes) -> None:
        with pytest.raises(InvalidInput, match="expected a JSON document"):
            PredictProtocol(models.CHURN).decode(body)

    def test_rows_of_the_wrong_width_are_rejected_with_both_shapes(self) -> None:
        with pytest.raises(InvalidInput, match=r"shape \[any, 3\], got shape \[1, 2\]"):
            question(models.MATRIX, [[1, 2]])

    def test_uneven_rows_are_rejected_with_their_path(self) -> None:
        with pytest.raises(InvalidInput, match=r"instances\[1\]: expected a list of 3, got a list of 2"):
            question(models.MATRIX, [[1, 2, 3], [1, 2]])

    def test_a_number_beyond_the_type_is_rejected_instead_of_becoming_infinite(self) -> None:
        with pytest.raises(
            InvalidInput, match=r"instances\[0\]\[1\]: expected a number \(FP32\), got 1e\+300"
        ):
            question(models.MATRIX, [[1, 1e300, 3]])

    def test_a_pixel_beyond_its_byte_is_rejected_instead_of_wrapping_around(self) -> None:
        with pytest.raises(InvalidInput, match="an integer of at least 0 \\(UINT8\\), got 300"):
            question(models.TENSORS, [{"image": [[1, 300], [3, 4]], "scale": 1}])

    def test_a_quoted_value_is_truncated(self) -> None:
        with pytest.raises(InvalidInput) as refused:
            question(models.CHURN, [ADA | {"age": "x" * 10_000}])
        assert len(str(refused.value)) < 200
