"""The transport of an operator in a story: counts and checks every write, and injects failures and crashes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Literal

from seatrial.kube.transport import Request, Response
from tests.apiserver.faults import Crash
from tests.apiserver.server import FakeApiServer

READS = frozenset({"GET", "HEAD"})
NOT_COUNTED = ("/events", "/leases")

Side = Literal["before", "after"]


class OperatorTransport:
    """Sends one operator's requests to the fake API server; writes are numbered from 1."""

    def __init__(self, server: FakeApiServer, *, check_write: Callable[[Request], None]) -> None:
        self.writes: list[str] = []
        """Every write except those of Events and Leases, as `METHOD path`."""
        self.attempts: list[Request] = []
        """The requests of `writes`."""
        self.crashed = False
        self.write_latency = 0.0
        """Seconds between sending a write and its effect."""
        self.seconds_per_write = 0.0
        """Seconds of work that a write costs the server, which does one after the other."""
        self._busy_until = 0.0
        self._server = server
        self._check_write = check_write
        self._crash_at: tuple[int, Side] | None = None
        self._failing_write: tuple[int, int, bool] | None = None
        self._failing_first_attempts: tuple[int, bool] | None = None
        self._attempted: set[str] = set()

    def crash_at(self, number: int, side: Side) -> None:
        """Crash the process before or after the write with this number."""
        self._crash_at = (number, side)

    def fail_write(self, number: int, status: int, *, after: bool) -> None:
        """Respond to one write with `status`; with `after`, carry it out nevertheless."""
        self._failing_write = (number, status, after)

    def fail_first_attempts(self, status: int, *, after: bool) -> None:
        """Respond to the first attempt of every write with `status`; with `after`, carry it out nevertheless."""
        self._failing_first_attempts = (status, after)

    async def request(self, request: Request) -> Response:
        """Return the server's response, or raise `Crash`."""
        if (
            request.method in READS
            or "dryRun" in request.query
            or any(part in request.path for part in NOT_COUNTED)
        ):
            self._check_alive()
            return await self._server.request(request)
        return await self._write(request)

    async def stream(self, request: Request) -> AsyncGenerator[bytes]:
        """Yield the lines of a watch."""
        async with aclosing(self._server.stream(request)) as lines:
            async for line in lines:
                yield line

    async def _write(self, request: Request) -> Response:
        self._check_alive()
        self.writes.append(f"{request.method} {request.path}")
        self.attempts.append(request)
        number = len(self.writes)
        if self._crash_at == (number, "before"):
            self._crash()
        if (failure := self._failure_of(request, number)) is not None:
            status, after = failure
            self._server.faults.fail_next(1, status, lambda r: r is request, after=after)
        self._check_write(request)
        await self._delay()
        response = await self._server.request(request)
        if self._crash_at == (number, "after"):
            self._crash()
        self._check_alive()
        return response

    async def _delay(self) -> None:
        now = asyncio.get_running_loop().time()
        self._busy_until = max(self._busy_until, now) + self.seconds_per_write
        await asyncio.sleep(self.write_latency + self._busy_until - now)

    def _failure_of(self, request: Request, number: int) -> tuple[int, bool] | None:
        if self._failing_write is not None and self._failing_write[0] == number:
            return self._failing_write[1:]
        operation = f"{request.method} {request.path}"
        is_first = operation not in self._attempted
        self._attempted.add(operation)
        return self._failing_first_attempts if is_first else None

    def _check_alive(self) -> None:
        if self.crashed:
            raise Crash

    def _crash(self) -> None:
        self.crashed = True
        raise Crash
