"""The Open Inference Protocol V2: named tensors in JSON, or as bytes after it."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from pydantic_core import to_json

from model_runtime.formats.base import Array, Tensors
from model_runtime.formats.signature import (
    DATATYPES,
    Signature,
    TensorSpec,
    datatype_of,
    is_plain_number,
    name_list,
)
from model_runtime.server.errors import InvalidInput
from model_runtime.server.protocols import element_types, tensors, v2_binary
from model_runtime.server.protocols.nested_lists import FieldPath

LENGTH_HEADER: Final = b"inference-header-content-length"
MAX_TENSORS: Final = 10_000
LONGEST_NAME: Final = 1000
"""Characters of a tensor's name, which errors repeat."""

MAX_DIMENSIONS: Final = 32
LARGEST_EMPTY: Final = 1 << 16
"""The product of the lengths besides a 0 that the model leaves open: the request has no values to pay for them, but
models allocate memory by them."""
_BEYOND_MEMORY: Final = 1 << 48


@dataclass(frozen=True, slots=True)
class Request:
    """A decoded inference request."""

    id: str
    inputs: Tensors
    outputs: dict[str, bool]
    """The requested outputs in order, and whether each is sent as bytes."""
    rows: int


@dataclass(frozen=True, slots=True)
class Response:
    """A body, and the length of its JSON part when bytes follow."""

    body: bytes
    json_length: int | None


class V2Protocol:
    """V2 for one model."""

    def __init__(self, signature: Signature, *, name: str, version: str) -> None:
        self.signature = signature
        self.name = name
        self.version = version
        self._specs = {spec.name: spec for spec in signature.inputs}
        self._plain = not signature.columns or all(is_plain_number(spec) for spec in signature.inputs)
        self._outputs = tuple(spec.name for spec in signature.outputs)

    def metadata(self) -> dict[str, Any]:
        """Return the body of `GET /v2/models/{name}`."""
        return {
            "name": self.name,
            "versions": [self.version],
            "platform": "seatrial",
            "inputs": [_metadata(spec) for spec in self.signature.inputs],
            "outputs": [_metadata(spec) for spec in self.signature.outputs],
        }

    def decode(self, body: bytes, json_length: bytes | None) -> Request:
        """Return the request in a body; `InvalidInput` says what is wrong with it."""
        head, tail = _split(body, json_length)
        document = tensors.decode_json(head)
        if not isinstance(document, dict):
            raise InvalidInput("", expected="a JSON object", got=element_types.quoted(document))
        inputs = self._by_column(self._inputs(_objects(document, "inputs"), memoryview(tail)))
        if not inputs:
            raise InvalidInput("inputs", expected="at least one tensor", got="none")
        identifier = document.get("id", "")
        if not isinstance(identifier, str):
            raise InvalidInput("id", expected="a string", got=element_types.quoted(identifier))
        return Request(identifier, inputs, self._requested_outputs(document), tensors.row_count(inputs))

    def encode(self, request: Request, outputs: Tensors) -> Response:
        """Return the response to a request."""
        entries: list[dict[str, Any]] = []
        tail: list[bytes] = []
        for name, binary in request.outputs.items():
            array = outputs[name]
            entry: dict[str, Any] = {
                "name": name,
                "datatype": datatype_of(array.dtype),
                "shape": list(array.shape),
            }
            if binary:
                raw = v2_binary.encode(array)
                entry["parameters"] = {"binary_data_size": len(raw)}
                tail.append(raw)
            else:
                entry["data"] = array.ravel().tolist()
            entries.append(entry)
        document = {"model_name": self.name, "model_version": self.version, "outputs": entries}
        if request.id:
            document["id"] = request.id
        head = to_json(document, inf_nan_mode="null", fallback=tensors.json_fallback)
        return Response(b"".join([head, *tail]), len(head) if tail else None)

    def _inputs(self, objects: list[dict[str, Any]], tail: memoryview) -> Tensors:
        inputs: Tensors = {}
        offset = 0
        for index, tensor in enumerate(objects):
            name = _input_name(tensor, index, inputs)
            spec = self._spec(name, tensor)
            if (size := _binary_size(tensor, name)) is None:
                inputs[name] = _from_json(spec, tensor)
            else:
                inputs[name] = _from_bytes(spec, tensor, tail[offset : offset + size], size)
                offset += size
        if offset != len(tail):
            raise InvalidInput("", expected=f"{offset} bytes after the JSON", got=f"{len(tail)}")
        return inputs

    def _by_column(self, inputs: Tensors) -> Tensors:
        """Return one array for each column of a matrix that has all of them, in the types of the columns."""
        name, whole = next(iter(inputs.items()), ("", None))
        specs = self.signature.inputs
        if whole is None or len(inputs) > 1 or self._plain or name in self._specs:
            return inputs
        if whole.ndim != 2 or whole.shape[1] != len(specs):
            return inputs
        return {
            spec.name: tensors.converted(spec, whole[:, index], field=FieldPath(f"{name}.{spec.name}"))
            for index, spec in enumerate(specs)
        }

    def _spec(self, name: str, tensor: dict[str, Any]) -> TensorSpec:
        """Return the model's spec of this input; a single matrix of all columns may have any name."""
        datatype = tensor.get("datatype")
        if not isinstance(datatype, str) or datatype not in DATATYPES:
            raise InvalidInput(
                f"{name}.datatype", expected=f"one of {', '.join(DATATYPES)}", got=_got(tensor, "datatype")
            )
        if name in self._specs:
            return self._specs[name]
        first = self.signature.inputs[0]
        if len(self._specs) > 1 and not self.signature.columns:
            expected = f"one of the inputs {name_list(tuple(self._specs))}"
            raise InvalidInput(name, expected=expected, got="this name")
        if self.signature.columns:
            return TensorSpec(name, datatype, first.shape)
        return replace(first, name=name)

    def _requested_outputs(self, document: dict[str, Any]) -> dict[str, bool]:
        binary = _parameters(document, "").get("binary_data_output") is True
        entries = _objects(document, "outputs") if document.get("outputs") is not None else []
        if not entries:
            return dict.fromkeys(self._outputs, binary)
        outputs: dict[str, bool] = {}
        for index, output in enumerate(entries):
            name = output.get("name")
            if not isinstance(name, str) or name not in self._outputs:
                raise InvalidInput(
                    f"outputs[{index}].name",
                    expected=f"one of {name_list(self._outputs)}",
                    got=_got(output, "name"),
                )
            outputs[name] = _parameters(output, f"outputs[{index}].").get("binary_data", binary) is True
        return outputs


def _input_name(tensor: dict[str, Any], index: int, inputs: Tensors) -> str:
    name, field = tensor.get("name"), f"inputs[{index}].name"
    if not isinstance(name, str):
        raise InvalidInput(field, expected="a string", got=_got(tensor, "name"))
    if len(name) > LONGEST_NAME:
        raise InvalidInput(field, expected=f"at most {LONGEST_NAME} characters", got=f"{len(name)}")
    if name in inputs:
        raise InvalidInput(field, expected="each input once", got=f"{name[:60]!r} again")
    return name


def _split(body: bytes, json_length: bytes | None) -> tuple[bytes, bytes]:
    if json_length is None:
        return body, b""
    if not json_length.isdigit() or len(json_length) > 18 or int(json_length) > len(body):
        raise InvalidInput(
            "Inference-Header-Content-Length",
            expected=f"a number of at most {len(body)}",
            got=repr(json_length[:20].decode("latin-1")),
        )
    return body[: int(json_length)], body[int(json_length) :]


def _objects(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    objects = document.get(key)
    if (
        not isinstance(objects, list)
        or not all(isinstance(item, dict) for item in objects)
        or len(objects) > MAX_TENSORS
    ):
        raise InvalidInput(key, expected="a list of objects", got=_got(document, key))
    return objects


def _parameters(document: dict[str, Any], prefix: str) -> dict[str, Any]:
    parameters = document.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise InvalidInput(f"{prefix}parameters", expected="an object", got=element_types.quoted(parameters))
    return parameters or {}


def _binary_size(tensor: dict[str, Any], name: str) -> int | None:
    size = _parameters(tensor, f"{name}.").get("binary_data_size")
    if size is not None and (type(size) is not int or not 0 <= size < _BEYOND_MEMORY):
        raise InvalidInput(
            f"{name}.parameters.binary_data_size",
            expected="a number of bytes",
            got=element_types.quoted(size),
        )
    return size


def _shape(tensor: dict[str, Any], spec: TensorSpec) -> tuple[int, ...]:
    """Return the shape of the tensor; without values, only this check limits its lengths."""
    field, lengths = f"{spec.name}.shape", tensor.get("shape")
    if not isinstance(lengths, list):
        raise InvalidInput(field, expected="a list of lengths", got=_got(tensor, "shape"))
    if len(lengths) > MAX_DIMENSIONS:
        raise InvalidInput(field, expected=f"at most {MAX_DIMENSIONS} lengths", got=f"{len(lengths)}")
    for index, length in enumerate(lengths):
        if type(length) is not int or not 0 <= length < _BEYOND_MEMORY:
            raise InvalidInput(f"{field}[{index}]", expected="a length", got=element_types.quoted(length))
    if 0 in lengths and (product := _open_product(lengths, spec.shape)) > LARGEST_EMPTY:
        expected = (
            f"lengths with a product of at most {LARGEST_EMPTY} besides the 0 and the model's own lengths"
        )
        raise InvalidInput(field, expected=expected, got=element_types.quoted(product))
    return tuple(lengths)


def _open_product(lengths: list[int], spec_shape: tuple[int, ...]) -> int:
    """Return the product of the lengths that are neither 0 nor the model's own."""
    pairs = itertools.zip_longest(lengths, spec_shape)
    return math.prod(length for length, own in pairs if length and length != own)


def _from_json(spec: TensorSpec, tensor: dict[str, Any]) -> Array:
    shape = _shape(tensor, spec)
    if "data" not in tensor:
        raise InvalidInput(f"{spec.name}.data", expected="a list of values", got="nothing")
    data = tensors.array_of(spec, tensor["data"], field=FieldPath(f"{spec.name}.data"))
    return _reshaped(data, shape, spec.name)


def _from_bytes(spec: TensorSpec, tensor: dict[str, Any], raw: memoryview, size: int) -> Array:
    if len(raw) != size:
        raise InvalidInput(spec.name, expected=f"{size} bytes", got=f"{len(raw)}")
    dtype = np.dtype(DATATYPES[tensor["datatype"]])
    data = _reshaped(v2_binary.decode(raw, dtype, field=spec.name), _shape(tensor, spec), spec.name)
    return tensors.converted(spec, data, field=FieldPath(spec.name))


def _reshaped(data: Array, shape: tuple[int, ...], name: str) -> Array:
    if data.size != math.prod(shape):
        expected = f"{_size_text(shape)} values as in the shape"
        raise InvalidInput(f"{name}.data", expected=expected, got=f"{data.size}")
    return data.reshape(shape)


def _size_text(shape: tuple[int, ...]) -> str:
    number = math.prod(shape)
    return str(number) if number < 1 << 64 else "more than 2^64"


def _metadata(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def _got(document: dict[str, Any], key: str) -> str:
    return element_types.quoted(document[key]) if key in document else "nothing"
