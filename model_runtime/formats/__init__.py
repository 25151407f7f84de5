"""Model files: detect their format, load them, describe their inputs and outputs, and predict.

    found = formats.detect(folder)                       # Detected(format, path), by content
    model = formats.load(found.format, found.path)       # Loaded, with its signature
    formats.example(found.path, model.signature, within=folder)   # what clients send, as JSON has it

The build tries the model with its example, on the way that requests take; the server uses it for every request.
"""

from __future__ import annotations

from model_runtime.failures import FormatUnknown, LoadFailed, PickleRefused
from model_runtime.formats.base import Array, InputMismatch, InputRejected, Loaded, Tensors
from model_runtime.formats.detection import Detected, detect
from model_runtime.formats.examples import example, example_failure
from model_runtime.formats.loading import RUNTIME_OF, load
from model_runtime.formats.signature import Signature, TensorSpec

__all__ = [
    "RUNTIME_OF",
    "Array",
    "Detected",
    "FormatUnknown",
    "InputMismatch",
    "InputRejected",
    "LoadFailed",
    "Loaded",
    "PickleRefused",
    "Signature",
    "TensorSpec",
    "Tensors",
    "detect",
    "example",
    "example_failure",
    "load",
]
