"""The HTTP server beneath: uvicorn on uvloop and httptools, without signals, access log or surprises."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Generator
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from model_runtime.server.front import OPENED, Front
from model_runtime.server.settings import Settings

IDLE: Final = 620
"""Seconds an unused connection is kept: longer than clients and proxies keep theirs, so that they end it, not we."""
BACKLOG: Final = 2048


class Connection(HttpToolsProtocol):
    """A connection that knows its age."""

    def connection_made(self, transport: Any) -> None:
        """Every request of this connection carries when it was opened."""
        super().connection_made(transport)
        self.app_state = {OPENED: time.monotonic()}


class Server(uvicorn.Server):
    """A server that leaves signals to the process: it must drain before it closes its door."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Nothing is captured."""
        yield


def server(front: Front, wanted: Settings) -> Server:
    """The server of this process; not yet listening."""
    return Server(
        uvicorn.Config(
            front,
            loop="none",
            http=Connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            headers=[("x-seatrial-revision", wanted.revision)],
            timeout_keep_alive=IDLE,
            timeout_graceful_shutdown=int(wanted.timeout) + 5,
            backlog=BACKLOG,
        )
    )


def door(wanted: Settings) -> socket.socket:
    """The bound socket; IPv6 where the host is written so."""
    family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((wanted.host, wanted.port))
    return bound
