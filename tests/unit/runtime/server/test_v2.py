"""The Open Inference Protocol V2, in JSON and as bytes."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest

from model_runtime.server.errors import InvalidInput
from model_runtime.server.protocols import v2_binary
from model_runtime.server.protocols.v2 import V2Protocol
from tests.unit.runtime.server import models

AGE = {"name": "age", "shape": [2], "datatype": "FP64", "data": [31, 61]}
PLAN = {"name": "plan", "shape": [2], "datatype": "BYTES", "data": ["gold", "free"]}
CALLS = {"name": "calls", "shape": [2, 1], "datatype": "INT64", "data": [3, 0]}


def churn() -> V2Protocol:
    return V2Protocol(models.CHURN, name="churn", version="v7")


def framed(head: Any, *tails: bytes) -> tuple[bytes, bytes]:
    """Return a binary body, and the header with the length of its JSON."""
    text = json.dumps(head).encode()
    return text + b"".join(tails), str(len(text)).encode()


def texts(*values: str) -> bytes:
    return b"".join(struct.pack("<I", len(value.encode())) + value.encode() for value in values)


def test_the_model_describes_its_tensors() -> None:
    metadata = churn().metadata()
    assert metadata["name"] == "churn"
    assert metadata["versions"] == ["v7"]
    assert metadata["inputs"][1] == {"name": "plan", "datatype": "BYTES", "shape": [-1]}
    assert metadata["outputs"][1] == {"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]}


def test_json_tensors_become_the_inputs_they_name() -> None:
    request = churn().decode(json.dumps({"id": "7", "inputs": [AGE, PLAN, CALLS]}).encode(), None)
    assert request.id == "7"
    assert request.rows == 2
    assert request.inputs["age"].tolist() == [31.0, 61.0]
    assert request.inputs["plan"].tolist() == ["gold", "free"]
    assert request.inputs["calls"].shape == (2, 1)


def test_nested_data_equals_flat_data() -> None:
    tensor = {"name": "input", "shape": [2, 3], "datatype": "FP32", "data": [[1, 2, 3], [4, 5, 6]]}
    request = V2Protocol(models.MATRIX, name="m", version="1").decode(
        json.dumps({"inputs": [tensor]}).encode(), None
    )
    assert request.inputs["input"].tolist() == [[1, 2, 3], [4, 5, 6]]


def test_all_columns_may_be_one_matrix_of_any_name() -> None:
    tensor = {"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}
    request = V2Protocol(models.NUMBERS, name="m", version="1").decode(
        json.dumps({"inputs": [tensor]}).encode(), None
    )
    assert models.sums().predict(request.inputs)["prediction"].tolist() == [3.0]


def test_the_response_has_model_version_id_and_outputs() -> None:
    protocol = churn()
    request = protocol.decode(json.dumps({"id": "7", "inputs": [AGE, PLAN, CALLS]}).encode(), None)
    reply = protocol.encode(request, models.churn().predict(request.inputs))
    assert reply.json_length is None
    assert json.loads(reply.body) == {
        "model_name": "churn",
        "model_version": "v7",
        "id": "7",
        "outputs": [
            {"name": "prediction", "datatype": "BYTES", "shape": [2], "data": ["no", "yes"]},
            {"name": "probabilities", "datatype": "FP64", "shape": [2, 2], "data": [0.75, 0.25, 0.25, 0.75]},
        ],
    }


def test_only_the_requested_outputs_are_returned() -> None:
    document = {"inputs": [AGE, PLAN, CALLS], "outputs": [{"name": "probabilities"}]}
    assert churn().decode(json.dumps(document).encode(), None).outputs == {"probabilities": False}


class TestBinary:
    def test_bytes_after_the_json_are_read_in_order(self) -> None:
        age = np.array([31.0, 61.0]).tobytes()
        plan = texts("gold", "frée")
        head = {
            "inputs": [
                {
                    "name": "age",
                    "shape": [2],
                    "datatype": "FP64",
                    "parameters": {"binary_data_size": len(age)},
                },
                {
                    "name": "plan",
                    "shape": [2],
                    "datatype": "BYTES",
                    "parameters": {"binary_data_size": len(plan)},
                },
                CALLS,
            ]
        }
        request = churn().decode(*framed(head, age, plan))
        assert request.inputs["age"].tolist() == [31.0, 61.0]
        assert request.inputs["plan"].tolist() == ["gold", "frée"]
        assert request.inputs["calls"].tolist() == [[3], [0]]

    def test_bytes_of_another_type_are_converted_when_no_value_changes(self) -> None:
        raw = np.array([[1, 2, 3]], dtype=np.int16).tobytes()
        head = {
            "name": "input",
            "shape": [1, 3],
            "datatype": "INT16",
            "parameters": {"binary_data_size": len(raw)},
        }
        protocol = V2Protocol(models.MATRIX, name="m", version="1")
        inputs = protocol.decode(*framed({"inputs": [head]}, raw)).inputs
        assert inputs["input"].dtype == np.float32
        assert inputs["input"].tolist() == [[1.0, 2.0, 3.0]]

    @pytest.mark.parametrize(
        "asked", [{"outputs": [{"name": "sum", "parameters": {"binary_data": True}}]}, {}]
    )
    def test_outputs_are_binary_when_requested(self, asked: dict[str, Any]) -> None:
        protocol = V2Protocol(models.TENSORS, name="m", version="1")
        image = {"name": "image", "shape": [1, 2, 2], "datatype": "UINT8", "data": [1, 2, 3, 4]}
        scale = {"name": "scale", "shape": [1, 1], "datatype": "FP32", "data": [0.5]}
        document = {"inputs": [image, scale], "parameters": {"binary_data_output": not asked}} | asked
        request = protocol.decode(json.dumps(document).encode(), None)
        reply = protocol.encode(request, models.tensors().predict(request.inputs))
        assert reply.json_length is not None
        head = json.loads(reply.body[: reply.json_length])
        first = head["outputs"][0]
        assert first == {
            "name": "sum",
            "datatype": "FP32",
            "shape": [1],
            "parameters": {"binary_data_size": 4},
        }
        assert np.frombuffer(reply.body[reply.json_length :][:4], np.float32).tolist() == [5.0]

    @pytest.mark.parametrize(
        "array",
        [
            pytest.param(np.arange(6, dtype=np.float32).reshape(2, 3), id="numbers"),
            pytest.param(np.array([True, False]), id="truths"),
            pytest.param(np.array(["a", "", "ü€"], dtype=object), id="texts"),
            pytest.param(np.zeros((0,), dtype=np.int64), id="nothing"),
        ],
    )
    def test_encoded_bytes_decode_to_the_same_values(self, array: Any) -> None:
        raw = v2_binary.encode(array)
        assert v2_binary.decode(memoryview(raw), array.dtype, field="x").tolist() == array.ravel().tolist()


class TestInvalidInput:
    @pytest.mark.parametrize(
        ("document", "sentence"),
        [
            pytest.param([], "expected a JSON object, got a list of 0", id="no object"),
            pytest.param({}, "inputs: expected a list of objects, got nothing", id="no inputs"),
            pytest.param({"inputs": []}, "inputs: expected at least one tensor, got none", id="empty inputs"),
            pytest.param({"inputs": [{}]}, "inputs[0].name: expected a string, got nothing", id="no name"),
            pytest.param(
                {"inputs": [AGE, AGE]},
                "inputs[1].name: expected each input once, got 'age' again",
                id="twice",
            ),
            pytest.param(
                {"inputs": [AGE | {"shape": [3]}]},
                "age.data: expected 3 values as in the shape, got 2",
                id="shape",
            ),
            pytest.param(
                {"inputs": [AGE | {"shape": [-2]}]},
                "age.shape[0]: expected a length, got -2",
                id="negative",
            ),
            pytest.param(
                {"inputs": [AGE | {"shape": None}]},
                "age.shape: expected a list of lengths, got null",
                id="no shape",
            ),
            pytest.param(
                {"inputs": [AGE | {"data": [1, "x"]}]},
                "age.data[1]: expected a number (FP64), got the string 'x'",
                id="text",
            ),
            pytest.param(
                {"inputs": [CALLS | {"data": [1.5, 2]}]},
                "calls.data[0]: expected an integer (INT64), got 1.5",
                id="half",
            ),
            pytest.param({"inputs": [AGE], "id": 3}, "id: expected a string, got 3", id="id"),
            pytest.param(
                {"inputs": [AGE], "outputs": [{"name": "x"}]},
                "outputs[0].name: expected one of prediction, probabilities, got the string 'x'",
                id="output",
            ),
            pytest.param(
                {"inputs": [AGE], "parameters": 3}, "parameters: expected an object, got 3", id="parameters"
            ),
            pytest.param(
                {"inputs": [AGE | {"parameters": {"binary_data_size": "3"}}]},
                "age.parameters.binary_data_size: expected a number of bytes, got the string '3'",
                id="size",
            ),
            pytest.param(
                {
                    "inputs": [
                        {
                            "name": "age",
                            "shape": [1],
                            "datatype": "FP64",
                            "parameters": {"binary_data_size": 8},
                        }
                    ]
                },
                "age: expected 8 bytes, got 0",
                id="missing bytes",
            ),
        ],
    )
    def test_the_error_has_field_expected_and_got(self, document: Any, sentence: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            churn().decode(json.dumps(document).encode(), None)
        assert str(refused.value) == sentence

    def test_an_unknown_datatype_is_rejected_with_the_known_ones(self) -> None:
        with pytest.raises(
            InvalidInput, match=r"age\.datatype: expected one of BOOL, UINT8.*, got the string 'FLOAT'"
        ):
            churn().decode(json.dumps({"inputs": [AGE | {"datatype": "FLOAT"}]}).encode(), None)

    @pytest.mark.parametrize("length", [b"x", b"-1", b"99999", b"9" * 40, b""])
    def test_a_json_length_beyond_the_body_is_rejected(self, length: bytes) -> None:
        with pytest.raises(InvalidInput, match="Inference-Header-Content-Length"):
            churn().decode(b"{}", length)

    def test_bytes_without_a_tensor_are_rejected(self) -> None:
        with pytest.raises(InvalidInput, match="expected 0 bytes after the JSON, got 4"):
            churn().decode(*framed({"inputs": [AGE]}, b"abcd"))

    @pytest.mark.parametrize("raw", [b"\x05\0\0\0ab", b"\x01\0", b"\x02\0\0\0\xff\xfe"])
    def test_truncated_and_invalid_strings_are_rejected(self, raw: bytes) -> None:
        plan = {
            "name": "plan",
            "shape": [1],
            "datatype": "BYTES",
            "parameters": {"binary_data_size": len(raw)},
        }
        with pytest.raises(InvalidInput, match="plan"):
            churn().decode(*framed({"inputs": [plan]}, raw))

    def test_bytes_that_are_not_a_multiple_of_the_type_are_rejected(self) -> None:
        age = {"name": "age", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": 7}}
        with pytest.raises(InvalidInput, match="age: expected a multiple of 8 bytes, got 7"):
            churn().decode(*framed({"inputs": [age]}, b"1234567"))
