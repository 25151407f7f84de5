"""The lab knows whether its name server answers."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from tests.cluster import dns
from tests.cluster.errors import LabError

ADDRESS = bytes([10, 245, 0, 2])
NO_ERROR, NO_SUCH_NAME, FAILURE = 0, 3, 2


def said(*, code: int, answers: int) -> bytes:
    """What a name server says."""
    return (
        dns.HEADER.pack(1, 0x8180 | code, 1, answers, 0, 0) + b"\3lab\0" + struct.pack("!2H", 1, 1) + ADDRESS
    )


def framed(message: bytes) -> bytes:
    return struct.pack("!H", len(message)) + message


@contextlib.contextmanager
def server(*answers: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Its port, and what it was asked; each connection gets the next answer, the last one again and again."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    with client:
                        asked.append(client.recv(4096))
                        client.sendall(answers[min(len(asked), len(answers)) - 1])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1], asked
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_question_is_as_the_protocol_wants_it() -> None:
    message = dns.question("registry.lab.")
    assert message[:12] == b"\0\1\1\0\0\1\0\0\0\0\0\0"
    assert message[12:] == b"\x08registry\x03lab\0\0\1\0\1"


@pytest.mark.parametrize(
    ("answer", "known"),
    [
        pytest.param(framed(said(code=NO_ERROR, answers=1)), True, id="an address"),
        pytest.param(framed(said(code=NO_ERROR, answers=0)), False, id="a name without an address"),
        pytest.param(framed(said(code=NO_SUCH_NAME, answers=0)), False, id="no such name"),
        pytest.param(framed(said(code=FAILURE, answers=1)), False, id="a failure"),
        pytest.param(framed(b"\0\1"), False, id="too short a message"),
        pytest.param(framed(said(code=NO_ERROR, answers=1))[:-3], False, id="a message cut off"),
        pytest.param(b"", False, id="an end without a word"),
    ],
)
def test_a_name_is_known_when_there_is_an_address(answer: bytes, known: bool) -> None:
    with server(answer) as (port, asked):
        assert dns.knows(port, "registry.lab") is known
    assert asked == [framed(dns.question("registry.lab"))]


def test_a_server_that_is_not_there_knows_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert not dns.knows(port, "registry.lab")


def test_it_is_asked_until_it_knows() -> None:
    unknown, known = (framed(said(code=code, answers=n)) for code, n in ((NO_SUCH_NAME, 0), (NO_ERROR, 1)))
    with server(unknown, b"", known) as (port, asked):
        dns.await_name(port, "s3.lab", seconds=30)
    assert len(asked) == 3


def test_it_is_said_where_to_look_when_it_never_knows() -> None:
    with (
        server(framed(said(code=FAILURE, answers=0))) as (port, _),
        pytest.raises(LabError, match=r"did not know s3\.lab within 0 s; see coredns\.log"),
    ):
        dns.await_name(port, "s3.lab", seconds=0)
