"""ONNX graphs with several inputs and outputs, strings and scalars, and the inputs that they reject."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from model_runtime import formats
from model_runtime.failures import LoadFailed
from model_runtime.formats import InputMismatch, TensorSpec
from model_runtime.formats.signature import Missing

FLOAT, INT64, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
tensor = helper.make_tensor_value_info


def stored(folder: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any]) -> Path:
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "m.onnx")
    return folder / "m.onnx"


def one(
    folder: Path, operation: str, inputs: dict[str, Any], *, to: Any = (FLOAT, None), **attributes: Any
) -> Any:
    """A graph of one node."""
    node = helper.make_node(operation, list(inputs), ["out"], **attributes)
    described = [tensor(name, kind, shape) for name, (kind, shape) in inputs.items()]
    return formats.load("onnx", stored(folder, [node], described, [tensor("out", *to)]))


def test_several_inputs_and_outputs_keep_their_names_types_and_shapes(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Add", ["left", "right"], ["sum"]),
        helper.make_node("ArgMax", ["sum"], ["best"], axis=1, keepdims=0),
    ]
    inputs = [tensor("left", FLOAT, ["n", 2]), tensor("right", FLOAT, ["n", 2])]
    outputs = [tensor("sum", FLOAT, ["n", 2]), tensor("best", INT64, ["n"])]
    model = formats.load("onnx", stored(tmp_path, nodes, inputs, outputs))

    assert model.signature.inputs == (
        TensorSpec("left", "FP32", (-1, 2)),
        TensorSpec("right", "FP32", (-1, 2)),
    )
    assert model.signature.outputs == (TensorSpec("sum", "FP32", (-1, 2)), TensorSpec("best", "INT64", (-1,)))
    fed = {"left": np.array([[1, 2]]), "right": np.array([[5, 0]])}
    assert {key: value.tolist() for key, value in model.predict(fed).items()} == {
        "sum": [[6, 2]],
        "best": [0],
    }
    assert list(model.predict(fed, wanted=frozenset({"best"}))) == ["best"]


@pytest.mark.parametrize(
    ("operation", "inputs", "fed", "said"),
    [
        pytest.param(
            "Add",
            {"a": (FLOAT, ["n", "m"]), "b": (FLOAT, ["n", "m"])},
            {"a": np.ones((2, 2)), "b": np.ones((3, 3))},
            "^Add: .*2 by 3",
            id="sizes that do not go together",
        ),
        pytest.param(
            "MatMul",
            {"a": (FLOAT, ["n", "m"]), "b": (FLOAT, ["m", "k"])},
            {"a": np.ones((2, 2)), "b": np.ones((3, 3))},
            "^MatMul: .*dimension mismatch",
            id="matrices that do not multiply",
        ),
        pytest.param(
            "Gather",
            {"a": (FLOAT, ["n"]), "b": (INT64, ["k"])},
            {"a": np.ones(3), "b": np.array([7])},
            "^Gather: .*idx=7",
            id="an index beyond the end",
        ),
        pytest.param(
            "Reshape",
            {"a": (FLOAT, ["n"]), "b": (INT64, ["k"])},
            {"a": np.ones(3), "b": np.array([2, 2])},
            r"^Reshape: .*requested shape:\{2,2\}",
            id="a shape for other sizes",
        ),
    ],
)
def test_an_error_of_a_node_is_an_input_error_without_the_source_location(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], operation: str, inputs: Any, fed: Any, said: str
) -> None:
    model = one(tmp_path, operation, inputs)
    with pytest.raises(ValueError, match=said) as refused:
        model.predict(fed)
    assert "onnxruntime" not in str(refused.value)
    assert ".h:" not in str(refused.value)
    assert capfd.readouterr().err == ""  # bad requests must not fill the log


def test_missing_memory_is_not_an_input_error(tmp_path: Path) -> None:
    model = one(tmp_path, "ConstantOfShape", {"a": (INT64, ["n"])})
    with pytest.raises(Exception, match=r"alloc|arena") as failed:
        model.predict({"a": np.array([1 << 44])})
    assert not isinstance(failed.value, ValueError)


class TestStrings:
    def test_strings_pass_through(self, tmp_path: Path) -> None:
        model = one(tmp_path, "Identity", {"a": (STRING, ["n"])}, to=(STRING, ["n"]))
        assert model.signature.inputs == (TensorSpec("a", "BYTES", (-1,), missing=Missing.REFUSED),)
        assert model.predict({"a": np.array(["ü", ""], dtype=object)})["out"].tolist() == ["ü", ""]

    def test_a_null_string_is_rejected_instead_of_becoming_none(self, tmp_path: Path) -> None:
        model = one(tmp_path, "Identity", {"a": (STRING, ["n"])}, to=(STRING, ["n"]))
        with pytest.raises(InputMismatch, match="a: expected a string, got null"):
            model.predict({"a": np.array(["x", None], dtype=object)})


class TestShapes:
    def test_a_scalar_is_a_scalar(self, tmp_path: Path) -> None:
        model = one(tmp_path, "Identity", {"a": (FLOAT, [])}, to=(FLOAT, []))
        assert model.signature.inputs == (TensorSpec("a", "FP32", ()),)
        assert model.predict({"a": np.array(2.0)})["out"].tolist() == 2.0

    @pytest.mark.parametrize("width", [1, None])
    def test_a_list_is_accepted_as_a_column(self, tmp_path: Path, width: int | None) -> None:
        model = one(tmp_path, "Identity", {"a": (FLOAT, ["n", width])})
        assert model.predict({"a": np.array([1.0, 2.0])})["out"].tolist() == [[1.0], [2.0]]

    @pytest.mark.parametrize("came", [(2, 3), (1, 2), (3,), (1, 3, 1), ()])
    def test_a_shape_mismatch_has_both_shapes(self, tmp_path: Path, came: tuple[int, ...]) -> None:
        model = one(tmp_path, "Identity", {"a": (FLOAT, [1, 3])})
        with pytest.raises(InputMismatch, match=r"a: expected shape \[1, 3\], got \[.*\]"):
            model.predict({"a": np.zeros(came)})

    def test_no_rows_get_no_predictions(self, tmp_path: Path) -> None:
        model = one(tmp_path, "Identity", {"a": (FLOAT, ["n", 3])})
        assert model.predict({"a": np.zeros((0, 3))})["out"].shape == (0, 3)


class TestRejectedGraphs:
    def test_a_graph_without_inputs(self, tmp_path: Path) -> None:
        node = helper.make_node("Constant", [], ["out"], value_float=1.0)
        path = stored(tmp_path, [node], [], [tensor("out", FLOAT, [])])
        with pytest.raises(LoadFailed, match=r"m\.onnx has no input"):
            formats.load("onnx", path)

    def test_an_output_of_an_unsupported_type(self, tmp_path: Path) -> None:
        node = helper.make_node("Cast", ["a"], ["out"], to=TensorProto.BFLOAT16)
        out = tensor("out", TensorProto.BFLOAT16, ["n"])
        with pytest.raises(LoadFailed, match=r"output out has type tensor\(bfloat16\)"):
            formats.load("onnx", stored(tmp_path, [node], [tensor("a", FLOAT, ["n"])], [out]))

    def test_a_sequence_of_tensors(self, tmp_path: Path) -> None:
        node = helper.make_node("SequenceConstruct", ["a"], ["out"])
        out = helper.make_tensor_sequence_value_info("out", FLOAT, None)
        with pytest.raises(LoadFailed, match=r"output out has type seq\(tensor\(float\)\); only tensors"):
            formats.load("onnx", stored(tmp_path, [node], [tensor("a", FLOAT, ["n"])], [out]))

    def test_an_operator_that_does_not_exist(self, tmp_path: Path) -> None:
        with pytest.raises(LoadFailed, match=r"m\.onnx cannot be loaded by onnxruntime \d"):
            one(tmp_path, "Teleport", {"a": (FLOAT, ["n"])})


@pytest.mark.parametrize(("said", "threads"), [("3", 3), ("", 0), ("4,2", 0)])
def test_a_graph_uses_as_many_threads_as_omp_num_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, threads: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    model = one(tmp_path, "Identity", {"a": (FLOAT, ["n"])})

    assert model.session.get_session_options().intra_op_num_threads == threads
