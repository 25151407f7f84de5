"""ONNX graphs, run by onnxruntime."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from model_runtime.failures import LoadFailed
from model_runtime.formats import versions
from model_runtime.formats.base import Array, InputInvalid, Tensors
from model_runtime.formats.signature import Signature, TensorSpec, listed, sizes

ELEMENTS: Final = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}
_REFUSALS: Final = frozenset({"Fail", "InvalidArgument", "RuntimeException"})
_MAPS: Final = re.compile(r"seq\(map\((?:int64|string),tensor\((float|double)\)\)\)")


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """A session over one graph."""

    session: Any
    signature: Signature

    def predict(self, inputs: Tensors, /, *, wanted: frozenset[str] | None = None) -> Tensors:
        """The graph's outputs by their own names."""
        fed = {spec.name: _fitting(spec, inputs) for spec in self.signature.inputs}
        for name in inputs:
            if name not in fed:
                raise InputInvalid(name, f"the model has no such input; it has {listed(tuple(fed))}")
        specs = [spec for spec in self.signature.outputs if wanted is None or spec.name in wanted]
        try:
            answers = self.session.run([spec.name for spec in specs], fed)
        except Exception as error:  # onnxruntime's errors share no base class of their own
            if refused := _refused(error):
                raise ValueError(refused) from error
            raise
        return {spec.name: _array(answer, spec) for spec, answer in zip(specs, answers, strict=True)}


def load(path: Path) -> OnnxModel:
    """The graph in the file; `LoadFailed` when onnxruntime refuses it or it takes what is no tensor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what it says as an error it raises as well
    options.intra_op_num_threads = _threads(os.environ.get("OMP_NUM_THREADS", ""))
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no base class of their own
        raise LoadFailed(
            f"{path.name} cannot be loaded by onnxruntime {versions.present('onnxruntime')}: {_first(error)}"
        ) from error
    inputs = tuple(_input(node, path) for node in session.get_inputs())
    if not inputs:
        raise LoadFailed(f"{path.name} takes no input: there is nothing to predict from.")
    return OnnxModel(session, Signature(inputs, tuple(_output(node, path) for node in session.get_outputs())))


def _threads(said: str) -> int:
    """As many as other numeric libraries are told to use; 0 lets onnxruntime count the cores of the whole node."""
    return int(said) if said.isdigit() else 0


def _input(node: Any, path: Path) -> TensorSpec:
    if node.type not in ELEMENTS:
        raise LoadFailed(f"{path.name}: input {node.name} is a {node.type}; only tensors can be served.")
    return TensorSpec(str(node.name), ELEMENTS[node.type], _shape(node.shape))


def _output(node: Any, path: Path) -> TensorSpec:
    if maps := _MAPS.fullmatch(node.type):
        return TensorSpec(str(node.name), "FP64" if maps.group(1) == "double" else "FP32", (-1, -1))
    if node.type not in ELEMENTS:
        raise LoadFailed(f"{path.name}: output {node.name} is a {node.type}; only tensors can be served.")
    return TensorSpec(str(node.name), ELEMENTS[node.type], _shape(node.shape))


def _shape(shape: Any) -> tuple[int, ...]:
    return tuple(length if isinstance(length, int) and length > 0 else -1 for length in shape)


def _fitting(spec: TensorSpec, inputs: Tensors) -> Array:
    if spec.name not in inputs:
        raise InputInvalid(spec.name, "this input is missing")
    array = np.asarray(inputs[spec.name])
    if array.ndim == 1 and len(spec.shape) == 2 and spec.shape[1] in (1, -1):
        array = array.reshape(-1, 1)
    fits = array.ndim == len(spec.shape) and all(
        want in (-1, have) for want, have in zip(spec.shape, array.shape, strict=True)
    )
    if not fits and spec.shape:
        raise InputInvalid(spec.name, f"the model expects {sizes(spec.shape)}; {sizes(array.shape)} came")
    if spec.datatype == "BYTES" and any(text is None for text in array.flat):
        raise InputInvalid(spec.name, "a text is missing; the model has no word for that")
    return array.astype(spec.dtype, copy=False)


def _refused(error: Exception) -> str:
    """What a node of the graph dislikes about what came, or nothing: then it is the graph's or the machine's fault."""
    said = str(error).partition("Status Message: ")[2] or _first(error)
    mine = type(error).__name__ in _REFUSALS and not re.search("alloc|arena", said, re.IGNORECASE)
    node = re.search(r"while running (\w+) node", str(error))
    return f"{node.group(1) if node else 'the graph'}: {_without_source(said)}" if mine else ""


def _without_source(said: str) -> str:
    """The sentence without the line of C++ that it begins with."""
    first = said.splitlines()[0]
    return re.sub(r"^\S+\.(?:h|cc|cpp):\d+ (?:.*?\) )?", "", first)[:300]


def _array(answer: Any, spec: TensorSpec) -> Array:
    if isinstance(answer, list) and answer and isinstance(answer[0], dict):
        return np.array([list(row.values()) for row in answer], dtype=spec.dtype)
    return np.asarray(answer)


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:400]
