"""Free ports on loopback."""

import random
import socket
from pathlib import Path

from tests.cluster.errors import LabError

FIRST, LAST = 20000, 32000  # below what Linux gives to outgoing connections, so nobody takes one by accident


def free(count: int) -> list[int]:
    """So many different ports of 127.0.0.1 that nobody listened on just now."""
    candidates = list(range(FIRST, min(LAST, _first_ephemeral())))
    random.shuffle(candidates)
    found: list[int] = []
    for port in candidates:
        if _is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise LabError("no free ports on loopback; end some programs that listen there")


def listener() -> socket.socket:
    """A listening socket on a free port of 127.0.0.1."""
    (port,) = free(1)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen(4096)
    return sock


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _first_ephemeral() -> int:
    return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
