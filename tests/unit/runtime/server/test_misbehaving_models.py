"""Models that raise, exit, or return unusual types and shapes still get JSON responses with an id."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from starlette.types import Receive, Scope, Send

from model_runtime.contract.logs import fields_of
from model_runtime.formats import Signature, Tensors, TensorSpec
from model_runtime.server import routes
from model_runtime.server.edge import Edge
from tests.unit.runtime.server import models
from tests.unit.runtime.server.serving import Reply, ask, bound, served

RECORDS = [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
TENSOR = {"name": "a", "shape": [2], "datatype": "FP64", "data": [1, 3]}
V2 = {"inputs": [TENSOR, TENSOR | {"name": "b"}]}
FORMS = [
    pytest.param("/predict", {"records": RECORDS}, id="records"),
    pytest.param("/predict", {"columns": {"a": [1, 3], "b": [2, 4]}}, id="columns"),
    pytest.param("/predict", {"instances": [[1, 2], [3, 4]]}, id="instances"),
    pytest.param("/v2/models/churn/infer", V2, id="V2"),
    pytest.param("/v2/models/churn/infer", V2 | {"parameters": {"binary_data_output": True}}, id="bytes"),
]


def raising(error: BaseException) -> Callable[[Tensors], Tensors]:
    def answer(_: Tensors) -> Tensors:
        raise error

    return answer


def saying(*predictions: Any, dtype: Any = object) -> Callable[[Tensors], Tensors]:
    return lambda _: {"prediction": np.array(predictions, dtype=dtype)}


async def asked(answer: Callable[[Tensors], Any], path: str, document: Any) -> Reply:
    edge = Edge(connection_age=0)
    edge.serve(routes.application(bound(served(models.Fake(models.NUMBERS, answer)))), name="churn")
    return await ask(edge, path, document, headers={"x-request-id": "r-7"})


class TestFailingModel:
    @pytest.mark.parametrize(("path", "document"), FORMS)
    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(raising(KeyError("weights")), id="an error of its own"),
            pytest.param(raising(SystemExit(3)), id="it leaves"),
            pytest.param(raising(KeyboardInterrupt()), id="it interrupts"),
            pytest.param(raising(StopIteration()), id="an iterator's end"),
            pytest.param(raising(MemoryError()), id="no memory"),
            pytest.param(raising(RecursionError()), id="too deep"),
            pytest.param(lambda _: None, id="nothing"),
            pytest.param(lambda _: 3, id="no outputs"),
            pytest.param(lambda _: {"prediction": [1, 2]}, id="a list"),
            pytest.param(saying("\ud800", "b"), id="half a character"),
        ],
    )
    async def test_a_failing_model_is_500_with_the_request_id_and_without_the_cause(
        self, answer: Any, path: str, document: Any
    ) -> None:
        for _ in range(2):  # in a thread first, then on the loop
            reply = await asked(answer, path, document)
            assert (reply.status, reply.headers["x-request-id"]) == (500, "r-7")
            assert reply.document.keys() == {"error", "request_id"}
            assert reply.document["request_id"] == reply.headers["x-request-id"]
            assert not {"weights", "Traceback", "File"} & set(reply.document["error"].split())

    async def test_a_model_that_calls_sys_exit_on_the_event_loop_does_not_end_the_process(self) -> None:
        leaves = False

        def answer(inputs: Tensors) -> Tensors:
            if leaves:
                sys.exit(1)
            return {"prediction": inputs["instances"].sum(axis=1)}

        app = routes.application(bound(served(models.Fake(models.NUMBERS, answer))))
        assert (await ask(app, "/predict", RECORDS)).status == 200
        leaves = True
        assert (await ask(app, "/predict", RECORDS)).status == 500

    async def test_a_failure_releases_its_slot(self) -> None:
        one = served(models.Fake(models.NUMBERS, raising(SystemExit())), concurrency=1)
        app = routes.application(bound(one))
        assert [(await ask(app, "/predict", RECORDS)).status for _ in range(4)] == [500] * 4
        assert one.executor.running == 0


class TestUnusualOutputs:
    @pytest.mark.parametrize(("path", "document"), FORMS)
    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(saying(np.int64(3), np.int64(4)), id="numpy's numbers among objects"),
            pytest.param(saying(np.bool_(True), None), id="numpy's truths and nothing"),
            pytest.param(saying("2020-01-01", "2020-01-02", dtype="datetime64[D]"), id="dates"),
            pytest.param(saying(1j, 2j, dtype=complex), id="complex numbers"),
            pytest.param(saying(b"a", b"b"), id="bytes"),
            pytest.param(saying(1.5, float("inf"), dtype=np.float16), id="halves"),
        ],
    )
    async def test_an_output_of_any_type_is_encoded(self, answer: Any, path: str, document: Any) -> None:
        assert (await asked(answer, path, document)).status == 200

    async def test_dates_are_strings_in_binary_tensors(self) -> None:
        answer = saying("2020-01-01", "2020-01-02", dtype="datetime64[D]")
        document = V2 | {"parameters": {"binary_data_output": True}}
        reply = await asked(answer, "/v2/models/churn/infer", document)
        head = int(reply.headers["inference-header-content-length"])
        assert json.loads(reply.body[:head])["outputs"][0]["datatype"] == "BYTES"
        assert reply.body[head:] == b"\x0a\0\0\x002020-01-01\x0a\0\0\x002020-01-02"

    @pytest.mark.parametrize(
        ("prediction", "records"),
        [
            pytest.param(np.array([5.0, 6.0]), [5.0, 6.0], id="one for each row"),
            pytest.param(np.array(5.0), [5.0, 5.0], id="one for all of them"),
            pytest.param(np.array([5.0, 6.0, 7.0]), [[5.0, 6.0, 7.0]] * 2, id="another number of them"),
            pytest.param(np.array([[5.0], [6.0]]), [[5.0], [6.0]], id="a list for each row"),
        ],
    )
    async def test_records_contain_all_outputs(self, prediction: Any, records: Any) -> None:
        reply = await asked(lambda _: {"prediction": prediction}, "/predict", {"records": RECORDS})
        assert [record["prediction"] for record in reply.document["predictions"]] == records


class TestRows:
    @pytest.mark.parametrize(
        ("document", "sentence"),
        [
            pytest.param(
                {"columns": {"image": [[[1, 2], [3, 4]]] * 2, "scale": [1, 2, 3]}},
                "columns.scale: expected 2 values, as many as 'image' has, got 3",
                id="other rows",
            ),
            pytest.param(
                {"image": [[[1, 2], [3, 4]]], "scale": []},
                "columns.scale: expected 1 values, as many as 'image' has, got 0",
                id="none",
            ),
        ],
    )
    async def test_inputs_of_different_lengths_are_rejected_without_the_model(
        self, document: Any, sentence: str
    ) -> None:
        model = models.tensors()
        reply = await ask(routes.application(bound(served(model))), "/predict", document)
        assert (reply.status, reply.document["error"]) == (400, sentence)
        assert model.asked == []

    @pytest.mark.parametrize("document", [{"columns": {"a": [], "b": []}}, {"a": [], "b": []}, [], [[]]])
    async def test_requests_without_rows_are_rejected_without_the_model(self, document: Any) -> None:
        model = models.sums()
        reply = await ask(routes.application(bound(served(model))), "/predict", document)
        assert (reply.status, model.asked) == (400, [])

    async def test_an_input_without_a_row_dimension_is_accepted_beside_others(self) -> None:
        signature = Signature(
            inputs=(TensorSpec("x", "FP64", (-1,)), TensorSpec("power", "INT64", ())),
            outputs=(TensorSpec("y", "FP64", (-1,)),),
        )
        model = models.Fake(signature, lambda inputs: {"y": inputs["x"] ** inputs["power"]})
        app = routes.application(bound(served(model)))
        reply = await ask(app, "/predict", {"columns": {"x": [2, 3], "power": 3}})
        assert reply.document == {"predictions": {"y": [8.0, 27.0]}}


class TestEdge:
    async def test_an_internal_error_is_500_with_the_request_id_and_is_logged(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
            raise RuntimeError("a bug")

        edge = Edge(connection_age=0)
        edge.serve(broken, name="churn")
        with caplog.at_level(logging.ERROR, "seatrial"):
            reply = await ask(edge, "/metrics", method="GET", headers={"x-request-id": "r-9"})
        assert (reply.status, reply.headers["x-request-id"]) == (500, "r-9")
        assert "bug" not in reply.body.decode()
        assert fields_of(caplog.records[0]) == {"request_id": "r-9"}

    async def test_an_error_after_the_start_of_the_response_ends_the_connection(self) -> None:
        async def broken(_scope: Scope, _receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            raise RuntimeError("a bug")

        edge = Edge(connection_age=0)
        edge.serve(broken, name="churn")
        with pytest.raises(RuntimeError):  # whoever serves the connection closes it
            await ask(edge, "/metrics", method="GET")
