"""An input that the model should be able to answer: its own example, or one made from its signature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from model_runtime import failures
from model_runtime.failures import ExampleFailed
from model_runtime.formats.base import Array, InputInvalid, Tensors
from model_runtime.formats.signature import Signature, TensorSpec

FILES: Final = ("example.json", "input_example.json", "serving_input_example.json")
LARGEST: Final = 16 << 20


def example(model: Path, signature: Signature, *, within: Path) -> Tensors:
    """The inputs of the model's own example file; without one zeros, of columns that were encoded the first category.

    The file lies beside the model, or in a folder above it up to `within`, that of the source; the nearest counts.
    It holds records `[{"a": 1}]`, columns `{"a": [1]}`, rows `[[1, 2]]`, V2's `{"inputs": […]}` or
    MLflow's `{"columns": …, "data": …}`. `ExampleFailed` says what cannot be read in it.
    """
    folders = [folder for folder in model.parents if folder.is_relative_to(within)]
    own = next((folder / name for folder in folders for name in FILES if (folder / name).is_file()), None)
    return synthesised(signature) if own is None else _read(own, signature)


def synthesised(signature: Signature) -> Tensors:
    """One row that has the right shape and types; it need not make sense."""
    return {spec.name: _neutral(spec) for spec in signature.inputs}


def example_failure(error: BaseException) -> ExampleFailed:
    """The failure of a model that raised `error` on its example, whatever it was."""
    words = str(error)[:240].rstrip(".") if isinstance(error, InputInvalid) else failures.summary(error)
    return ExampleFailed(
        f"the model does not answer its example: {words}. Put inputs that it answers into {FILES[0]} beside the model."
    )


def _neutral(spec: TensorSpec) -> Array:
    shape = tuple(1 if length < 0 else length for length in spec.shape)
    if spec.datatype == "BYTES":
        return np.full(shape, spec.categories[0] if spec.categories else "", dtype=object)
    return np.full(shape, float(spec.categories[0]) if spec.categories else 0, dtype=spec.dtype)


def _read(path: Path, signature: Signature) -> Tensors:
    if path.stat().st_size > LARGEST:
        raise ExampleFailed(f"{path.name} is larger than {LARGEST >> 20} MiB: a few rows are enough.")
    try:
        return tensors(json.loads(path.read_text()), signature)
    except MemoryError:
        raise
    except Exception as error:  # it may hold anything, and numpy has an error for each of them
        raise _no_example(path, error) from error


def _no_example(path: Path, error: Exception) -> ExampleFailed:
    match error:
        case RecursionError():
            why = "it is nested too deeply"
        case ValueError():
            why = str(error)[:240]
        case _:
            why = failures.summary(error)
    return ExampleFailed(f"{path.name} is no example of the model's input: {why}.")


def tensors(raw: Any, signature: Signature) -> Tensors:
    """The inputs in a document of any of the forms that `example` names; `ValueError` when it is none."""
    for key in ("inputs", "dataframe_split", "dataframe_records", "instances"):
        if isinstance(raw, dict) and key in raw and key not in signature.columns:
            return _v2(raw[key]) if _is_v2(raw[key]) else tensors(raw[key], signature)
    if isinstance(raw, dict) and "data" in raw and set(raw) <= {"columns", "data", "index"}:
        return _split(raw, signature)
    if isinstance(raw, list) and raw and isinstance(raw[0], dict):
        return {name: _array([row[name] for row in raw]) for name in raw[0]}
    if isinstance(raw, dict):
        return {name: _array(value if isinstance(value, list) else [value]) for name, value in raw.items()}
    return _rows(raw, signature)


def _is_v2(raw: Any) -> bool:
    return (
        isinstance(raw, list) and bool(raw) and isinstance(raw[0], dict) and {"name", "data"} <= set(raw[0])
    )


def _v2(raw: list[dict[str, Any]]) -> Tensors:
    return {item["name"]: _array(item["data"]).reshape(item["shape"]) for item in raw}


def _split(raw: dict[str, Any], signature: Signature) -> Tensors:
    names = raw.get("columns") or signature.columns
    if not names or list(names) == list(range(len(names))):
        return _rows(raw["data"], signature)
    return {name: _array([row[index] for row in raw["data"]]) for index, name in enumerate(names)}


def _rows(raw: Any, signature: Signature) -> Tensors:
    if not isinstance(raw, list) or not raw:
        raise ValueError("an example is a list of rows or an object of columns")
    if len(signature.columns) > 0 and isinstance(raw[0], list):
        if any(len(row) != len(signature.columns) for row in raw):
            raise ValueError(
                f"a row has {len(signature.columns)} values: {', '.join(signature.columns)[:200]}"
            )
        return {name: _array([row[index] for row in raw]) for index, name in enumerate(signature.columns)}
    spec = signature.inputs[0]
    flat = not isinstance(raw[0], list) and len(spec.shape) == 2
    return {spec.name: _array([raw] if flat else raw, spec)}


def _array(values: Any, spec: TensorSpec | None = None) -> Array:
    """The values in the type they have in common; a missing one among numbers is NaN, texts stay what they are."""
    array = np.asarray(values, dtype=object)
    if any(isinstance(value, str) for value in array.flat):
        return array
    if any(isinstance(value, dict | list) for value in array.flat):
        raise ValueError("a value is a number, a text, true, false or null")
    missing = any(value is None for value in array.flat)
    kind = np.float64 if missing else None
    numbers = np.asarray(array.tolist(), dtype=kind)
    return numbers if spec is None else numbers.astype(spec.dtype)
