"""No request causes a server error."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp

from model_runtime.server import routes
from tests.unit.runtime.server import models
from tests.unit.runtime.server.serving import ask, bound, served

PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**400), max_value=10**400)
    | st.floats()
    | st.text(max_size=8)
)
JSON = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["age", "plan", "calls", "a", "b", "input", "image", "scale", "zzz"])
RECORDS = st.lists(st.dictionaries(NAMES, JSON, max_size=4), max_size=3)
COLUMNS = st.dictionaries(NAMES, JSON, max_size=4)
WORDS = (
    JSON
    | RECORDS
    | COLUMNS
    | st.fixed_dictionaries({"records": RECORDS | JSON})
    | st.fixed_dictionaries({"columns": COLUMNS | JSON})
    | st.fixed_dictionaries({"instances": JSON | st.lists(st.lists(PLAIN, max_size=4), max_size=3)})
)
DATATYPES = st.sampled_from(["FP64", "FP32", "FP16", "INT64", "UINT8", "UINT64", "BOOL", "BYTES", "X"]) | JSON
LENGTHS = st.integers(min_value=-2, max_value=4) | st.sampled_from([2**16, 2**45, 2**64])
TENSOR = st.fixed_dictionaries(
    {},
    optional={
        "name": NAMES | JSON,
        "shape": st.lists(LENGTHS, max_size=4) | JSON,
        "datatype": DATATYPES,
        "data": JSON,
        "parameters": st.fixed_dictionaries({}, optional={"binary_data_size": st.integers(-1, 40) | JSON})
        | JSON,
    },
)
V2 = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "inputs": st.lists(TENSOR, max_size=3) | JSON,
        "outputs": st.lists(st.fixed_dictionaries({"name": NAMES | JSON}), max_size=2) | JSON,
        "parameters": JSON,
    },
)
MODELS = pytest.mark.parametrize("model", [models.churn, models.sums, models.matrix, models.tensors])


@functools.cache
def application(model: Callable[[], models.Fake]) -> ASGIApp:
    return routes.application(bound(served(model())))


def status(model: Any, path: str, body: bytes, headers: dict[str, str] | None = None) -> int:
    with contextlib.closing(asyncio.new_event_loop()) as loop:  # hypothesis calls, and it does not await
        reply = loop.run_until_complete(ask(application(model), path, body, headers=headers))
    assert isinstance(reply.document, dict)
    return reply.status


@MODELS
@settings(max_examples=150, deadline=None)
@given(document=WORDS)
def test_no_json_causes_an_internal_error_in_predict(model: Any, document: Any) -> None:
    assert status(model, "/predict", json.dumps(document).encode()) < 500


@MODELS
@settings(max_examples=150, deadline=None)
@given(document=V2, tail=st.binary(max_size=40))
def test_no_tensors_cause_an_internal_error_in_v2(model: Any, document: Any, tail: bytes) -> None:
    head = json.dumps(document).encode()
    lengths = {"Inference-Header-Content-Length": str(len(head))}
    assert status(model, "/v2/models/churn/infer", head) < 500
    assert status(model, "/v2/models/churn/infer", head + tail, lengths) < 500


@settings(max_examples=150, deadline=None)
@given(body=st.binary(max_size=200), length=st.text("0123456789-x", max_size=6))
def test_no_bytes_cause_an_internal_error(body: bytes, length: str) -> None:
    headers = {"Inference-Header-Content-Length": length}
    assert status(models.churn, "/predict", body) == 400
    assert status(models.churn, "/v2/models/churn/infer", body, headers) == 400
