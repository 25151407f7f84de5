"""An input that the model should be able to predict from: its own example, or one made from its signature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from model_runtime import failures
from model_runtime.failures import ExampleFailed
from model_runtime.formats import tabular
from model_runtime.formats.base import Array, Tensors
from model_runtime.formats.signature import DATE, DATE_TIME, Signature, TensorSpec

FILES: Final = ("example.json", "input_example.json", "serving_input_example.json")
LARGEST: Final = 16 << 20


def example(model: Path, signature: Signature, *, within: Path) -> Tensors:
    """Return the example file's values as JSON has them; without one zeros, or the first category of a column.

    The file is beside the model, or in a folder above it up to `within`, the source's; the nearest one is used.
    It contains records `[{"a": 1}]`, columns `{"a": [1]}`, rows `[[1, 2]]`, V2's `{"inputs": […]}` or
    MLflow's `{"columns": …, "data": …}`. `ExampleFailed` says what is wrong with it.
    """
    folders = [folder for folder in model.parents if folder.is_relative_to(within)]
    file = next((folder / name for folder in folders for name in FILES if (folder / name).is_file()), None)
    return synthetic_example(signature) if file is None else _read(file, signature)


def synthetic_example(signature: Signature) -> Tensors:
    """Return one row of the right shape and types; its values need not make sense."""
    return {spec.name: _neutral(spec) for spec in signature.inputs}


def example_failure(error: BaseException) -> ExampleFailed:
    """Return the failure of a model that raised `error` on its example."""
    sentence = type(error).__module__.startswith("model_runtime.")
    cause = str(error)[:240].rstrip(".") if sentence else failures.summary(error)
    return ExampleFailed(
        f"the model cannot predict from its example: {cause}. Put a valid input into {FILES[0]} beside the model."
    )


def _neutral(spec: TensorSpec) -> Array:
    shape = tuple(1 if length < 0 else length for length in spec.shape)
    if spec.datatype == "BYTES":
        return np.full(
            shape, spec.categories[0] if spec.categories else _TEXTS.get(spec.format, ""), dtype=object
        )
    value = tabular.category_values(spec)[0] if spec.categories else 0
    return np.full(shape, value, dtype=spec.dtype)


_TEXTS: Final = {DATE: "2026-01-31", DATE_TIME: "2026-01-31T12:00:00"}


def _read(path: Path, signature: Signature) -> Tensors:
    if path.stat().st_size > LARGEST:
        raise ExampleFailed(f"{path.name} is larger than {LARGEST >> 20} MiB: reduce it to a few rows.")
    try:
        return tensors(json.loads(path.read_text()), signature)
    except MemoryError:
        raise
    except Exception as error:  # the file may contain anything, and numpy raises many kinds of errors
        raise _invalid_example(path, error) from error


def _invalid_example(path: Path, error: Exception) -> ExampleFailed:
    match error:
        case RecursionError():
            reason = "it is nested too deeply"
        case ValueError():
            reason = str(error)[:240]
        case _:
            reason = failures.summary(error)
    return ExampleFailed(f"{path.name} is not a valid example of the model's input: {reason}.")


def tensors(raw: Any, signature: Signature) -> Tensors:
    """Return the inputs in a document of any form that `example` names; `ValueError` for any other document."""
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
        raise ValueError("expected a list of rows or an object of columns")
    if len(signature.columns) > 0 and isinstance(raw[0], list):
        if any(len(row) != len(signature.columns) for row in raw):
            raise ValueError(
                f"expected {len(signature.columns)} values in each row: {', '.join(signature.columns)[:200]}"
            )
        return {name: _array([row[index] for row in raw]) for index, name in enumerate(signature.columns)}
    spec = signature.inputs[0]
    flat = not isinstance(raw[0], list) and len(spec.shape) == 2
    return {spec.name: _array([raw] if flat else raw)}


def _array(values: Any) -> Array:
    """Return the values as they are in JSON: the request's own decoding gives them their types."""
    array = np.asarray(values, dtype=object)
    if any(isinstance(value, dict | list) for value in array.flat):
        raise ValueError("expected a number, a string, true, false or null for each value")
    return array
