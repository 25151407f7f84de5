"""The HTTP server beneath: uvicorn on uvloop and httptools, without signals, access log or surprises."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Generator
from typing import Final

import uvicorn

from model_runtime.server import connection
from model_runtime.server.edge import Front
from model_runtime.server.settings import Settings

IDLE: Final = 620
"""Seconds an unused connection is kept where none has an age: longer than clients and proxies keep theirs, so that
they end it, not we."""
PATIENCE: Final = 10.0
"""Seconds that the head of a request may take."""
BACKLOG: Final = 2048


class Server(uvicorn.Server):
    """A server that leaves signals to the process: it must drain before it closes its door."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Nothing is captured."""
        yield


def server(front: Front, wanted: Settings, *, patience: float = PATIENCE) -> Server:
    """The server of this process; not yet listening."""
    return Server(
        uvicorn.Config(
            front,
            loop="none",
            http=connection.of(wanted.connection_age, patience),
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
