"""ONNX graphs, which onnxruntime runs."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from model_runtime.failures import LoadFailed
from model_runtime.formats import versions
from model_runtime.formats.base import Array, InputMismatch, InputRejected, Tensors
from model_runtime.formats.signature import Missing, Signature, TensorSpec, name_list, shape_text

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
_INPUT_ERRORS: Final = frozenset({"Fail", "InvalidArgument", "RuntimeException"})
_MAPS: Final = re.compile(r"seq\(map\((?:int64|string),tensor\((float|double)\)\)\)")


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """One graph in an onnxruntime session."""

    session: Any
    signature: Signature

    def predict(self, inputs: Tensors, /, *, wanted: frozenset[str] | None = None) -> Tensors:
        """Return the outputs of the graph by name."""
        arrays = {spec.name: _array_for(spec, inputs) for spec in self.signature.inputs}
        for name in inputs:
            if name not in arrays:
                raise InputMismatch(name, f"expected one of the inputs {name_list(tuple(arrays))}")
        specs = [spec for spec in self.signature.outputs if wanted is None or spec.name in wanted]
        try:
            results = self.session.run([spec.name for spec in specs], arrays)
        except Exception as error:  # onnxruntime's errors share no base class of their own
            if reason := _input_error(error):
                raise InputRejected(reason) from error
            raise
        return {spec.name: _array(result, spec) for spec, result in zip(specs, results, strict=True)}


def load(path: Path) -> OnnxModel:
    """Load the graph in the file; `LoadFailed` when onnxruntime cannot, or when it has inputs that are not tensors."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # it raises the errors that it logs
    options.intra_op_num_threads = _threads(os.environ.get("OMP_NUM_THREADS", ""))
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no base class of their own
        raise LoadFailed(
            f"{path.name} cannot be loaded by onnxruntime {versions.installed('onnxruntime')}: {_first_line(error)}"
        ) from error
    inputs = tuple(_input(node, path) for node in session.get_inputs())
    if not inputs:
        raise LoadFailed(f"{path.name} has no input: it cannot predict.")
    outputs = tuple(_output(node, path) for node in session.get_outputs())
    return OnnxModel(session, Signature(inputs, outputs, open_types=False))


def _threads(variable: str) -> int:
    """Return as many threads as other numeric libraries use; 0 lets onnxruntime count the cores of the whole node."""
    return int(variable) if variable.isdigit() else 0


def _input(node: Any, path: Path) -> TensorSpec:
    if node.type not in ELEMENTS:
        raise LoadFailed(f"{path.name}: input {node.name} has type {node.type}; only tensors can be served.")
    datatype = ELEMENTS[node.type]
    missing = Missing.REFUSED if datatype == "BYTES" else Missing.DEFAULT
    return TensorSpec(str(node.name), datatype, _shape(node.shape), missing=missing)


def _output(node: Any, path: Path) -> TensorSpec:
    if maps := _MAPS.fullmatch(node.type):
        return TensorSpec(str(node.name), "FP64" if maps.group(1) == "double" else "FP32", (-1, -1))
    if node.type not in ELEMENTS:
        raise LoadFailed(f"{path.name}: output {node.name} has type {node.type}; only tensors can be served.")
    return TensorSpec(str(node.name), ELEMENTS[node.type], _shape(node.shape))


def _shape(shape: Any) -> tuple[int, ...]:
    return tuple(length if isinstance(length, int) and length > 0 else -1 for length in shape)


def _array_for(spec: TensorSpec, inputs: Tensors) -> Array:
    if spec.name not in inputs:
        raise InputMismatch(spec.name, "this input is missing")
    array = np.asarray(inputs[spec.name])
    if array.ndim == 1 and len(spec.shape) == 2 and spec.shape[1] in (1, -1):
        array = array.reshape(-1, 1)
    fits = array.ndim == len(spec.shape) and all(
        expected in (-1, actual) for expected, actual in zip(spec.shape, array.shape, strict=True)
    )
    if not fits and spec.shape:
        raise InputMismatch(
            spec.name, f"expected shape {shape_text(spec.shape)}, got {shape_text(array.shape)}"
        )
    if spec.datatype == "BYTES" and any(text is None for text in array.flat):
        raise InputMismatch(spec.name, "expected a string, got null")
    return array.astype(spec.dtype, copy=False)


def _input_error(error: Exception) -> str:
    """Return why a node of the graph rejects the input; empty when the graph or the machine causes the error."""
    reason = str(error).partition("Status Message: ")[2] or _first_line(error)
    of_input = type(error).__name__ in _INPUT_ERRORS and not re.search("alloc|arena", reason, re.IGNORECASE)
    node = re.search(r"while running (\w+) node", str(error))
    return f"{node.group(1) if node else 'the graph'}: {_without_source(reason)}" if of_input else ""


def _without_source(reason: str) -> str:
    """Return the first line without the C++ source location at its beginning."""
    first = reason.splitlines()[0]
    return re.sub(r"^\S+\.(?:h|cc|cpp):\d+ (?:.*?\) )?", "", first)[:300]


def _array(result: Any, spec: TensorSpec) -> Array:
    if isinstance(result, list) and result and isinstance(result[0], dict):
        return np.array([list(row.values()) for row in result], dtype=spec.dtype)
    return np.asarray(result)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:400]
