"""ONNX: each type of its tensors to the ends of its range, exact or a 400."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from model_runtime.formats.signature import DATATYPES
from tests.fidelity.asking import Asked

TYPES: dict[str, list[Any]] = {
    "BOOL": [True, False],
    "UINT8": [0, 255],
    "UINT16": [0, 65535],
    "UINT32": [0, 2**32 - 1],
    "UINT64": [0, 2**53 + 1, 2**64 - 1],
    "INT8": [-128, 127],
    "INT16": [-(2**15), 2**15 - 1],
    "INT32": [-(2**31), 2**31 - 1],
    "INT64": [-(2**63), 2**53 + 1, -(2**53) - 1, 2**63 - 1],
    "FP16": [0.5, -65504.0],
    "FP32": [0.1, 3.4e38, -1e-38],
    "FP64": [0.1, 1.7e308, 2**53, 5e-324],
    "BYTES": ["", "grün", "日本", "x" * 300],
}
REFUSED: dict[str, list[Any]] = {
    "BOOL": ["true", 2, None],
    "UINT8": [-1, 256, 1.5, "1", None],
    "UINT16": [-1, 65536],
    "UINT32": [-1, 2**32],
    "UINT64": [-1, 2**64, 1e19, float(2**53)],
    "INT8": [-129, 128],
    "INT16": [2**15],
    "INT32": [2**31, 0.5],
    "INT64": [2**63, -(2**63) - 1, float(2**53), 1e300, "7", None, [1]],
    "FP16": ["1", 1e6],
    "FP32": ["1", 1e39, 2**53 + 1],
    "FP64": ["1", 2**53 + 1, 10**400],
    "BYTES": [1, True, None, 0.5],
}
PROTO = {
    **{name: getattr(TensorProto, DATATYPES[name].upper()) for name in DATATYPES if name[0] in "UI"},
    "BOOL": TensorProto.BOOL,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}
FORMS = ("records", "columns", "instances", "v2 json", "v2 binary")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a session that returns its input, and its server, each made once."""

    @cache
    def _stored(datatype: str) -> tuple[Any, Asked]:
        folder: Path = tmp_path_factory.mktemp("model")
        spec = [
            helper.make_tensor_value_info(name, PROTO[datatype], ["rows"]) for name in ("x", "prediction")
        ]
        graph = helper.make_graph(
            [helper.make_node("Identity", ["x"], ["prediction"])], "g", spec[:1], spec[1:]
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, folder / "model.onnx")
        return onnxruntime.InferenceSession(str(folder / "model.onnx")), Asked(folder)

    return _stored


@pytest.mark.parametrize("way", FORMS)
@pytest.mark.parametrize("datatype", TYPES)
def test_each_value_of_a_type_arrives_as_it_was_sent(datatype: str, way: str, stored: Any) -> None:
    session, asked = stored(datatype)
    values = TYPES[datatype]
    array = np.array(values, dtype=DATATYPES[datatype])
    truth = session.run(None, {"x": array})[0].tolist()

    assert asked.answers(way, [{"x": value} for value in values]).predictions == truth
    assert [asked.answers(way, [{"x": value}]).predictions[0] for value in values] == truth


@pytest.mark.parametrize("way", ["records", "columns", "instances", "v2 json"])
@pytest.mark.parametrize("datatype", TYPES)
def test_a_value_that_the_type_cannot_hold_is_a_400(datatype: str, way: str, stored: Any) -> None:
    _session, asked = stored(datatype)
    for value in REFUSED[datatype]:
        if isinstance(value, list) and way == "v2 json":
            continue  # V2 allows nested lists
        answers = asked.answers(way, [{"x": TYPES[datatype][0]}, {"x": value}])
        assert answers.status == 400, (value, answers)
        assert answers.error.split(":")[0].startswith(("x", "columns.x", "instances", "records"))
