"""The life of a real server process: start, failure, load, stop."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_runtime import contract
from tests.unit.runtime.server import models
from tests.unit.runtime.server.serving import Process, log_lines, replied, running

pytestmark = pytest.mark.slow

ROW = {"instances": [[5.5, 5, 0]]}
LIMIT = 100_000
"""Bytes of a request's body."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a real model."""
    return models.store_classifier(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One ready server for the tests that do not stop it."""
    with running(folder, tmp_path_factory.mktemp("server"), SEATRIAL_MAX_BODY_BYTES=str(LIMIT)) as process:
        process.await_ready()
        yield process


@pytest.fixture(scope="module")
def short_lived(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One ready server that closes every connection after a second."""
    with running(folder, tmp_path_factory.mktemp("short_lived"), SEATRIAL_CONNECTION_SECONDS="1") as process:
        process.await_ready()
        yield process


def _sample(server: Process, series: str) -> float:
    """Return the value of one series of `/metrics`."""
    lines = server.ask("GET", "/metrics").body.decode().splitlines()
    return next(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{series} "))


class TestServing:
    def test_a_prediction_has_revision_and_request_id(self, server: Process) -> None:
        reply = server.ask("POST", "/predict", ROW, {"x-request-id": "abc"})
        assert reply.status == 200
        assert reply.document["predictions"] == ["high"]
        assert reply.document["classes"] == ["high", "low"]
        assert reply.headers["x-seatrial-revision"] == "9f3c2a71d0"
        assert reply.headers["x-request-id"] == "abc"

    @pytest.mark.parametrize("path", ["/nope", "/livez", "/metrics", "/v2/models/x"])
    def test_every_response_has_revision_and_request_id(self, server: Process, path: str) -> None:
        headers = server.ask("GET", path).headers
        assert headers["x-seatrial-revision"] == "9f3c2a71d0"
        assert len(headers["x-request-id"]) == 32

    def test_the_documents_describe_this_model(self, server: Process) -> None:
        schema = server.ask("GET", "/schema.json").document
        assert schema["model"] == "churn"
        assert schema["tensors"]["inputs"] == [{"name": "input", "datatype": "FP64", "shape": [-1, 3]}]
        paths = server.ask("GET", "/docs.json").document["paths"]
        assert {"/predict", "/v2/models/churn/infer"} <= set(paths)

    def test_metrics_count_by_known_endpoints_only(self, server: Process) -> None:
        server.ask("POST", "/predict", ROW)
        for number in range(20):
            server.ask("GET", f"/stranger/{number}")
        text = server.ask("GET", "/metrics").body.decode()
        assert 'bentoml_service_request_total{endpoint="/predict",http_response_code="200"' in text
        assert 'endpoint="/unknown",http_response_code="404"' in text
        assert "stranger" not in text
        assert "_created" not in text

    def test_metrics_count_predictions_by_outcome_and_kind_of_traffic(self, server: Process) -> None:
        server.ask("POST", "/predict", ROW, {"x-seatrial-traffic": "smoke"})
        server.ask("POST", "/predict", {"instances": "no rows"}, {"x-seatrial-traffic": "shadow"})
        before = _sample(server, 'seatrial_requests_total{outcome="ok",traffic="user"}')
        server.ask("POST", "/predict", ROW, {"x-seatrial-traffic": "unknown"})
        assert _sample(server, 'seatrial_requests_total{outcome="ok",traffic="user"}') == before + 1
        assert _sample(server, 'seatrial_requests_total{outcome="ok",traffic="smoke"}') == 1
        assert _sample(server, 'seatrial_requests_total{outcome="client_error",traffic="shadow"}') == 1
        assert _sample(server, 'seatrial_requests_total{outcome="model_error",traffic="user"}') == 0
        assert _sample(server, 'seatrial_request_duration_seconds_bucket{le="10.0",traffic="smoke"}') == 1
        assert _sample(server, "process_start_time_seconds") > time.time() - 3600

    def test_a_body_beyond_the_limit_is_413_and_the_connection_stays_open(self, server: Process) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("POST", "/predict", b" " * 30 * LIMIT)
        assert replied(connection).status == 413
        connection.request("POST", "/predict", iter([b" " * (LIMIT * 6 // 10)] * 20), encode_chunked=True)
        assert replied(connection).status == 413
        connection.request("POST", "/predict", b'{"instances": [[5.5, 5, 0]]}')
        assert replied(connection).status == 200
        connection.close()

    def test_invalid_http_is_400(self, server: Process) -> None:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            raw.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
            assert raw.recv(1000).startswith(b"HTTP/1.1 400")


class TestStarting:
    def test_the_server_is_ready_within_seconds_and_logs_json(self, folder: Path, tmp_path: Path) -> None:
        with running(folder, tmp_path) as process:
            assert process.ask("GET", "/livez").status == 200
            assert process.ask("GET", "/readyz").status in (503, 200)
            process.await_ready()
            assert process.stop() == 0
        lines = log_lines(tmp_path)
        assert [line["message"] for line in lines] == ["listening", "ready", "draining", "stopped"]
        assert 0 < lines[1]["seconds"] < 120
        assert all(line["revision"] == "9f3c2a71d0" for line in lines)

    def test_sigterm_while_loading_stops_the_server_at_once(self, folder: Path, tmp_path: Path) -> None:
        with running(folder, tmp_path, SEATRIAL_DRAIN_SECONDS="60") as process:
            told = time.monotonic()
            assert process.stop() == 0
            assert time.monotonic() - told < 20, "it did not sit out its drain"

    def test_a_model_that_cannot_be_loaded_ends_the_server_with_a_reason(self, tmp_path: Path) -> None:
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "model.skops").write_bytes(b"PK\x03\x04 no model")
        with running(tmp_path / "model", tmp_path) as process:
            assert process.popen.wait(timeout=120) == 1
        left = contract.Exit.from_json((tmp_path / "termination-log").read_text())
        assert left.reason in ("ModelLoadFailed", "ModelFormatUnknown")
        assert left.message

    def test_a_failing_example_ends_the_server_with_a_reason(self, tmp_path: Path) -> None:
        model = models.store_classifier(tmp_path / "model")
        (model / "example.json").write_text('{"instances": [[1, 2, 3, 4, 5]]}')
        with running(model, tmp_path) as process:
            assert process.popen.wait(timeout=120) == 1
        left = contract.Exit.from_json((tmp_path / "termination-log").read_text())
        assert left.reason == "ModelExampleFailed"
        assert "3" in left.message
        assert "5" in left.message

    def test_an_image_without_a_model_ends_the_server_with_a_reason(self, tmp_path: Path) -> None:
        with running(None, tmp_path, SEATRIAL_IMAGE_FOLDER=str(tmp_path)) as process:
            assert process.popen.wait(timeout=120) == 1
        left = contract.Exit.from_json((tmp_path / "termination-log").read_text())
        assert left.reason == "ModelLoadFailed"
        assert "card.json" in left.message

    def test_an_invalid_setting_ends_the_server_and_names_the_variable(
        self, folder: Path, tmp_path: Path
    ) -> None:
        with (
            pytest.raises(AssertionError, match="SEATRIAL_MAX_CONCURRENCY is 'many'"),
            running(folder, tmp_path, SEATRIAL_MAX_CONCURRENCY="many"),
        ):
            pass


class Caller(threading.Thread):
    """A client that sends requests without pauses, on one connection as long as possible, or on a new one each time."""

    def __init__(self, process: Process, *, keeps: bool) -> None:
        super().__init__(daemon=True)
        self.process = process
        self.keeps = keeps
        self.answered = 0
        self.connections = 0
        self.errors: list[str] = []
        self.told = threading.Event()

    def run(self) -> None:
        """Send requests until it is stopped."""
        connection = self._connected()
        while not self.told.is_set():
            try:
                connection.request("POST", "/predict", b'{"instances": [[5.5, 5, 0]]}')
                reply = replied(connection)
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(repr(error))
                return
            if reply.status != 200:
                self.errors.append(f"{reply.status} {reply.body!r}")
            self.answered += 1
            if not self.keeps or reply.headers.get("connection") == "close":
                connection.close()
                connection = self._connected()
        connection.close()

    def _connected(self) -> http.client.HTTPConnection:
        self.connections += 1
        return http.client.HTTPConnection("127.0.0.1", self.process.port, timeout=20)


def _called(process: Process, *, keeping: int, fresh: int) -> list[Caller]:
    callers = [Caller(process, keeps=number < keeping) for number in range(keeping + fresh)]
    for caller in callers:
        caller.start()
    return callers


def _hang_up(callers: list[Caller]) -> None:
    for caller in callers:
        caller.told.set()
    for caller in callers:
        caller.join(timeout=90)


class TestStopping:
    def test_sigterm_loses_no_request_on_old_and_new_connections(self, folder: Path, tmp_path: Path) -> None:
        with running(folder, tmp_path, SEATRIAL_DRAIN_SECONDS="8") as process:
            process.await_ready()
            callers = _called(process, keeping=4, fresh=4)
            _await(lambda: all(caller.answered > 20 for caller in callers))
            process.popen.terminate()
            process.await_status("/readyz", 503)
            before = [caller.answered for caller in callers]
            _await(
                lambda: all(caller.answered > old + 5 for caller, old in zip(callers, before, strict=True))
            )
            _hang_up(callers)  # by now proxies have forgotten the pod
            assert process.popen.wait(timeout=90) == 0
        assert [caller.errors for caller in callers] == [[]] * 8

    def test_a_request_in_progress_at_the_end_of_the_drain_is_finished(
        self, folder: Path, tmp_path: Path
    ) -> None:
        rows = [[float(i % 7), 1.0, 2.0] for i in range(200_000)]
        with running(folder, tmp_path) as process:
            process.await_ready()
            statuses: list[int] = []
            asking = threading.Thread(
                target=lambda: statuses.append(process.ask("POST", "/predict", {"instances": rows}).status)
            )
            asking.start()
            _await(lambda: 'in_progress{endpoint="/predict"' in process.ask("GET", "/metrics").body.decode())
            assert process.stop() == 0
            asking.join(timeout=90)
        assert statuses == [200]


class TestConnections:
    def test_busy_connections_end_at_their_age_without_an_error(self, short_lived: Process) -> None:
        callers = _called(short_lived, keeping=4, fresh=0)
        _await(lambda: all(caller.connections > 3 for caller in callers))
        _hang_up(callers)
        assert [caller.errors for caller in callers] == [[]] * 4
        assert all(caller.answered > caller.connections for caller in callers)

    @pytest.mark.parametrize("asked", [b"", b"GET /livez HTTP/1.1\r\n\r\n"], ids=["never used", "used once"])
    def test_an_idle_connection_ends_at_its_age(self, short_lived: Process, asked: bytes) -> None:
        opened = time.monotonic()
        with socket.create_connection(("127.0.0.1", short_lived.port), timeout=20) as unused:
            unused.sendall(asked)
            said = b"".join(iter(lambda: unused.recv(1000), b""))
        # timers of an event loop may be a millisecond early
        assert 0.99 <= time.monotonic() - opened < 12
        assert b"connection: close" not in said


def _await(condition: object, seconds: float = 90.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to be")
