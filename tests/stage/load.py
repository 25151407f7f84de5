"""Users who ask all the time: at a fixed rate, some on connections they keep, some on a new one each time.

Standard library only: `python load.py ADDRESS BODY_FILE` runs in a pod as well, and prints what its users have got as
one line of JSON a second, until it is told to end (SIGTERM); the last line counts everything.
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
"""Seconds after which an answer counts as failed."""
LATE: Final = 1.0
"""Seconds after which a user who has not used a kept connection must expect that the server has ended it."""
REVISION_HEADER: Final = "x-seatrial-revision"


def reached(address: str, *, seconds: float = 15.0) -> None:
    """The Service answers: the node's proxy, which hears of a ready pod a moment after the operator, lets us in."""
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
    """What users got since the last `reset`."""

    answered: int = 0
    failed: int = 0
    revisions: Counter[str] = field(default_factory=Counter)
    new_connections: Counter[str] = field(default_factory=Counter)
    """By revision, of requests that opened a connection for themselves: what a Service shares out."""
    faults: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def share_of(self, revision: str) -> float:
        """The revision's share of the requests on new connections, 0 to 100."""
        total = sum(self.new_connections.values())
        return 100.0 * self.new_connections[revision] / total if total else 0.0

    def to_json(self) -> str:
        """One line with everything but the times of single requests."""
        counted = {"answered": self.answered, "failed": self.failed}
        by_name = {"revisions": self.revisions, "newConnections": self.new_connections, "faults": self.faults}
        return json.dumps(counted | by_name)

    @classmethod
    def from_json(cls, line: str) -> Self:
        """What `to_json` wrote; `ValueError` for any other line."""
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
    """Half of `rate` requests a second on kept connections, half on new ones; from `with` on until its end."""

    def __init__(self, address: str, body: bytes, *, rate: float = 50.0, path: str = "/predict") -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)  # an address of version 6 stands in brackets
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
        """The tally so far; counting begins anew."""
        with self._lock:
            tally, self._tally = self._tally, Tally()
            return tally

    @property
    def tally(self) -> Tally:
        """What was counted since the last reset."""
        return self._tally

    def so_far(self) -> str:
        """The tally as a line of JSON."""
        with self._lock:
            return self._tally.to_json()

    async def _run(self) -> None:
        keepers = max(1, int(self._rate / 2 / 5))
        async with asyncio.TaskGroup() as group:
            for _ in range(keepers):
                group.create_task(self._keep(interval=keepers / (self._rate / 2)))
            group.create_task(self._come_and_go(interval=1 / (self._rate / 2)))

    async def _keep(self, *, interval: float) -> None:
        """One user on one connection; it connects again when the server has ended the connection."""
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        began = time.perf_counter()
        while not self._stop.is_set():
            late = time.perf_counter() - began > interval + LATE
            began = time.perf_counter()
            try:
                # on a busy machine this user comes late, and servers end connections that nobody uses
                if connection is not None and late and connection[0].at_eof():
                    _closed(connection)
                    connection = None
                if connection is None:
                    connection = await asyncio.wait_for(self._connect(), PATIENCE)
                revision, kept = await asyncio.wait_for(self._ask(*connection, keep=True), PATIENCE)
                self._note(revision, began)
                if not kept:
                    _closed(connection)
                    connection = None
            except (OSError, EOFError, TimeoutError, ValueError) as fault:
                self._fault(fault, "kept connection")
                if connection is not None:
                    _closed(connection)
                connection = None
            await asyncio.sleep(max(0.0, interval - (time.perf_counter() - began)))
        if connection is not None:
            _closed(connection)

    async def _come_and_go(self, *, interval: float) -> None:
        due = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            while not self._stop.is_set():
                group.create_task(self._once())
                due += interval
                await asyncio.sleep(max(0.0, due - time.perf_counter()))

    async def _once(self) -> None:
        began = time.perf_counter()
        try:
            connection = await asyncio.wait_for(self._connect(), PATIENCE)
            try:
                revision, _ = await asyncio.wait_for(self._ask(*connection, keep=False), PATIENCE)
            finally:
                _closed(connection)
            self._note(revision, began, new=True)
        except (OSError, EOFError, TimeoutError, ValueError) as fault:
            self._fault(fault, "new connection")

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._host, self._port)

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, keep: bool
    ) -> tuple[str, bool]:
        """The revision that answered 200, and whether the connection may be used again."""
        ending = "" if keep else "Connection: close\r\n"
        writer.write(f"{self._head}{ending}Content-Length: {len(self._body)}\r\n\r\n".encode() + self._body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:])}
        await reader.readexactly(int(headers.get("content-length", "0")))
        if " 200 " not in f"{head[0]} ":
            raise ValueError(head[0])
        return headers.get(REVISION_HEADER, ""), headers.get("connection", "").lower() != "close"

    def _note(self, revision: str, began: float, *, new: bool = False) -> None:
        with self._lock:
            self._tally.answered += 1
            self._tally.revisions[revision] += 1
            self._tally.new_connections[revision] += new
            self._tally.seconds.append(time.perf_counter() - began)

    def _fault(self, fault: BaseException, where: str) -> None:
        with self._lock:
            self._tally.failed += 1
            self._tally.faults[f"{where}: {type(fault).__name__}: {fault}"[:120]] += 1


def _closed(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    connection[1].close()


def main(argv: list[str] | None = None) -> int:
    """The exit code; the Service was asked until the process was told to end."""
    parser = argparse.ArgumentParser(prog="load.py", description=__doc__)
    parser.add_argument("address", help="HOST:PORT")
    parser.add_argument("body", type=Path, help="a file: what is posted to /predict")
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second (default: 50)")
    arguments = parser.parse_args(argv)
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: told.set())
    reached(arguments.address, seconds=60.0)
    with Users(arguments.address, arguments.body.read_bytes(), rate=arguments.rate) as users:
        while not told.wait(1.0):
            print(users.so_far(), flush=True)
    print(users.so_far(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
