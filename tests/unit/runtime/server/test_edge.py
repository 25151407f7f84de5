"""What every request meets first: states of the process, ids, unknown paths, ends of connections."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from starlette.types import Receive, Scope, Send

from model_runtime.server import routes
from model_runtime.server.edge import OPENED, Edge, ServerState
from tests.unit.runtime.server import models
from tests.unit.runtime.server.serving import application, ask, behind_edge

RECORD = {"a": 1, "b": 2}


class TestEdge:
    async def test_while_loading_the_server_is_live_but_not_ready(self) -> None:
        edge = Edge(connection_age=0)
        assert (await ask(edge, "/livez", method="GET")).status == 200
        for path in ("/readyz", "/v2/health/ready", "/predict", "/metrics"):
            reply = await ask(edge, path, method="GET")
            assert (reply.status, reply.document) == (503, {"error": "the model is loading"})

    async def test_while_draining_the_server_predicts_but_is_not_ready_and_ends_connections(self) -> None:
        edge = behind_edge(models.sums())
        edge.state = ServerState.DRAINING
        assert (await ask(edge, "/readyz", method="GET")).status == 503
        reply = await ask(edge, "/predict", [RECORD])
        assert (reply.status, reply.headers["connection"]) == (200, "close")

    async def test_a_request_in_progress_when_draining_starts_ends_its_connection(self) -> None:
        gate = threading.Event()
        edge = behind_edge(models.Fake(models.NUMBERS, models.waiting_for(gate)))
        running = asyncio.create_task(ask(edge, "/predict", [RECORD]))
        await asyncio.sleep(0.05)
        assert not running.done()
        edge.state = ServerState.DRAINING
        gate.set()
        assert (await running).headers["connection"] == "close"

    async def test_a_connection_ends_with_a_response_shortly_before_its_age(self) -> None:
        now = 100.0
        edge = behind_edge(models.sums(), age=10, clock=lambda: now)
        young, old = {OPENED: 91.1}, {OPENED: 90.9}
        assert "connection" not in (await ask(edge, "/predict", [RECORD], state=young)).headers
        assert (await ask(edge, "/predict", [RECORD], state=old)).headers["connection"] == "close"

    @pytest.mark.parametrize("sane", ["abc-123", "Root=1-67891233-abcdef", "a" * 128])
    async def test_a_valid_request_id_is_returned(self, sane: str) -> None:
        reply = await ask(behind_edge(models.sums()), "/predict", [RECORD], headers={"x-request-id": sane})
        assert reply.headers["x-request-id"] == sane

    @pytest.mark.parametrize("odd", ["", "a" * 129, "a b", 'x"y', "<script>"])
    async def test_an_invalid_request_id_is_replaced(self, odd: str) -> None:
        reply = await ask(behind_edge(models.sums()), "/predict", [RECORD], headers={"x-request-id": odd})
        assert len(reply.headers["x-request-id"]) == 32

    async def test_unknown_paths_are_404_and_share_one_metric(self) -> None:
        seen: list[str] = []
        inner = application(models.sums())

        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(scope["path"])
            await inner(scope, receive, send)

        edge = Edge(connection_age=0)
        edge.serve(counting, name="churn")
        for path in ("/a", "/b/c", "/predict/", "/v2/models/other", "/v2/models/other/infer"):
            reply = await ask(edge, path, b"{}")
            assert reply.status == 404
            assert path in reply.document["error"]
        assert set(seen) == {routes.UNKNOWN}

    async def test_an_unknown_model_gets_the_path_of_the_known_one(self) -> None:
        reply = await ask(behind_edge(models.sums()), "/v2/models/x/infer", b"{}")
        assert json.loads(reply.body)["error"].endswith("this server has /v2/models/churn")
