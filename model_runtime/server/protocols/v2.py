"""The Open Inference Protocol V2: named tensors in JSON, or as bytes behind it."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from pydantic_core import to_json

from model_runtime.formats.base import Array, Tensors
from model_runtime.formats.signature import DATATYPES, Signature, TensorSpec, datatype_of, listed
from model_runtime.server.errors import InputRefused
from model_runtime.server.protocols import tensors, v2_binary
from model_runtime.server.protocols.nested_lists import Field

HEADER: Final = b"inference-header-content-length"
MOST_TENSORS: Final = 10_000
LONGEST_NAME: Final = 1000
"""Of a tensor: refusals repeat it."""

MOST_LENGTHS: Final = 32
LARGEST_EMPTY: Final = 1 << 16
"""The product of the lengths beside a 0 that the model leaves open: no value pays for them, and models allocate by
them."""
_BEYOND: Final = 1 << 48
"""More than any memory has."""


@dataclass(frozen=True, slots=True)
class Request:
    """An inference request that was understood."""

    id: str
    inputs: Tensors
    wanted: dict[str, bool]
    """The outputs that are asked for, in order, and whether each is sent as bytes."""
    rows: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A body, and the length of its JSON part where bytes follow."""

    body: bytes
    json_length: int | None


class Protocol:
    """V2 for one model."""

    def __init__(self, signature: Signature, *, name: str, version: str) -> None:
        self.signature = signature
        self.name = name
        self.version = version
        self._specs = {spec.name: spec for spec in signature.inputs}
        self._outputs = tuple(spec.name for spec in signature.outputs)

    def metadata(self) -> dict[str, Any]:
        """The answer to `GET /v2/models/{name}`."""
        return {
            "name": self.name,
            "versions": [self.version],
            "platform": "seatrial",
            "inputs": [_described(spec) for spec in self.signature.inputs],
            "outputs": [_described(spec) for spec in self.signature.outputs],
        }

    def request(self, body: bytes, json_length: bytes | None) -> Request:
        """The request in a body; `InputRefused` says what is wrong with it."""
        head, tail = _split(body, json_length)
        document = tensors.parsed(head)
        if not isinstance(document, dict):
            raise InputRefused("", expected="a JSON object", came=tensors.shown(document))
        inputs = self._inputs(_objects(document, "inputs"), memoryview(tail))
        if not inputs:
            raise InputRefused("inputs", expected="at least one tensor", came="none")
        named = document.get("id", "")
        if not isinstance(named, str):
            raise InputRefused("id", expected="a text", came=tensors.shown(named))
        return Request(named, inputs, self._wanted(document), tensors.rows_of(inputs))

    def reply(self, request: Request, outputs: Tensors) -> Reply:
        """The response to an understood request."""
        described: list[dict[str, Any]] = []
        tail: list[bytes] = []
        for name, binary in request.wanted.items():
            array = outputs[name]
            entry: dict[str, Any] = {
                "name": name,
                "datatype": datatype_of(array.dtype),
                "shape": list(array.shape),
            }
            if binary:
                raw = v2_binary.written(array)
                entry["parameters"] = {"binary_data_size": len(raw)}
                tail.append(raw)
            else:
                entry["data"] = array.ravel().tolist()
            described.append(entry)
        document = {"model_name": self.name, "model_version": self.version, "outputs": described}
        if request.id:
            document["id"] = request.id
        head = to_json(document, inf_nan_mode="null", fallback=tensors.plain)
        return Reply(b"".join([head, *tail]), len(head) if tail else None)

    def _inputs(self, sent: list[dict[str, Any]], tail: memoryview) -> Tensors:
        inputs: Tensors = {}
        offset = 0
        for index, tensor in enumerate(sent):
            name = tensor.get("name")
            if not isinstance(name, str):
                raise InputRefused(f"inputs[{index}].name", expected="a text", came=_came(tensor, "name"))
            if len(name) > LONGEST_NAME:
                raise InputRefused(
                    f"inputs[{index}].name",
                    expected=f"at most {LONGEST_NAME} characters",
                    came=f"{len(name)}",
                )
            if name in inputs:
                raise InputRefused(
                    f"inputs[{index}].name", expected="each input once", came=f"{name[:60]!r} again"
                )
            spec = self._spec(name, tensor)
            if (size := _binary_size(tensor, name)) is None:
                inputs[name] = _from_json(spec, tensor)
            else:
                inputs[name] = _from_bytes(spec, tensor, tail[offset : offset + size], size)
                offset += size
        if offset != len(tail):
            raise InputRefused("", expected=f"{offset} bytes behind the JSON", came=f"{len(tail)}")
        return inputs

    def _spec(self, name: str, tensor: dict[str, Any]) -> TensorSpec:
        """What the model says about this input; one matrix of all columns may have any name."""
        sent = tensor.get("datatype")
        if not isinstance(sent, str) or sent not in DATATYPES:
            raise InputRefused(
                f"{name}.datatype", expected=f"one of {', '.join(DATATYPES)}", came=_came(tensor, "datatype")
            )
        if name in self._specs:
            return self._specs[name]
        first = self.signature.inputs[0]
        if len(self._specs) > 1 and not self.signature.columns:
            raise InputRefused(
                name, expected=f"one of the inputs {listed(tuple(self._specs))}", came="this name"
            )
        return (
            replace(first, name=name, datatype=sent) if self.signature.columns else replace(first, name=name)
        )

    def _wanted(self, document: dict[str, Any]) -> dict[str, bool]:
        binary = _parameters(document, "").get("binary_data_output") is True
        asked = _objects(document, "outputs") if document.get("outputs") is not None else []
        if not asked:
            return dict.fromkeys(self._outputs, binary)
        wanted: dict[str, bool] = {}
        for index, output in enumerate(asked):
            name = output.get("name")
            if not isinstance(name, str) or name not in self._outputs:
                raise InputRefused(
                    f"outputs[{index}].name",
                    expected=f"one of {listed(self._outputs)}",
                    came=_came(output, "name"),
                )
            wanted[name] = _parameters(output, f"outputs[{index}].").get("binary_data", binary) is True
        return wanted


def _split(body: bytes, json_length: bytes | None) -> tuple[bytes, bytes]:
    if json_length is None:
        return body, b""
    if not json_length.isdigit() or len(json_length) > 18 or int(json_length) > len(body):
        raise InputRefused(
            "Inference-Header-Content-Length",
            expected=f"a number of at most {len(body)}",
            came=repr(json_length[:20].decode("latin-1")),
        )
    return body[: int(json_length)], body[int(json_length) :]


def _objects(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    sent = document.get(key)
    if (
        not isinstance(sent, list)
        or not all(isinstance(item, dict) for item in sent)
        or len(sent) > MOST_TENSORS
    ):
        raise InputRefused(key, expected="a list of objects", came=_came(document, key))
    return sent


def _parameters(document: dict[str, Any], field: str) -> dict[str, Any]:
    sent = document.get("parameters")
    if sent is not None and not isinstance(sent, dict):
        raise InputRefused(f"{field}parameters", expected="an object", came=tensors.shown(sent))
    return sent or {}


def _binary_size(tensor: dict[str, Any], name: str) -> int | None:
    size = _parameters(tensor, f"{name}.").get("binary_data_size")
    if size is not None and (type(size) is not int or not 0 <= size < _BEYOND):
        raise InputRefused(
            f"{name}.parameters.binary_data_size", expected="a number of bytes", came=tensors.shown(size)
        )
    return size


def _shape(tensor: dict[str, Any], spec: TensorSpec) -> tuple[int, ...]:
    """The lengths that the tensor says it has; of one without values they are all that there is to hold it to."""
    field, lengths = f"{spec.name}.shape", tensor.get("shape")
    if not isinstance(lengths, list):
        raise InputRefused(field, expected="a list of lengths", came=_came(tensor, "shape"))
    if len(lengths) > MOST_LENGTHS:
        raise InputRefused(field, expected=f"at most {MOST_LENGTHS} lengths", came=f"{len(lengths)}")
    for index, length in enumerate(lengths):
        if type(length) is not int or not 0 <= length < _BEYOND:
            raise InputRefused(f"{field}[{index}]", expected="a length", came=tensors.shown(length))
    if 0 in lengths and (others := _unpaid(lengths, spec.shape)) > LARGEST_EMPTY:
        wanted = f"lengths with a product of at most {LARGEST_EMPTY} besides the 0 and what the model fixes"
        raise InputRefused(field, expected=wanted, came=tensors.shown(others))
    return tuple(lengths)


def _unpaid(lengths: list[int], known: tuple[int, ...]) -> int:
    """The product of the lengths that are neither 0 nor the model's own."""
    pairs = itertools.zip_longest(lengths, known)
    return math.prod(length for length, own in pairs if length and length != own)


def _from_json(spec: TensorSpec, tensor: dict[str, Any]) -> Array:
    shape = _shape(tensor, spec)
    if "data" not in tensor:
        raise InputRefused(f"{spec.name}.data", expected="a list of values", came="nothing")
    data = tensors.array_of(spec, tensor["data"], field=Field(f"{spec.name}.data"))
    return _shaped(data, shape, spec.name)


def _from_bytes(spec: TensorSpec, tensor: dict[str, Any], raw: memoryview, size: int) -> Array:
    if len(raw) != size:
        raise InputRefused(spec.name, expected=f"{size} bytes", came=f"{len(raw)}")
    sent = np.dtype(DATATYPES[tensor["datatype"]])
    data = _shaped(v2_binary.read(raw, sent, field=spec.name), _shape(tensor, spec), spec.name)
    return tensors.cast(spec, data, field=Field(spec.name))


def _shaped(data: Array, shape: tuple[int, ...], name: str) -> Array:
    if data.size != math.prod(shape):
        raise InputRefused(
            f"{name}.data", expected=f"{_count(shape)} values as the shape says", came=f"{data.size}"
        )
    return data.reshape(shape)


def _count(shape: tuple[int, ...]) -> str:
    number = math.prod(shape)
    return str(number) if number < 1 << 64 else "more than 2^64"


def _described(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def _came(document: dict[str, Any], key: str) -> str:
    return tensors.shown(document[key]) if key in document else "nothing"
