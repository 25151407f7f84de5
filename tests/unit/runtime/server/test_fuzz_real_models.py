"""Real models over the whole application: any request gets a prediction or a validation error, never a server error."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp

from model_runtime import formats
from model_runtime.formats import Loaded, Signature
from model_runtime.formats.signature import DATATYPES
from model_runtime.formats.sklearn_model import model_of
from model_runtime.server import routes
from model_runtime.server.edge import Edge
from tests.unit.runtime.server.serving import ask, bound, served

ROWS = np.random.RandomState(0).rand(40, 3)
KINDS = np.arange(40) % 2


def table() -> Loaded:
    """Picks its columns by name, texts among them."""
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rows = pd.DataFrame({"city": ["eu", "us"] * 20, "age": ROWS[:, 0]})
    encode = ColumnTransformer([("c", OneHotEncoder(), ["city"])], remainder="passthrough")
    return model_of(make_pipeline(encode, LogisticRegression()).fit(rows, KINDS), name="m")


def tolerant() -> Loaded:
    """Takes missing values and unknown texts."""
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    rows = pd.DataFrame({"city": ["eu", "us"] * 20, "age": ROWS[:, 0]})
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    encode = ColumnTransformer([("c", encoder, ["city"])], remainder="passthrough")
    return model_of(
        make_pipeline(encode, HistGradientBoostingRegressor(max_iter=2)).fit(rows, KINDS), name="m"
    )


def texts() -> Loaded:
    """Reads texts."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    return model_of(make_pipeline(TfidfVectorizer(), MultinomialNB()).fit(["good", "bad"], [1, 0]), name="m")


def booster() -> Loaded:
    """Trees over named columns."""
    import xgboost

    data = xgboost.DMatrix(ROWS[:, :2], KINDS, feature_names=["city", "age"])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "m.ubj"
        xgboost.train({"objective": "binary:logistic"}, data, 2).save_model(path)
        return formats.load("xgboost", path)


def graph() -> Loaded:
    """Two matrices of any size, multiplied, and strings unchanged."""
    import onnx
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("MatMul", ["city", "age"], ["product"]),
        helper.make_node("Identity", ["word"], ["said"]),
    ]
    value = helper.make_tensor_value_info
    inputs = [value(name, TensorProto.FLOAT, [None, None]) for name in ("city", "age")]
    inputs.append(value("word", TensorProto.STRING, [None]))
    outputs = [value("product", TensorProto.FLOAT, [None, None]), value("said", TensorProto.STRING, [None])]
    made = helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    with TemporaryDirectory() as folder:
        onnx.save(made, Path(folder) / "m.onnx")
        return formats.load("onnx", Path(folder) / "m.onnx")


MODELS = pytest.mark.parametrize("make", [table, tolerant, texts, booster, graph])
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**25), max_value=10**25)
    | st.floats()
    | st.sampled_from(["eu", "us", "good", "", "31", "2026-11-25", "é\U0001f600"])
)
LIKELY = st.sampled_from(["eu", "us", None]) | st.floats(-5, 5) | st.integers(-3, 3)
CELL = LIKELY | PLAIN | st.lists(LIKELY, max_size=3)


def documents(signature: Signature) -> st.SearchStrategy[Any]:
    """Questions that have the model's own names, and seldom its types."""
    names = [spec.name for spec in signature.inputs]
    record = st.fixed_dictionaries(dict.fromkeys(names, CELL))
    columns = st.fixed_dictionaries(dict.fromkeys(names, st.lists(CELL, max_size=3) | CELL))
    row = st.lists(CELL, min_size=len(names), max_size=len(names)) | CELL
    return (
        st.fixed_dictionaries({"records": st.lists(record, max_size=3)})
        | st.fixed_dictionaries({"columns": columns})
        | st.fixed_dictionaries({"instances": st.lists(row, max_size=3)})
    )


def tensors(signature: Signature) -> st.SearchStrategy[Any]:
    """V2 requests that have the model's own names, and data of any size."""
    names = [spec.name for spec in signature.inputs]

    def tensor(name: str) -> st.SearchStrategy[Any]:
        rows = st.lists(CELL, max_size=4)
        return st.builds(
            lambda data, datatype, flat: {
                "name": name,
                "shape": [len(data)] if flat else [len(data), 1],
                "datatype": datatype,
                "data": data,
            },
            rows,
            st.sampled_from(list(DATATYPES)),
            st.booleans(),
        )

    return st.builds(lambda *inputs: {"inputs": list(inputs)}, *map(tensor, names)) | st.builds(
        lambda one: {"inputs": [one | {"name": "any"}]}, tensor("any")
    )


@functools.cache
def application(make: Callable[[], Loaded]) -> tuple[ASGIApp, Signature]:
    model = make()
    edge = Edge(connection_age=0)
    edge.serve(routes.application(bound(served(model))), name="churn")
    return edge, model.signature


def asked(app: ASGIApp, path: str, document: Any) -> tuple[int, Any]:
    with contextlib.closing(asyncio.new_event_loop()) as loop:  # hypothesis calls, and it does not await
        reply = loop.run_until_complete(ask(app, path, document))
    return reply.status, reply.document


@MODELS
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_predict_request_gets_a_response_or_a_validation_error(make: Any, data: st.DataObject) -> None:
    app, signature = application(make)
    document = data.draw(documents(signature))
    status, reply = asked(app, "/predict", document)
    assert status in (200, 400), reply
    if status == 200 and "records" in document:
        assert len(reply["predictions"]) == len(document["records"])


@MODELS
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_v2_request_gets_a_response_or_a_validation_error(make: Any, data: st.DataObject) -> None:
    app, signature = application(make)
    status, reply = asked(app, "/v2/models/churn/infer", data.draw(tensors(signature)))
    assert status in (200, 400), reply
    for output in reply.get("outputs", ()):
        assert len(output["data"]) == int(np.prod(output["shape"]))
