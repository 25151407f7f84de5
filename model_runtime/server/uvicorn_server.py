"""The HTTP server: uvicorn on uvloop and httptools, without signal handlers and access log."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Generator
from typing import Final

import uvicorn

from model_runtime.server import connection
from model_runtime.server.edge import Edge
from model_runtime.server.settings import Settings

KEEP_ALIVE: Final = 620
"""Seconds that an idle connection is kept when it has no age: longer than clients and proxies keep theirs, so that
they close it, not this server."""
MESSAGE_TIMEOUT: Final = 10.0
"""Seconds that the head of a request may take."""
BACKLOG: Final = 2048


class UvicornServer(uvicorn.Server):
    """A server that leaves signals to the process, which must drain before it closes its socket."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture nothing."""
        yield


def create_server(
    edge: Edge, settings: Settings, *, message_timeout: float = MESSAGE_TIMEOUT
) -> UvicornServer:
    """Return the server of this process; it does not listen yet."""
    return UvicornServer(
        uvicorn.Config(
            edge,
            loop="none",
            http=connection.connection_class(settings.connection_age, message_timeout),
            ws="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            headers=[("x-seatrial-revision", settings.revision)],
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=int(settings.timeout) + 5,
            backlog=BACKLOG,
        )
    )


def bind_socket(settings: Settings) -> socket.socket:
    """Return a bound socket; IPv6 when the host is an IPv6 address."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((settings.host, settings.port))
    return bound
