"""Asks the lab's name server as a pod would, through its Service: the last part of a node to be ready."""

import contextlib
import socket
import struct
import time

from tests.cluster.errors import LabError

TIMEOUT = 5.0  # seconds
PAUSE = 0.1  # seconds
HEADER = struct.Struct("!6H")  # id, flags, questions, answers, and two more counts
QUESTION_OF_ADDRESS = struct.pack("!2H", 1, 1)
RECURSION_DESIRED = 0x0100
RCODE = 0x000F


def await_name(port: int, name: str, *, seconds: float) -> None:
    """The name server behind this port of 127.0.0.1 knows the name."""
    deadline = time.monotonic() + seconds
    while not knows(port, name):
        if time.monotonic() > deadline:
            raise LabError(
                f"the lab's name server did not know {name} within {seconds:.0f} s; see coredns.log"
            )
        time.sleep(PAUSE)


def knows(port: int, name: str) -> bool:
    """Whether the name server has an address for the name; one that is silent or not there does not."""
    with (
        contextlib.suppress(OSError, EOFError),
        socket.create_connection(("127.0.0.1", port), TIMEOUT) as server,
    ):
        asked = question(name)
        server.sendall(struct.pack("!H", len(asked)) + asked)
        with server.makefile("rb") as stream:
            (size,) = struct.unpack("!H", _exactly(stream.read(2), 2))
            return has_answer(_exactly(stream.read(size), size))
    return False


def question(name: str) -> bytes:
    """The message that asks for the name's IPv4 address."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    return HEADER.pack(1, RECURSION_DESIRED, 1, 0, 0, 0) + labels + b"\0" + QUESTION_OF_ADDRESS


def has_answer(message: bytes) -> bool:
    """Whether the message says an address, and no error."""
    if len(message) < HEADER.size:
        return False
    _, flags, _, answers, _, _ = HEADER.unpack(message[: HEADER.size])
    return not flags & RCODE and answers > 0


def _exactly(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise EOFError
    return data
