"""The routes without a process: statuses, limits, the edge and the labels of metrics."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from typing import Any

import numpy as np
import pytest
from starlette.types import ASGIApp, Receive

from model_runtime.contract.logs import fields_of
from model_runtime.formats import InputRejected
from model_runtime.server import routes
from model_runtime.server.executor import BODIES_PER_PREDICTION
from model_runtime.server.handlers import Handlers, ServedModel
from tests.unit.runtime.server import models
from tests.unit.runtime.server.serving import application, ask, behind_edge, bound, served

RECORD = {"a": 1, "b": 2}


class TestResponses:
    async def test_predict_uses_the_names_of_the_columns(self) -> None:
        reply = await ask(application(models.sums()), "/predict", {"records": [RECORD]})
        assert (reply.status, reply.document) == (200, {"predictions": [{"prediction": 3.0}]})
        assert reply.headers["content-type"] == "application/json"

    async def test_v2_infers_under_the_name_of_the_model(self) -> None:
        tensor = {"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}
        document = {"inputs": [tensor, tensor | {"name": "b"}]}
        reply = await ask(application(models.sums()), "/v2/models/churn/infer", document)
        assert reply.document["outputs"][0]["data"] == [2.0]

    async def test_a_binary_response_has_the_length_of_its_json(self) -> None:
        tensor = {"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}
        document = {"inputs": [tensor, tensor | {"name": "b"}], "parameters": {"binary_data_output": True}}
        reply = await ask(application(models.sums()), "/v2/models/churn/infer", document)
        length = int(reply.headers["inference-header-content-length"])
        assert reply.headers["content-type"] == "application/octet-stream"
        assert np.frombuffer(reply.body[length:]).tolist() == [2.0]

    @pytest.mark.parametrize(
        ("path", "document"),
        [
            ("/v2/health/live", {"live": True}),
            ("/v2/health/ready", {"ready": True}),
            ("/v2", {"name": "seatrial", "version": "v7", "extensions": ["binary_tensor_data"]}),
            ("/v2/models/churn/ready", {"name": "churn", "ready": True}),
        ],
    )
    async def test_v2_has_health_and_metadata(self, path: str, document: Any) -> None:
        reply = await ask(application(models.sums()), path, method="GET")
        assert (reply.status, reply.document) == (200, document)

    async def test_the_fast_path_and_the_routes_return_the_same(self) -> None:
        answers = bound(served(models.sums()))
        app = routes.application(answers)
        short = routes.FastPath(app, answers)
        for path in ("/predict", "/v2/models/churn/infer", "/v2/models/churn"):
            assert (await ask(short, path, [RECORD])).body == (await ask(app, path, [RECORD])).body


class TestStatuses:
    async def test_invalid_input_is_400_with_field_expected_and_got(self) -> None:
        reply = await ask(application(models.sums()), "/predict", [{"a": "x", "b": 1}])
        assert reply.status == 400
        assert reply.document["field"] == "records[0].a"
        assert reply.document["expected"] == "a number (FP64)"
        assert reply.document["got"] == "the string 'x'"

    async def test_a_null_that_the_model_rejects_is_400_with_its_column(self) -> None:
        reply = await ask(application(models.sums()), "/predict", [{"a": 1, "b": None}])
        error = "b: the model does not accept null or NaN here"
        assert (reply.status, reply.document) == (400, {"error": error, "field": "b"})

    async def test_a_value_that_the_framework_calls_wrong_is_400_with_the_first_line_of_its_reason(
        self,
    ) -> None:
        def rejecting(_: Any) -> Any:
            raise InputRejected("Negative values in data.\nmore about it")

        model = models.Fake(models.NUMBERS, rejecting)
        reply = await ask(application(model), "/predict", [{"a": -1, "b": 1}])
        assert reply.status == 400
        assert reply.document == {"error": "the model rejects this input: Negative values in data."}

    async def test_an_error_of_the_model_on_a_valid_input_is_500_whatever_its_type(self) -> None:
        def broken(_: Any) -> Any:
            raise ValueError("shapes (1,2) and (3,) not aligned")

        reply = await ask(application(models.Fake(models.NUMBERS, broken)), "/predict", [{"a": 1, "b": 1}])
        assert reply.status == 500

    async def test_an_input_that_the_model_names_is_400(self) -> None:
        image = {"name": "image", "shape": [1, 2, 2], "datatype": "UINT8", "data": [1, 2, 3, 4]}
        reply = await ask(application(models.tensors()), "/v2/models/churn/infer", {"inputs": [image]})
        assert (reply.status, reply.document["field"]) == (400, "scale")

    async def test_a_failing_model_is_500_and_logged_with_the_request_id_and_without_the_payload(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(_: Any) -> Any:
            raise KeyError("weights")

        edge = behind_edge(models.Fake(models.NUMBERS, broken))
        with caplog.at_level(logging.ERROR, "seatrial"):
            reply = await ask(edge, "/predict", [{"a": 424242, "b": 1}], headers={"x-request-id": "r-1"})
        assert (reply.status, reply.headers["x-request-id"]) == (500, "r-1")
        assert "weights" not in reply.body.decode()
        assert fields_of(caplog.records[0]) == {"request_id": "r-1", "status": 500}
        assert "424242" not in caplog.text

    async def test_a_body_beyond_the_limit_is_413_before_it_is_read(self) -> None:
        app = application(models.sums(), limit=10)
        assert (await ask(app, "/predict", b"x" * 11)).status == 413
        assert (await ask(app, "/predict", b"", headers={"content-length": "11"})).status == 413
        assert (await ask(app, "/predict", b"", headers={"content-length": "9" * 30})).status == 413

    async def test_a_compressed_body_is_415(self) -> None:
        reply = await ask(application(models.sums()), "/predict", b"x", headers={"content-encoding": "gzip"})
        assert reply.status == 415

    async def test_a_wrong_method_is_405(self) -> None:
        reply = await ask(application(models.sums()), "/predict", method="GET")
        assert (reply.status, reply.document) == (405, {"error": "Method Not Allowed"})

    async def test_predictions_are_503_until_a_model_is_bound(self) -> None:
        assert (await ask(routes.application(Handlers()), "/predict", [RECORD])).status == 503

    async def test_a_body_that_never_arrives_is_408_and_releases_its_slot(self) -> None:
        one = served(models.sums(), timeout=0.05)
        assert await _status(bound(one).predict, _never) == 408
        assert (one.executor.receiving, one.executor.running) == (0, 0)

    async def test_a_client_that_disconnects_releases_its_slot(self) -> None:
        one = served(models.sums())

        async def left() -> Any:
            return {"type": "http.disconnect"}

        assert await _status(bound(one).predict, left) is None
        assert (one.executor.receiving, one.executor.running) == (0, 0)


async def _never() -> Any:
    await asyncio.Event().wait()


async def _status(handler: ASGIApp, receive: Receive) -> int | None:
    statuses: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await handler({"type": "http", "headers": [], "state": {}}, receive, send)
    return statuses[0] if statuses else None


async def at_rest(one: ServedModel) -> None:
    """Wait until no model runs, also not for a request that timed out."""
    async with asyncio.timeout(30):
        while one.executor.running:  # noqa: ASYNC110 - the executor tells nobody
            await asyncio.sleep(0.01)


class TestExecutor:
    async def test_one_prediction_more_than_allowed_is_429_at_once(self) -> None:
        gate = threading.Event()

        app = application(models.Fake(models.NUMBERS, models.waiting_for(gate)), concurrency=2)
        running = [asyncio.create_task(ask(app, "/predict", [RECORD])) for _ in range(2)]
        await asyncio.sleep(0.05)
        refused = await ask(app, "/predict", [RECORD])
        gate.set()
        assert refused.status == 429
        assert [reply.status for reply in await asyncio.gather(*running)] == [200, 200]
        assert (await ask(app, "/predict", [RECORD])).status == 200

    async def test_slow_bodies_take_no_prediction_slots(self) -> None:
        one = served(models.sums(), concurrency=2, timeout=60)
        app = routes.application(bound(one))
        holding = [
            asyncio.create_task(_status(bound(one).predict, _never)) for _ in range(2 * BODIES_PER_PREDICTION)
        ]
        await asyncio.sleep(0.05)
        holding.pop().cancel()
        await asyncio.sleep(0.05)
        assert (await ask(app, "/predict", [RECORD])).status == 200
        assert one.executor.receiving == 2 * BODIES_PER_PREDICTION - 1, "its own place is free again"
        for held in holding:
            held.cancel()

    async def test_more_bodies_in_transfer_than_allowed_are_429(self) -> None:
        one = served(models.sums(), concurrency=2, timeout=60)
        holding = [
            asyncio.create_task(_status(bound(one).predict, _never)) for _ in range(2 * BODIES_PER_PREDICTION)
        ]
        await asyncio.sleep(0.05)
        reply = await ask(routes.application(bound(one)), "/predict", [RECORD])
        assert reply.status == 429
        assert reply.document["error"].startswith(
            f"limit reached: the bodies of {2 * BODIES_PER_PREDICTION} requests are in transfer"
        )
        for held in holding:
            held.cancel()

    async def test_no_body_is_read_when_all_prediction_slots_are_taken(self) -> None:
        gate = threading.Event()
        one = served(models.Fake(models.NUMBERS, models.waiting_for(gate)), concurrency=1)
        running = asyncio.create_task(ask(routes.application(bound(one)), "/predict", [RECORD]))
        await asyncio.sleep(0.05)
        assert await _status(bound(one).predict, _never) == 429
        gate.set()
        assert (await running).status == 200

    async def test_a_slow_model_is_504_and_keeps_its_slot_until_it_ends(self) -> None:
        gate = threading.Event()
        one = served(models.Fake(models.NUMBERS, models.waiting_for(gate)), timeout=0.05, concurrency=1)
        app = routes.application(bound(one))
        assert (await ask(app, "/predict", [RECORD])).status == 504
        assert (await ask(app, "/predict", [RECORD])).status == 429
        gate.set()
        await at_rest(one)
        assert (await ask(app, "/predict", [RECORD])).status in (200, 504), "its place is free again"

    async def test_the_timeout_includes_the_transfer_of_the_body(self) -> None:
        gate = threading.Event()
        one = served(models.Fake(models.NUMBERS, models.waiting_for(gate)), timeout=2.0)
        asyncio.get_running_loop().call_later(2.5, gate.set)  # in time for a model with 2 s of its own

        async def receive() -> Any:
            await asyncio.sleep(1.5)
            return {"type": "http.request", "body": json.dumps([RECORD]).encode()}

        assert await _status(bound(one).predict, receive) == 504
        await at_rest(one)

    async def test_the_event_loop_runs_while_a_slow_model_predicts(self) -> None:
        gate = threading.Event()
        app = application(models.Fake(models.NUMBERS, models.waiting_for(gate)))
        predicting = asyncio.create_task(ask(app, "/predict", [RECORD]))
        await asyncio.sleep(0.02)
        assert (await ask(app, "/v2/health/live", method="GET")).status == 200
        assert not predicting.done()
        gate.set()
        assert (await predicting).status == 200
