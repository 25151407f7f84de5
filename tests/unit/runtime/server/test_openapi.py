"""The documents match what the server accepts and returns."""

from __future__ import annotations

import json
from typing import Any

import pytest

from model_runtime.formats import Signature, TensorSpec
from model_runtime.server import openapi
from model_runtime.server.errors import RequestError
from model_runtime.server.protocols.predict import PredictProtocol
from model_runtime.server.protocols.v2 import V2Protocol
from tests.unit.runtime.server import models


def forms(model: models.Fake) -> dict[str, dict[str, Any]]:
    """Return the schema of each form of a request, by its key."""
    return {form["required"][0]: form for form in openapi.request_schema(model.signature)["oneOf"]}


def test_columns_have_their_types_and_training_categories() -> None:
    record = forms(models.churn())["records"]["properties"]["records"]["items"]
    assert record["required"] == ["age", "plan", "calls"]
    assert record["properties"]["age"] == {"type": "number", "nullable": True}
    assert record["properties"]["calls"] == {"type": "integer"}
    assert record["properties"]["plan"]["example"] == "free"
    assert record["properties"]["plan"]["description"] == "trained on: free, gold"


def test_rows_of_tensors_are_nested_lists_of_fixed_lengths() -> None:
    image = forms(models.tensors())["records"]["properties"]["records"]["items"]["properties"]["image"]
    assert (image["minItems"], image["items"]["maxItems"]) == (2, 2)
    assert "instances" not in forms(models.tensors())


def test_the_response_schema_has_the_keys_of_a_real_response() -> None:
    model = models.churn()
    words = PredictProtocol(model.signature)
    question = words.decode(json.dumps([{"age": 1, "plan": "gold", "calls": 1}]).encode())
    answer = json.loads(words.encode(question, model.predict(question.inputs)))
    schema = openapi.response_schema(model.signature)["oneOf"][0]["properties"]["predictions"]["items"]
    assert set(answer["predictions"][0]) == set(schema["required"])
    assert (
        list(answer["predictions"][0]["probabilities"]) == schema["properties"]["probabilities"]["required"]
    )


def test_the_example_of_an_encoded_number_is_a_number() -> None:
    spec = TensorSpec("grade", "FP64", (-1,), ("3", "4.5"))
    signature = Signature((spec,), (TensorSpec("prediction", "FP64", (-1,)),), columns=("grade",))
    record = openapi.request_schema(signature)["oneOf"][0]["properties"]["records"]["items"]
    assert record["properties"]["grade"] == {
        "type": "number",
        "nullable": True,
        "example": 3.0,
        "description": "trained on: 3, 4.5",
    }


@pytest.mark.parametrize("model", [models.churn(), models.sums(), models.matrix(), models.tensors()])
def test_every_path_of_the_document_exists(model: models.Fake) -> None:
    from model_runtime.server import routes

    document = openapi.OpenApi(V2Protocol(model.signature, name="churn", version="1")).asdict()
    assert set(document["paths"]) <= routes.known_paths("churn")
    assert json.loads(json.dumps(document)) == document


def responses(path: str, method: str) -> dict[str, Any]:
    model = models.churn()
    document = openapi.OpenApi(V2Protocol(model.signature, name="churn", version="1")).asdict()
    found: dict[str, Any] = document["paths"][path][method]["responses"]
    return found


@pytest.mark.parametrize("path", ["/predict", "/v2/models/churn/infer"])
def test_every_status_of_a_prediction_is_described(path: str) -> None:
    refused = {str(one.status) for one in RequestError.__subclasses__()}
    of_the_connection = {"400", "408", "431"}

    assert refused | of_the_connection <= set(responses(path, "post"))


@pytest.mark.parametrize("path", ["/readyz", "/v2/health/ready", "/v2/models/churn", "/metrics", "/livez"])
def test_every_document_describes_the_statuses_of_all_requests(path: str) -> None:
    found = responses(path, "get")
    assert {"200", "400", "408", "431", "500"} <= set(found)
    assert ("503" in found) == (path != "/livez"), "the process answers while its model is loaded"
