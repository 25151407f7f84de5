"""The one line between an operator and its API server: every write is counted, judged, and may be the last."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Literal

from seatrial.kube.transport import Request, Response
from tests.apiserver.faults import Crash
from tests.apiserver.server import FakeApiServer

READS = frozenset({"GET", "HEAD"})
NOT_COUNTED = ("/events", "/leases")

Side = Literal["before", "after"]


class Line:
    """A transport. `cut(n, side)` lets the process die before or after its n-th write, counted from 1."""

    def __init__(self, server: FakeApiServer, *, judge: Callable[[Request], None]) -> None:
        self.writes: list[str] = []
        """Every write but those of Events and Leases, as `METHOD path`."""
        self.refused = 0
        """Writes that the server did not take."""
        self.dead = False
        self._server = server
        self._judge = judge
        self._cut: tuple[int, Side] | None = None
        self._failing: tuple[int, int, bool] | None = None
        self._each: tuple[int, bool] | None = None
        self._tried: set[str] = set()

    def cut(self, number: int, side: Side) -> None:
        """The process dies at this write."""
        self._cut = (number, side)

    def fail(self, number: int, status: int, *, after: bool) -> None:
        """This write is answered `status` once; with `after` it is carried out nevertheless."""
        self._failing = (number, status, after)

    def fail_each(self, status: int, *, after: bool) -> None:
        """The first try of every write is answered `status`."""
        self._each = (status, after)

    async def request(self, request: Request) -> Response:
        """The answer of the server, unless the process dies of asking."""
        if request.method in READS or any(part in request.path for part in NOT_COUNTED):
            self._alive()
            return await self._server.request(request)
        return await self._write(request)

    async def stream(self, request: Request) -> AsyncGenerator[bytes]:
        """The lines of a watch."""
        async with aclosing(self._server.stream(request)) as lines:
            async for line in lines:
                yield line

    async def _write(self, request: Request) -> Response:
        self._alive()
        self.writes.append(f"{request.method} {request.path}")
        number = len(self.writes)
        if self._cut == (number, "before"):
            self._die()
        if (planned := self._planned(request, number)) is not None:
            status, after = planned
            self._server.faults.fail_next(1, status, lambda r: r is request, after=after)
        self._judge(request)
        response = await self._server.request(request)
        self.refused += response.status >= 400
        if self._cut == (number, "after"):
            self._die()
        self._alive()
        return response

    def _planned(self, request: Request, number: int) -> tuple[int, bool] | None:
        if self._failing is not None and self._failing[0] == number:
            return self._failing[1:]
        aim = f"{request.method} {request.path}"
        first = aim not in self._tried
        self._tried.add(aim)
        return self._each if first else None

    def _alive(self) -> None:
        if self.dead:
            raise Crash

    def _die(self) -> None:
        self.dead = True
        raise Crash
