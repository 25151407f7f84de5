"""A load generator: requests at a fixed rate, half on persistent connections, half on a new connection each.

It uses only the standard library, so that `python load.py ADDRESS BODY_FILE` runs in a pod as well. It prints its
counts as one line of JSON a second until SIGTERM; the last line counts all requests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

PATIENCE: Final = 10.0
"""Seconds after which a request counts as failed."""
LATE: Final = 0.5
"""Seconds of delay after which a client must expect that the server has closed an idle kept-alive connection: the
server announces the end in responses during the last second of a connection's age, and then closes it."""
REVISION_HEADER: Final = "x-seatrial-revision"


def reached(address: str, *, seconds: float = 15.0) -> None:
    """Wait until the Service answers: the node's proxy learns of a ready pod a moment after the operator."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"http://{address}/readyz", timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@dataclass(slots=True)
class Tally:
    """The requests since the last `reset`, by outcome and revision."""

    answered: int = 0
    failed: int = 0
    revisions: Counter[str] = field(default_factory=Counter)
    new_connections: Counter[str] = field(default_factory=Counter)
    """By revision, of requests on a new connection: these show how the Service distributes traffic."""
    faults: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def share_of(self, revision: str) -> float:
        """Return the revision's share of the requests on new connections, 0 to 100."""
        total = sum(self.new_connections.values())
        return 100.0 * self.new_connections[revision] / total if total else 0.0

    def to_json(self) -> str:
        """Return one line with everything except the durations of single requests."""
        counted = {"answered": self.answered, "failed": self.failed}
        by_name = {"revisions": self.revisions, "newConnections": self.new_connections, "faults": self.faults}
        return json.dumps(counted | by_name)

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Parse a line of `to_json`; raise ValueError for any other line."""
        try:
            raw = json.loads(line)
            return cls(
                int(raw["answered"]),
                int(raw["failed"]),
                Counter(raw["revisions"]),
                Counter(raw["newConnections"]),
                Counter(raw["faults"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"no tally: {line[:200]}") from error


class Users:
    """Clients that send half of `rate` requests a second on persistent connections, and half on new ones.

    Use as a context manager.
    """

    def __init__(self, address: str, body: bytes, *, rate: float = 50.0, path: str = "/predict") -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)  # an IPv6 address is in brackets
        self._head = f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n"
        self._body = body
        self._rate = rate
        self._tally = Tally()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def reset(self) -> Tally:
        """Return the tally so far, and start a new one."""
        with self._lock:
            tally, self._tally = self._tally, Tally()
            return tally

    @property
    def tally(self) -> Tally:
        """Return the counts since the last reset."""
        return self._tally

    def so_far(self) -> str:
        """Return the tally as a line of JSON."""
        with self._lock:
            return self._tally.to_json()

    async def _run(self) -> None:
        clients = max(1, int(self._rate / 2 / 5))
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(self._send_on_one_connection(interval=clients / (self._rate / 2)))
            group.create_task(self._send_on_new_connections(interval=1 / (self._rate / 2)))

    async def _send_on_one_connection(self, *, interval: float) -> None:
        """Send requests on one connection, and connect again when the server closes it."""
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        began = time.perf_counter()
        while not self._stop.is_set():
            late = time.perf_counter() - began > interval + LATE
            began = time.perf_counter()
            try:
                # on a busy machine this client comes late, and servers close connections that nobody uses
                if connection is not None and late and connection[0].at_eof():
                    _close(connection)
                    connection = None
                if connection is None:
                    connection = await asyncio.wait_for(self._connect(), PATIENCE)
                revision, reusable = await asyncio.wait_for(self._send(*connection, keep=True), PATIENCE)
                self._count_answer(revision, began)
                if not reusable:
                    _close(connection)
                    connection = None
            except (OSError, EOFError, TimeoutError, ValueError) as fault:
                self._count_fault(fault, "persistent connection")
                if connection is not None:
                    _close(connection)
                connection = None
            await asyncio.sleep(max(0.0, interval - (time.perf_counter() - began)))
        if connection is not None:
            _close(connection)

    async def _send_on_new_connections(self, *, interval: float) -> None:
        due = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            while not self._stop.is_set():
                group.create_task(self._send_once())
                due += interval
                await asyncio.sleep(max(0.0, due - time.perf_counter()))

    async def _send_once(self) -> None:
        began = time.perf_counter()
        try:
            connection = await asyncio.wait_for(self._connect(), PATIENCE)
            try:
                revision, _ = await asyncio.wait_for(self._send(*connection, keep=False), PATIENCE)
            finally:
                _close(connection)
            self._count_answer(revision, began, new=True)
        except (OSError, EOFError, TimeoutError, ValueError) as fault:
            self._count_fault(fault, "new connection")

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._host, self._port)

    async def _send(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, keep: bool
    ) -> tuple[str, bool]:
        """Send a request; return the revision that answered 200, and whether the connection can be used again."""
        ending = "" if keep else "Connection: close\r\n"
        writer.write(f"{self._head}{ending}Content-Length: {len(self._body)}\r\n\r\n".encode() + self._body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:])}
        await reader.readexactly(int(headers.get("content-length", "0")))
        if " 200 " not in f"{head[0]} ":
            raise ValueError(head[0])
        return headers.get(REVISION_HEADER, ""), headers.get("connection", "").lower() != "close"

    def _count_answer(self, revision: str, began: float, *, new: bool = False) -> None:
        with self._lock:
            self._tally.answered += 1
            self._tally.revisions[revision] += 1
            self._tally.new_connections[revision] += new
            self._tally.seconds.append(time.perf_counter() - began)

    def _count_fault(self, fault: BaseException, where: str) -> None:
        with self._lock:
            self._tally.failed += 1
            self._tally.faults[f"{where}: {type(fault).__name__}: {fault}"[:120]] += 1


def _close(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    connection[1].close()


def main(argv: list[str] | None = None) -> int:
    """Send requests to the Service until SIGTERM; return the exit code."""
    parser = argparse.ArgumentParser(prog="load.py", description=__doc__)
    parser.add_argument("address", help="HOST:PORT")
    parser.add_argument("body", type=Path, help="file with the body of the requests to /predict")
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second (default: 50)")
    arguments = parser.parse_args(argv)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    reached(arguments.address, seconds=60.0)
    with Users(arguments.address, arguments.body.read_bytes(), rate=arguments.rate) as users:
        while not stop.wait(1.0):
            print(users.so_far(), flush=True)
    print(users.so_far(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
