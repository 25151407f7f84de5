"""Loopback ports outside that lead to addresses inside the node, one new connection inside for each outside."""

import json
import os
import socket
from pathlib import Path

from tests.cluster import binaries, ports
from tests.cluster.errors import LabError
from tests.cluster.plan import Process

SOCKET = "forward.sock"
TIMEOUT = 10.0  # seconds


def process(folder: Path) -> Process:
    """The forwarder, inside the node."""
    # a short, relative name, because the path of a Unix socket may have 107 letters only
    return Process("forward", [str(binaries.path_of("forward")), SOCKET], cwd=str(folder))


def open_port(folder: Path, host: str, port: int) -> int:
    """The port of 127.0.0.1 that leads to this address inside; the same one when asked again."""
    with ports.listener() as listening, socket.socket(socket.AF_UNIX) as control:
        control.settimeout(TIMEOUT)
        _connect(control, folder)
        wanted = json.dumps({"target": f"{host}:{port}"}).encode()
        socket.send_fds(control, [wanted], [listening.fileno()])
        answer = json.loads(control.makefile().readline() or '{"error": "no answer"}')
    if error := answer.get("error"):
        raise LabError(f"{host}:{port} cannot be forwarded: {error}")
    return int(answer["port"])


def _connect(control: socket.socket, folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        control.connect(f"/proc/self/fd/{descriptor}/{SOCKET}")
    except OSError as error:
        raise LabError(f"the forwarder of {folder} does not answer: {error}") from error
    finally:
        os.close(descriptor)
