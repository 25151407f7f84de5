"""Real server processes on loopback ports, and the application alone, without a process."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from model_runtime.formats import Loaded
from model_runtime.formats.examples import synthetic_example
from model_runtime.server import routes
from model_runtime.server.edge import Edge
from model_runtime.server.executor import Executor
from model_runtime.server.handlers import Handlers, ServedModel
from model_runtime.server.protocols.predict import PredictProtocol
from model_runtime.server.protocols.v2 import V2Protocol

ROOT = Path(__file__).parents[4]


def served(
    model: Loaded, *, name: str = "churn", concurrency: int = 8, timeout: float = 5.0, limit: int = 1 << 20
) -> ServedModel:
    """Return a model with everything that is needed to serve it."""
    return ServedModel(
        model=model,
        predict_protocol=PredictProtocol(model.signature),
        v2_protocol=V2Protocol(model.signature, name=name, version="v7"),
        executor=Executor(concurrency=concurrency, timeout=timeout, threads=2),
        example=synthetic_example(model.signature),
        body_limit=limit,
    )


def bound(one: ServedModel) -> Handlers:
    """Handlers with a model."""
    answers = Handlers()
    answers.bind(one)
    return answers


def application(model: Loaded, **settings: Any) -> ASGIApp:
    """The routes of a model."""
    return routes.application(bound(served(model, **settings)))


def behind_edge(model: Loaded, *, age: float = 0.0, clock: Callable[[], float] = time.monotonic) -> Edge:
    """Return the routes of a model behind the edge."""
    edge = Edge(connection_age=age, clock=clock)
    edge.serve(application(model), name="churn")
    return edge


@dataclass
class Reply:
    """A whole response."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def document(self) -> Any:
        """The JSON of the body."""
        return json.loads(self.body)


async def ask(
    app: ASGIApp,
    path: str,
    body: bytes | Any = b"",
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    state: dict[str, Any] | None = None,
) -> Reply:
    """One request to an application, without a network."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = [(key.lower().encode(), value.encode()) for key, value in (headers or {}).items()]
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": sent,
        "state": state if state is not None else {},
    }
    reply = Reply()

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            reply.status = message["status"]
            reply.headers = {key.decode(): value.decode() for key, value in message["headers"]}
        else:
            reply.body += message.get("body", b"")

    await app(scope, receive, send)
    return reply


@dataclass
class Process:
    """A running server."""

    popen: subprocess.Popen[str]
    port: int
    termination_message: Path

    def ask(
        self, method: str, path: str, body: bytes | Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """One request over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        try:
            connection.request(method, path, content, headers or {})
            return replied(connection)
        finally:
            connection.close()

    def await_ready(self) -> None:
        """Wait until the model is ready."""
        self.await_status("/readyz", 200)

    def await_status(self, path: str, status: int) -> None:
        """Wait until the path responds with this status, for at most two minutes."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.popen.poll() is None:
            try:
                if self.ask("GET", path).status == status:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"{path} never answered {status}; the process: {self.popen.poll()}")

    def stop(self) -> int:
        """Stop the process and return its exit code."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(timeout=120)


def replied(connection: http.client.HTTPConnection) -> Reply:
    """The response on a connection."""
    response = connection.getresponse()
    return Reply(
        response.status, {key.lower(): value for key, value in response.getheaders()}, response.read()
    )


@contextmanager
def running(folder: Path | None, scratch: Path, **environment: str) -> Iterator[Process]:
    """A server of the model in `folder`, or of an image, from the moment that it listens until it is gone."""
    message = scratch / "termination-log"
    command = [sys.executable, "-m", "model_runtime.server"]
    command += [] if folder is None else ["--model-folder", str(folder)]
    variables = os.environ | {
        "PYTHONPATH": str(ROOT),
        "SEATRIAL_TERMINATION_MESSAGE_PATH": str(message),
        "SEATRIAL_DEPLOYMENT": "churn",
        "SEATRIAL_REVISION": "9f3c2a71d0",
        "SEATRIAL_DRAIN_SECONDS": "0",
        "BENTOML_HOME": str(scratch / "bentoml"),
        **environment,
    }
    log = (scratch / "log").open("w+")
    with (
        log,
        subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", "0"],
            stderr=log,
            env=variables,
            text=True,
            cwd=scratch,
        ) as popen,
    ):
        try:
            yield Process(popen, _port(popen, Path(log.name)), message)
        finally:
            if popen.poll() is None:
                popen.kill()


def log_lines(scratch: Path) -> list[dict[str, Any]]:
    """What the server of this folder has logged."""
    return [json.loads(line) for line in (scratch / "log").read_text().splitlines()]


def _port(popen: subprocess.Popen[str], log: Path) -> int:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if '"listening"' in line:
                return int(json.loads(line)["port"])
        if popen.poll() is not None:
            break
        time.sleep(0.02)
    raise AssertionError(f"the server does not listen: {log.read_text()}")
