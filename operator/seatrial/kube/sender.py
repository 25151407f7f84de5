"""Sends requests: through the limiter, behind the fence, within a time-out, and never again while the first may arrive.

The time-outs are longer than the server's own, so that a slow server says what came of a request instead of being
asked again. A write that is under way ends soon after the lease was lost, however long it may take otherwise.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from seatrial.kube import failures
from seatrial.kube.limiter import Limiter
from seatrial.kube.transport import Request, Response, Transport
from seatrial.kube.unsettled import UnsettledWrites

READ_SECONDS: Final = 30.0
LIST_SECONDS: Final = 60.0
"""The API server ends every request but a watch after this time by default."""
WRITE_SECONDS: Final = 40.0
"""The API server ends a write after 34 seconds, and says so."""
FENCE_SECONDS: Final = 5.0
"""A write under way ends so soon after the fence has closed: before another process may hold the lease."""
LONGEST_WAIT: Final = 5.0
"""Seconds of a pause that a write or a get waits for; in a longer pause it fails, and the pass is retried."""
DEFAULT_RETRY_AFTER: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A write of the object at `path`, which is empty when the server chooses its name."""

    operation: str
    path: str
    request: Request


class Sender:
    """Sends requests and returns the responses; raises the error that a status of 400 or more stands for.

    `fence` returns whether this process may write. No request takes longer than `longest` seconds.
    """

    def __init__(
        self, http: Transport, limiter: Limiter, fence: Callable[[], bool], *, longest: float = math.inf
    ) -> None:
        self._http = http
        self._limiter = limiter
        self._fence = fence
        self._longest = longest
        self._unsettled = UnsettledWrites()

    def is_unsettled(self, path: str) -> bool:
        """Return whether the outcome of the last write to `path` is unknown."""
        return path in self._unsettled

    async def read(self, operation: str, request: Request) -> Response:
        """Send a request that changes nothing and is answered at once."""
        async with self._limiter.in_flight(operation, longest_wait=LONGEST_WAIT):
            return await self._checked(request, READ_SECONDS)

    async def read_page(self, request: Request) -> Response:
        """Send a request for many objects: how long that takes says nothing about the load of the server."""
        await self._limiter.acquire()
        return await self._checked(request, LIST_SECONDS)

    async def read_through(self, request: Request, *, within: float) -> Response:
        """Send a request that something behind the API server answers: a 429 of it pauses no other request."""
        await self._limiter.acquire(longest_wait=LONGEST_WAIT)
        response = await self._response(request, within or READ_SECONDS)
        if response.status < 400:
            return response
        raise failures.from_response(response)

    async def lines(self, request: Request) -> AsyncGenerator[bytes]:
        """Yield the lines of an endless response."""
        await self._limiter.acquire()
        try:
            async for line in self._http.stream(request):
                yield line
        except failures.ApiError as error:
            raise self._paused_by(error) from None

    async def write(self, write: Write, on_send: Callable[[], None]) -> Response:
        """Send a write; call `on_send` right before. Raise `NotLeader` or `Unsettled` if it must not be sent."""
        self._check_settled(write.path)
        async with self._limiter.in_flight(write.operation, longest_wait=LONGEST_WAIT):
            if not self._fence():
                raise failures.NotLeader(f"{write.operation} {write.path} not sent: the lease is not ours")
            on_send()
            with self._settling(write.path):
                return await self._while_fence_is_open(write.request)

    def _check_settled(self, path: str) -> None:
        if (left := self._unsettled.seconds_left(path, self._limiter.clock())) > 0:
            raise failures.Unsettled(left)

    @contextmanager
    def _settling(self, path: str) -> Iterator[None]:
        """Note whether the outcome of a write to `path` is known."""
        try:
            yield
        except failures.Unavailable as error:
            if error.outcome_unknown and path:
                self._unsettled.add(path, self._limiter.clock())
            raise
        self._unsettled.settle(path)

    async def _while_fence_is_open(self, request: Request) -> Response:
        try:
            async with asyncio.timeout(None) as limit:
                watch = _FenceWatch(self._fence, limit)
                try:
                    return await self._checked(request, WRITE_SECONDS)
                finally:
                    watch.end()
        except TimeoutError as error:
            raise failures.unreachable(error) from error

    async def _checked(self, request: Request, seconds: float) -> Response:
        response = await self._response(request, seconds)
        if response.status < 400:
            return response
        raise self._paused_by(failures.from_response(response))

    async def _response(self, request: Request, seconds: float) -> Response:
        """Return the response; the time-out includes a login and a second try."""
        limited = replace(request, timeout=min(seconds, self._longest))
        try:
            async with asyncio.timeout(limited.timeout):
                return await self._http.request(limited)
        except TimeoutError as error:
            raise failures.unreachable(error) from error

    def _paused_by(self, error: failures.ApiError) -> failures.ApiError:
        """Pause all requests if `error` is a 429; return `error`."""
        if isinstance(error, failures.TooManyRequests):
            self._limiter.pause(error.retry_after or DEFAULT_RETRY_AFTER)
        return error


class _FenceWatch:
    """Ends a time-out within `FENCE_SECONDS` seconds after the fence has closed."""

    def __init__(self, fence: Callable[[], bool], limit: asyncio.Timeout) -> None:
        self._fence = fence
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(FENCE_SECONDS, self._look)

    def end(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        if self._fence():
            self._timer = self._loop.call_later(FENCE_SECONDS, self._look)
        else:
            self._limit.reschedule(self._loop.time())
