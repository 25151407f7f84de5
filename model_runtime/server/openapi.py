"""The documents that tell clients how to ask: JSON schemas and OpenAPI, made from the signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from model_runtime.formats.signature import Signature, TensorSpec
from model_runtime.server.protocols.predict import PREDICTION, PROBABILITIES, class_name
from model_runtime.server.protocols.v2 import Protocol

_TYPES: Final = {"f": "number", "i": "integer", "u": "integer", "b": "boolean", "O": "string"}


def schema(signature: Signature, *, name: str) -> dict[str, Any]:
    """The JSON schemas of `/predict`'s question and answer, and the tensors of V2."""
    return {
        "model": name,
        "input": question(signature),
        "output": answer(signature),
        "tensors": {
            "inputs": [_tensor(spec) for spec in signature.inputs],
            "outputs": [_tensor(spec) for spec in signature.outputs],
        },
    }


def question(signature: Signature) -> dict[str, Any]:
    """Any of the three forms; the envelope may be left out."""
    names = [spec.name for spec in signature.inputs]
    record = _object({spec.name: _element(spec, missing=True) for spec in signature.inputs}, names)
    columns = _object({spec.name: _list(_element(spec, missing=True)) for spec in signature.inputs}, names)
    forms = [_envelope("records", _list(record) | {"minItems": 1}), _envelope("columns", columns)]
    if signature.columns or len(names) == 1:
        forms.append(_envelope("instances", {"type": "array", "minItems": 1, "items": {}}))
    return {"oneOf": forms}


def answer(signature: Signature) -> dict[str, Any]:
    """The answer has the form of the question."""
    outputs = {spec.name: _output(spec, signature) for spec in signature.outputs}
    columns = {spec.name: _output_column(spec, signature) for spec in signature.outputs}
    main = next((spec for spec in signature.outputs if spec.name == PREDICTION), signature.outputs[0])
    return {
        "oneOf": [
            {"title": "records", **_envelope("predictions", _list(_object(outputs, list(outputs))))},
            {"title": "columns", **_envelope("predictions", _object(columns, list(columns)))},
            {
                "title": "instances",
                "type": "object",
                "properties": {"predictions": _list(_element(main)), "classes": _list({})},
                "required": ["predictions"],
            },
        ]
    }


@dataclass(frozen=True, slots=True)
class OpenApi:
    """The OpenAPI document of one model, as BentoML asks for it."""

    signature: Signature
    protocol: Protocol

    def asdict(self) -> dict[str, Any]:
        """The document."""
        model = f"/v2/models/{self.protocol.name}"
        return {
            "openapi": "3.0.2",
            "info": {"title": self.protocol.name, "version": self.protocol.version},
            "servers": [{"url": "."}],
            "paths": {
                "/predict": {"post": self._predict()},
                f"{model}/infer": {
                    "post": _prediction("Open Inference Protocol V2; binary tensors too", _V2, _V2)
                },
                model: {"get": _document("The model's tensors", _OF_OTHERS)},
                f"{model}/ready": {"get": _document("The model answers", _OF_OTHERS)},
                **{path: {"get": _document(text, _OF_ANY)} for path, text in _ALIVE.items()},
                **{path: {"get": _document(text, _OF_OTHERS)} for path, text in _PLAIN.items()},
            },
            "components": {"schemas": {"Error": _ERROR}},
        }

    def _predict(self) -> dict[str, Any]:
        return _prediction(
            "Predict, in the model's own words", question(self.signature), answer(self.signature)
        )


_V2: Final[dict[str, Any]] = {"type": "object"}
_ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["error"],
    "properties": {key: {"type": "string"} for key in ("error", "field", "expected", "came")},
}
_ALIVE: Final = dict.fromkeys(("/livez", "/v2/health/live"), "The process answers, its model loaded or not")
_PLAIN: Final = {
    "/v2": "The server and its extensions",
    "/v2/health/ready": "The model answers, and the process is not leaving",
    "/readyz": "The model answers, and the process is not leaving",
    "/metrics": "Prometheus metrics",
    "/schema.json": "JSON schemas of question and answer",
    "/docs.json": "This document",
}
_OF_ANY: Final = {
    "400": "What came is no HTTP request",
    "408": "The head of the request came too slowly",
    "431": "The head of the request is too large",
    "500": "The server failed",
}
_OF_OTHERS: Final = _OF_ANY | {"503": "The model is being loaded; of readiness also: the process is leaving"}
_OF_PREDICTIONS: Final = _OF_OTHERS | {
    "400": "The input does not fit: field, expected and came say where",
    "404": "No such model",
    "408": "The request came too slowly",
    "413": "The body is too large",
    "415": "The body is compressed",
    "429": "Too many predictions at once",
    "500": "The model failed",
    "504": "The model was too slow",
}


def _prediction(text: str, sent: dict[str, Any], back: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": text,
        "requestBody": {"required": True, "content": _json(sent)},
        "responses": {"200": {"description": "The answer", "content": _json(back)}}
        | _failures(_OF_PREDICTIONS),
    }


def _document(text: str, ends: dict[str, str]) -> dict[str, Any]:
    return {"summary": text, "responses": {"200": {"description": "The answer"}} | _failures(ends)}


def _failures(described: dict[str, str]) -> dict[str, Any]:
    error = _json({"$ref": "#/components/schemas/Error"})
    return {status: {"description": why, "content": error} for status, why in sorted(described.items())}


def _json(content: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": content}}


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def _element(spec: TensorSpec, *, missing: bool = False) -> dict[str, Any]:
    """One row of the tensor: a value, or nested lists of them; a missing number is null."""
    item: dict[str, Any] = {"type": _TYPES[spec.dtype.kind]}
    if missing and spec.dtype.kind in "fO":
        item["nullable"] = True
    if spec.categories:
        item["example"] = spec.categories[0] if spec.dtype.kind == "O" else float(spec.categories[0])
        item["description"] = f"trained on: {', '.join(spec.categories)}"
    for length in reversed(spec.shape[1:]):
        item = _list(item) | ({"minItems": length, "maxItems": length} if length >= 0 else {})
    return item


def _output(spec: TensorSpec, signature: Signature) -> dict[str, Any]:
    if spec.name == PROBABILITIES and signature.classes:
        names = [class_name(of) for of in signature.classes]
        return _object({name: {"type": "number"} for name in names}, names)
    return _element(spec)


def _output_column(spec: TensorSpec, signature: Signature) -> dict[str, Any]:
    if spec.name == PROBABILITIES and signature.classes:
        names = [class_name(of) for of in signature.classes]
        return _object({name: _list({"type": "number"}) for name in names}, names)
    return _list(_element(spec))


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _envelope(key: str, content: dict[str, Any]) -> dict[str, Any]:
    return _object({key: content}, [key])
