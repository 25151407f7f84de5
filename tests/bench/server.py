"""The model server beside a hand-written FastAPI + uvicorn server of the same model, in the same run.

    python -m tests.bench.server [--seconds 4] [--rounds 3] [--connections 16]

Both servers run pinned to one core, the load comes from another one, and rounds alternate, so that whatever else
the machine does meets both. Loopback only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

FASTAPI = """
import sys
import skops.io as sio
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
import numpy as np

model = sio.load(sys.argv[1])
app = FastAPI()

class Question(BaseModel):
    instances: list[list[float]]

class Answer(BaseModel):
    predictions: list[int]
    probabilities: list[list[float]]
    classes: list[int]

@app.get("/readyz")
async def ready() -> None: ...

@app.post("/predict")
async def predict(question: Question) -> Answer:
    rows = np.array(question.instances)
    return Answer(predictions=model.predict(rows).tolist(),
                  probabilities=model.predict_proba(rows).tolist(), classes=model.classes_.tolist())

uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), loop="uvloop", http="httptools", access_log=False,
            log_level="error")
"""


@dataclass(slots=True)
class Tally:
    """What one round, or all rounds of one server, measured."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    cpu: float = 0.0
    """Seconds of processor time of the server."""

    @property
    def cpu_per_request(self) -> float:
        """Microseconds; neighbours on the machine inflate it, unevenly."""
        return 1_000_000 * self.cpu / len(self.latencies)

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Client(asyncio.Protocol):
    """One connection that always has one request on its way."""

    def __init__(self, request: bytes, tally: Tally, ended: asyncio.Future[None]) -> None:
        self.request = request
        self.tally = tally
        self.ended = ended
        self.buffer = b""
        self.sent_at = 0.0
        self.stopped = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The first request."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are none by name
        self._ask()

    def _ask(self) -> None:
        self.sent_at = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """A whole answer is counted, and the next request follows."""
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self.tally.latencies.append(time.perf_counter() - self.sent_at)
        self.tally.failed += not head.startswith(b"HTTP/1.1 200")
        self.buffer = b""
        if self.stopped or b"connection: close" in head:
            self.transport.close()
        else:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection's owner opens the next one."""
        if not self.ended.done():
            self.ended.set_result(None)


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length: ")
    return int(rest.partition(b"\r\n")[0])


async def load(port: int, body: bytes, *, seconds: float, connections: int) -> Tally:
    """Closed loop: every connection asks again as soon as it is answered."""
    head = f"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    tally = Tally()
    started = time.perf_counter()
    ends = started + seconds
    clients = (_client(port, head.encode() + body, tally, ends) for _ in range(connections))
    await asyncio.gather(*clients)
    tally.seconds = time.perf_counter() - started
    return tally


async def _client(port: int, request: bytes, tally: Tally, ends: float) -> None:
    loop = asyncio.get_running_loop()
    while (left := ends - time.perf_counter()) > 0:
        ended: asyncio.Future[None] = loop.create_future()
        made = partial(Client, request, tally, ended)
        _, client = await loop.create_connection(made, "127.0.0.1", port)
        await asyncio.wait({ended}, timeout=left)
        client.stopped = True
        await asyncio.wait({ended}, timeout=30)


@contextmanager
def running(command: list[str], port: int, core: int | None) -> Iterator[int]:
    """The id of a server process on one core, from ready to stopped."""
    pinned = command if core is None else ["taskset", "-c", str(core), *command]
    environment = os.environ | {"SEATRIAL_DRAIN_SECONDS": "0", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(pinned, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            _await_ready(port, process)
            yield process.pid
        finally:
            process.terminate()
            process.wait(timeout=30)


def _await_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise RuntimeError(f"the server on port {port} does not become ready")


def stored_model(folder: Path) -> list[list[float]]:
    """A small real model in the folder, and one row for it."""
    import skops.io as sio
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data, target = load_breast_cancer(return_X_y=True)
    sio.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(data, target), folder / "model.skops")
    rows: list[list[float]] = data[:1].tolist()
    return rows


def measured(*, seconds: float, rounds: int, connections: int) -> dict[str, list[Tally]]:
    """Rounds of both servers, in turns."""
    cores = sorted(os.sched_getaffinity(0))
    server_core = cores[0] if len(cores) > 1 else None
    if server_core is not None:
        os.sched_setaffinity(0, set(cores[1:]))
    ports = {"seatrial": _free_port(), "fastapi": _free_port()}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        body = json.dumps({"instances": stored_model(folder)}).encode()
        (folder / "hand_written.py").write_text(FASTAPI)
        ours = [
            sys.executable,
            "-m",
            "model_runtime.server",
            "--host",
            "127.0.0.1",
            "--port",
            str(ports["seatrial"]),
        ]
        theirs = [
            sys.executable,
            str(folder / "hand_written.py"),
            str(folder / "model.skops"),
            str(ports["fastapi"]),
        ]
        commands = {"seatrial": [*ours, "--model-folder", str(folder)], "fastapi": theirs}
        servers = {
            name: (ports[name], stack.enter_context(running(command, ports[name], server_core)))
            for name, command in commands.items()
        }
        tallies: dict[str, list[Tally]] = {name: [] for name in servers}
        for number in range(rounds + 1):
            for name, (port, process) in servers.items():
                tally = _round(
                    port, process, body, seconds=seconds if number else 1.0, connections=connections
                )
                if number:  # the first round is for the caches
                    tallies[name].append(tally)
    os.sched_setaffinity(0, set(cores))
    return tallies


def _round(port: int, process: int, body: bytes, *, seconds: float, connections: int) -> Tally:
    import uvloop

    before = _cpu_seconds(process)
    tally: Tally = uvloop.run(load(port, body, seconds=seconds, connections=connections))
    tally.cpu = _cpu_seconds(process) - before
    return tally


def _cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.server")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    busy = os.getloadavg()[0]
    tallies = measured(seconds=given.seconds, rounds=given.rounds, connections=given.connections)
    print(
        f"{'server':<10} {'requests/s':>11} {'p50 ms':>8} {'p99 ms':>8} {'CPU µs/request':>15} {'failed':>7}"
    )
    for name, rounds in tallies.items():
        p50, p99 = (statistics.median(tally.quantile(share) for tally in rounds) for share in (0.5, 0.99))
        rate, cpu, failed = _rate(rounds), _cpu(rounds), sum(tally.failed for tally in rounds)
        print(f"{name:<10} {rate:>11.0f} {p50:>8.2f} {p99:>8.2f} {cpu:>15.0f} {failed:>7}")
    ours, theirs = tallies["seatrial"], tallies["fastapi"]
    print(f"ratio of requests/s {_rate(ours) / _rate(theirs):.2f} (the budget is 0.85)")
    print(f"ratio by processor time {_cpu(theirs) / _cpu(ours):.2f}")
    if busy > 1:
        print(
            f"the machine was busy (load {busy:.1f} before the start): no figure here means much; run it again alone"
        )


def _rate(rounds: list[Tally]) -> float:
    return statistics.median(tally.rate for tally in rounds)


def _cpu(rounds: list[Tally]) -> float:
    return statistics.median(tally.cpu_per_request for tally in rounds)


if __name__ == "__main__":
    main()
