"""Free ports on loopback, each given out once."""

import json
import random
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster import cache
from tests.cluster.errors import LabError

FIRST, LAST = 20000, 32000  # below what Linux gives to outgoing connections, so nobody takes one by accident
ENOUGH = 1000  # ports
CLAIMED = 120.0  # seconds for which a port is kept for whoever got it, who listens there by then
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
Claims = Mapping[str, float]


def free(count: int) -> list[int]:
    """So many different ports of 127.0.0.1 where nobody listens; no other process of this user gets them as well."""
    file = cache.root() / "ports.json"
    with cache.locked(cache.root() / ".ports.lock"):
        claims = still_claimed(_read(file), now=time.time())
        found = _chosen(count, claims)
        file.write_text(json.dumps({**claims, **{str(port): time.time() for port in found}}))
    return found


def still_claimed(claims: Claims, *, now: float) -> dict[str, float]:
    """The claims that are not too old; one of the future is of a clock that was put back, and worth nothing."""
    return {port: at for port, at in claims.items() if 0 <= now - at < CLAIMED}


def candidates(first_outgoing: int) -> Sequence[int]:
    """The ports to choose from, where outgoing connections have those from `first_outgoing` on."""
    last = min(LAST, first_outgoing)
    # some machines give nearly all ports to outgoing connections: then there are none of our own
    return range(FIRST, last if last - FIRST >= ENOUGH else LAST)


def listener() -> socket.socket:
    """A listening socket on a free port of 127.0.0.1."""
    (port,) = free(1)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen(4096)
    return sock


def _chosen(count: int, claims: Claims) -> list[int]:
    choice = list(candidates(_first_ephemeral()))
    random.shuffle(choice)
    found: list[int] = []
    for port in choice:
        if len(found) == count:
            break
        if str(port) not in claims and _is_free(port):
            found.append(port)
    if len(found) < count:
        raise LabError("no free ports on loopback; end some programs that listen there")
    return found


def _read(file: Path) -> dict[str, float]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _first_ephemeral() -> int:
    try:
        return int(RANGE.read_text().split()[0])
    except OSError:  # a sandbox that does not say
        return LAST
