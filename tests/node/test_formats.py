"""Models of every format, from every kind of place, are built on their runtime and answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.node import formats, objects
from tests.node.serving import Served, applied
from tests.stage import models
from tests.stage.install import Stage

pytestmark = [pytest.mark.node, pytest.mark.slow]

PATIENCE = 300.0
FIRST = "model.skops"


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked for, and what comes of it."""

    model: dict[str, Any]
    format: str
    attempts: int = 1
    """Two when the build finds that the files need another runtime than the one it began with."""


@pytest.fixture(scope="module")
def cases(warm: Stage) -> dict[str, Case]:
    """Every place has its model."""
    skops = models.skops_file(models.first())
    keys = {"credentials": {"secretName": "models-s3"}}
    objects.files(warm, "digits-files", {FIRST: skops})
    web = objects.web_server(warm, "files", config_map="digits-files")
    folder = warm.lab.folder / "volume" / "digits" / "1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FIRST).write_bytes(skops)
    objects.volume(warm, "digits-volume", folder.parents[1])
    json_trees = warm.put_model("trees/json/model.json", formats.xgboost_file("json"))
    ubj_trees = warm.put_model("trees/ubj/model.ubj", formats.xgboost_file("ubj"))
    graph = warm.put_model("graph/1/model.onnx", formats.onnx_file(models.first()))
    pickled = warm.put_model("pickled/1/model.joblib", formats.pickle_file(models.first()))
    address = objects.artifact(warm.lab, "artifacts/digits:1", {FIRST: skops})
    return {
        "trees-json": Case({"uri": json_trees, **keys}, "xgboost", attempts=2),
        "trees-ubj": Case({"uri": ubj_trees, "format": "xgboost", **keys}, "xgboost"),
        "graph": Case({"uri": graph, **keys}, "onnx", attempts=2),
        "graph-said": Case({"uri": graph, "format": "onnx", **keys}, "onnx"),
        "pickled": Case({"uri": pickled, "allowPickle": True, **keys}, "sklearn"),
        "from-web": Case({"uri": f"{web}/{FIRST}"}, "skops"),
        "from-configmap": Case({"uri": f"configmap://digits-files/{FIRST}"}, "skops"),
        "from-volume": Case({"uri": "pvc://digits-volume/digits/1/"}, "skops"),
        "from-registry": Case({"uri": address}, "skops"),
    }


@pytest.fixture(scope="module")
def served(warm: Stage, cases: dict[str, Case]) -> Iterator[dict[str, Served]]:
    """All of them at once."""
    with applied(warm, {name: {"model": case.model} for name, case in cases.items()}) as served:
        yield served


NAMES = [
    *("trees-json", "trees-ubj", "graph", "graph-said", "pickled"),
    *("from-web", "from-configmap", "from-volume", "from-registry"),
]


def test_every_case_is_looked_at(cases: dict[str, Case]) -> None:
    assert list(cases) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_built_on_its_runtime_and_answers(
    name: str, served: dict[str, Served], cases: dict[str, Case]
) -> None:
    status = served[name].healthy(seconds=PATIENCE)
    rows = models.digits().test[:3].tolist()
    answer, _ = served[name].ask(json.dumps({"instances": rows}).encode())
    assert status["build"]["format"] == cases[name].format
    assert status["build"]["attempt"] == cases[name].attempts
    assert _digits(answer) == _truth(cases[name].format)
    print(f"{name}: {status['build']['seconds']}")


@pytest.mark.parametrize("name", ["trees-json", "graph", "pickled"])
def test_a_model_answers_the_open_inference_protocol(
    name: str, served: dict[str, Served], cases: dict[str, Case]
) -> None:
    served[name].healthy(seconds=PATIENCE)
    described, _ = served[name].ask(path=f"/v2/models/{name}", method="GET")
    (tensor,) = described["inputs"]
    rows = models.digits().test[:3]
    sent = {"name": tensor["name"], "datatype": tensor["datatype"], "shape": list(rows.shape)}
    body = json.dumps({"id": "7", "inputs": [{**sent, "data": rows.tolist()}]}).encode()
    answer, _ = served[name].ask(body, path=f"/v2/models/{name}/infer")
    assert answer["id"] == "7"
    assert answer["outputs"][0]["shape"] == [3]
    assert answer["outputs"][0]["data"] == _truth(cases[name].format)


def _digits(answer: dict[str, Any]) -> list[int]:
    return [int(digit) for digit in answer["predictions"]]


def _truth(form: str) -> list[int]:
    rows = models.digits().test[:3]
    if form == "xgboost":
        scores = formats.booster().inplace_predict(rows.astype(np.float32))
        return [int(digit) for digit in scores.argmax(axis=1)]
    return [int(digit) for digit in models.first().predict(rows)]
