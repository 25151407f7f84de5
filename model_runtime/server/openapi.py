"""The documents for clients: JSON schemas and OpenAPI, made from the signature of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from model_runtime.formats import tabular
from model_runtime.formats.signature import DATE, DATE_TIME, Signature, TensorSpec
from model_runtime.server.protocols.predict import PREDICTION, PROBABILITIES, class_name
from model_runtime.server.protocols.v2 import V2Protocol

_FORMATS: Final[dict[str, dict[str, Any]]] = {
    DATE: {"format": "date"},
    # JSON Schema's own date-time needs an offset, which columns of local times do not have
    DATE_TIME: {"pattern": r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?$"},
}
_TYPES: Final = {"f": "number", "i": "integer", "u": "integer", "b": "boolean", "O": "string"}


def schema(signature: Signature, *, name: str) -> dict[str, Any]:
    """Return the JSON schemas of the requests and responses of `/predict`, and the tensors of V2."""
    return {
        "model": name,
        "input": request_schema(signature),
        "output": response_schema(signature),
        "tensors": {
            "inputs": [_tensor(spec) for spec in signature.inputs],
            "outputs": [_tensor(spec) for spec in signature.outputs],
        },
    }


def request_schema(signature: Signature) -> dict[str, Any]:
    """Return the schema of a request in any of the three forms."""
    names = [spec.name for spec in signature.inputs]
    record = _object({spec.name: _element(spec, missing=True) for spec in signature.inputs}, names)
    columns = _object({spec.name: _list(_element(spec, missing=True)) for spec in signature.inputs}, names)
    forms = [_form("records", _list(record) | {"minItems": 1}), _form("columns", columns)]
    if signature.columns or len(names) == 1:
        forms.append(_form("instances", {"type": "array", "minItems": 1, "items": {}}))
    return {"oneOf": forms}


def response_schema(signature: Signature) -> dict[str, Any]:
    """Return the schema of a response, which has the form of its request."""
    outputs = {spec.name: _output(spec, signature) for spec in signature.outputs}
    columns = {spec.name: _output_column(spec, signature) for spec in signature.outputs}
    main = next((spec for spec in signature.outputs if spec.name == PREDICTION), signature.outputs[0])
    return {
        "oneOf": [
            {"title": "records", **_form("predictions", _list(_object(outputs, list(outputs))))},
            {"title": "columns", **_form("predictions", _object(columns, list(columns)))},
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
    """The OpenAPI document of one model, with the method that BentoML calls."""

    protocol: V2Protocol

    def asdict(self) -> dict[str, Any]:
        """Return the document."""
        model = f"/v2/models/{self.protocol.name}"
        infer = _prediction("Open Inference Protocol V2, with binary tensors", _V2_BODY, _V2_BODY)
        return {
            "openapi": "3.0.2",
            "info": {"title": self.protocol.name, "version": self.protocol.version},
            "servers": [{"url": "."}],
            "paths": {
                "/predict": {"post": self._predict()},
                f"{model}/infer": {"post": infer},
                model: {"get": _document("The tensors of the model", _MODEL_ERRORS)},
                f"{model}/ready": {"get": _document("Whether the model is ready", _MODEL_ERRORS)},
                **{path: {"get": _document(text, _ERRORS)} for path, text in _LIVENESS.items()},
                **{path: {"get": _document(text, _MODEL_ERRORS)} for path, text in _DOCUMENTS.items()},
            },
            "components": {"schemas": {"Error": _ERROR}},
        }

    def _predict(self) -> dict[str, Any]:
        signature = self.protocol.signature
        return _prediction(
            "Predict, with the names of the model's own columns",
            request_schema(signature),
            response_schema(signature),
        )


_V2_BODY: Final[dict[str, Any]] = {"type": "object"}
_ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["error"],
    "properties": {key: {"type": "string"} for key in ("error", "field", "expected", "got")},
}
_LIVENESS: Final = dict.fromkeys(
    ("/livez", "/v2/health/live"), "Whether the process runs, with or without its model"
)
_DOCUMENTS: Final = {
    "/v2": "The server and its extensions",
    "/v2/health/ready": "Whether the model is ready, and the server is not stopping",
    "/readyz": "Whether the model is ready, and the server is not stopping",
    "/metrics": "Prometheus metrics",
    "/schema.json": "JSON schemas of requests and responses",
    "/docs.json": "This document",
}
_ERRORS: Final = {
    "400": "The request is not valid HTTP",
    "408": "The request head did not arrive in time",
    "431": "The request head is too large",
    "500": "The server failed",
}
_MODEL_ERRORS: Final = _ERRORS | {"503": "The model is loading; for readiness also: the server is stopping"}
_PREDICTION_ERRORS: Final = _MODEL_ERRORS | {
    "400": "The input does not fit: see field, expected and got",
    "404": "No such model",
    "408": "The request did not arrive in time",
    "413": "The body is too large",
    "415": "The body is compressed",
    "429": "The limit of concurrent predictions is reached",
    "500": "The model failed",
    "504": "The model did not respond in time",
}


def _prediction(summary: str, request: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": _json(request)},
        "responses": {"200": {"description": "The predictions", "content": _json(response)}}
        | _error_responses(_PREDICTION_ERRORS),
    }


def _document(summary: str, errors: dict[str, str]) -> dict[str, Any]:
    return {
        "summary": summary,
        "responses": {"200": {"description": "The response"}} | _error_responses(errors),
    }


def _error_responses(errors: dict[str, str]) -> dict[str, Any]:
    content = _json({"$ref": "#/components/schemas/Error"})
    return {status: {"description": text, "content": content} for status, text in sorted(errors.items())}


def _json(content: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": content}}


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def _element(spec: TensorSpec, *, missing: bool = False) -> dict[str, Any]:
    """Return the schema of one row of the tensor: a value, or nested lists of them; a missing number is null."""
    item: dict[str, Any] = {"type": _TYPES[spec.dtype.kind]} | _FORMATS.get(spec.format, {})
    if missing and spec.nullable:
        item["nullable"] = True
    if spec.categories:
        item |= _categories(spec, missing=missing)
    for length in reversed(spec.shape[1:]):
        item = _list(item) | ({"minItems": length, "maxItems": length} if length >= 0 else {})
    return item


def _categories(spec: TensorSpec, *, missing: bool) -> dict[str, Any]:
    """Return what a column was trained on: all that it accepts, or examples of it."""
    values = list(spec.categories) if spec.format else list(tabular.category_values(spec))
    described = {"example": values[0], "description": f"trained on: {', '.join(spec.categories)}"}
    if not spec.closed:
        return described
    return described | {"enum": [*values, None] if missing and spec.nullable else values}


def _output(spec: TensorSpec, signature: Signature) -> dict[str, Any]:
    if spec.name == PROBABILITIES and signature.classes:
        names = [class_name(label) for label in signature.classes]
        return _object({name: {"type": "number"} for name in names}, names)
    return _element(spec)


def _output_column(spec: TensorSpec, signature: Signature) -> dict[str, Any]:
    if spec.name == PROBABILITIES and signature.classes:
        names = [class_name(label) for label in signature.classes]
        return _object({name: _list({"type": "number"}) for name in names}, names)
    return _list(_element(spec))


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _form(key: str, content: dict[str, Any]) -> dict[str, Any]:
    return _object({key: content}, [key])
