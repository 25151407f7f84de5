"""What comes over a connection that is no plain request: offers, endless heads, nonsense, several at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeAlias

import pytest

from model_runtime.server import routes, uvicorn_server
from model_runtime.server.edge import Edge
from model_runtime.server.settings import Settings
from tests.unit.runtime.server import models
from tests.unit.runtime.server.serving import bound, served

BODY = b'[{"a": 1, "b": 2}]'
ANSWER = {"predictions": [{"prediction": 3.0}]}
LENGTH = b"content-length: %d\r\n" % len(BODY)
H2C = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"
WEBSOCKET = b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n"


FAREWELL = b"GET /v2/health/live HTTP/1.1\r\nconnection: close\r\n\r\n"
Said: TypeAlias = tuple[int, dict[str, str], bytes]


@dataclass
class Wire:
    """A server's port."""

    port: int

    async def say(self, *pieces: bytes, leave: bool = True) -> list[Said]:
        """All the responses on one connection, which ends after the pieces: by us, or by the server."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in [*pieces, FAREWELL] if leave else pieces:
                writer.write(piece)
                await writer.drain()
            replies = parsed(await asyncio.wait_for(reader.read(), 20))
        finally:
            writer.close()
        return replies[:-1] if replies[-1][2] == b'{"live":true}' else replies


def parsed(text: bytes) -> list[Said]:
    replies = []
    while text:
        head, _, rest = text.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(headers["content-length"])
        replies.append((int(lines[0].split()[1]), headers, rest[:length]))
        text = rest[length:]
    return replies


def post(headers: bytes = LENGTH, body: bytes = BODY, path: bytes = b"/predict") -> bytes:
    return b"POST %s HTTP/1.1\r\nhost: churn\r\n%s\r\n%s" % (path, headers, body)


@contextlib.asynccontextmanager
async def listening_at(*, age: float = 0.0, message_timeout: float = 10.0) -> AsyncIterator[Wire]:
    edge = Edge(connection_age=age)
    edge.serve(routes.application(bound(served(models.sums()))), name="churn")
    wanted = Settings(host="127.0.0.1", port=0, revision="9f3c2a71d0", timeout=1.0, connection_age=age)
    server = uvicorn_server.create_server(edge, wanted, message_timeout=message_timeout)
    door = uvicorn_server.bind_socket(wanted)
    door.listen()
    serving = asyncio.create_task(server.serve(sockets=[door]))
    try:
        yield Wire(door.getsockname()[1])
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with listening_at() as made:
        yield made


class TestUpgrades:
    @pytest.mark.parametrize("offer", [H2C, WEBSOCKET], ids=["h2c", "websocket"])
    async def test_an_upgrade_request_gets_a_response_in_http_1_1(self, wire: Wire, offer: bytes) -> None:
        (reply,) = await wire.say(post(offer + LENGTH))
        assert (reply[0], json.loads(reply[2])) == (200, ANSWER)

    async def test_the_body_of_an_upgrade_request_may_arrive_later_or_in_chunks(self, wire: Wire) -> None:
        whole = post(H2C + LENGTH)
        for cut in range(10, len(whole), 17):
            (reply,) = await wire.say(whole[:cut], whole[cut:])
            assert json.loads(reply[2]) == ANSWER
        chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
        (reply,) = await wire.say(post(H2C + b"transfer-encoding: chunked\r\n", chunks))
        assert json.loads(reply[2]) == ANSWER

    async def test_many_upgrade_requests_on_one_connection_are_declined(self, wire: Wire) -> None:
        get = b"GET /v2/health/live HTTP/1.1\r\n" + WEBSOCKET + b"\r\n"
        replies = await wire.say(get * 1500)
        assert [reply[0] for reply in replies] == [200] * 1500

    async def test_requests_after_an_upgrade_request_get_responses(self, wire: Wire) -> None:
        replies = await wire.say(post(H2C + LENGTH) + post() + post(H2C + LENGTH))
        assert [json.loads(reply[2]) for reply in replies] == [ANSWER] * 3

    async def test_connection_close_in_an_upgrade_request_is_honoured(self, wire: Wire) -> None:
        offer = H2C.replace(b"Upgrade, ", b"close, Upgrade, ")
        (reply,) = await wire.say(post(offer + LENGTH) + post(), leave=False)
        assert reply[1]["connection"] == "close"

    async def test_connect_is_rejected(self, wire: Wire) -> None:
        (reply,) = await wire.say(b"CONNECT elsewhere:80 HTTP/1.1\r\nhost: elsewhere\r\n\r\n", leave=False)
        assert reply[0] in (400, 405)


class TestHeads:
    @pytest.mark.parametrize(
        "endless",
        [
            pytest.param(b"GET /livez HTTP/1.1\r\nx: " + b"a" * 600_000, id="one header"),
            pytest.param(b"GET /livez HTTP/1.1\r\n" + b"x: y\r\n" * 100_000, id="many headers"),
            pytest.param(b"GET /" + b"a" * 600_000, id="the path"),
        ],
    )
    async def test_an_endless_head_is_rejected(self, wire: Wire, endless: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        with contextlib.suppress(ConnectionError):  # it may be gone before it was heard out
            for start in range(0, len(endless), 16_384):
                writer.write(endless[start : start + 16_384])
                await writer.drain()
            assert await asyncio.wait_for(reader.read(12), 20) in (b"HTTP/1.1 431", b"HTTP/1.1 400")
        writer.close()

    @pytest.mark.parametrize(
        "endless",
        [
            pytest.param(b"2\r\n[]\r\n0\r\n" + b"x: y\r\n" * 200_000, id="many trailers"),
            pytest.param(b"2\r\n[]\r\n0\r\nx: " + b"y" * 1_200_000, id="one trailer"),
            pytest.param(b"2\r\n[]\r\n2;" + b"y" * 1_200_000, id="the length of a chunk"),
            pytest.param(b"2;" + b"y" * 1_200_000, id="the length of the first chunk"),
        ],
    )
    async def test_endless_chunk_lengths_and_trailers_are_rejected(self, wire: Wire, endless: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        with contextlib.suppress(ConnectionError):  # it may be gone before it was heard out
            writer.write(post(b"transfer-encoding: chunked\r\n", b""))
            for start in range(0, len(endless), 16_384):
                writer.write(endless[start : start + 16_384])
                await writer.drain()
            assert await asyncio.wait_for(reader.read(12), 20) == b"HTTP/1.1 431"
        writer.close()

    async def test_a_body_in_many_small_chunks_with_trailers_is_read(self, wire: Wire) -> None:
        spaces = b"1;name=value\r\n \r\n" * 20_000
        chunks = spaces + b"%x\r\n%s\r\n0\r\nchecksum: 3\r\ncontent-encoding: gzip\r\n\r\n" % (
            len(BODY),
            BODY,
        )
        replies = await wire.say(post(b"transfer-encoding: chunked\r\n", chunks) * 2)
        assert [json.loads(reply[2]) for reply in replies] == [ANSWER] * 2

    async def test_many_pipelined_requests_are_not_a_long_head(self, wire: Wire) -> None:
        piece = post(b"x: " + b"y" * 3000 + b"\r\n" + LENGTH)
        replies = await wire.say(piece * 30 + piece[:100], piece[100:])
        assert [reply[0] for reply in replies] == [200] * 31

    async def test_a_head_with_long_tokens_is_read(self, wire: Wire) -> None:
        (reply,) = await wire.say(post(b"authorization: bearer " + b"t" * 16_000 + b"\r\n" + LENGTH))
        assert reply[0] == 200

    async def test_many_requests_on_one_connection_are_not_a_long_head(self, wire: Wire) -> None:
        replies = await wire.say(*[post(b"x: " + b"y" * 3000 + b"\r\n" + LENGTH)] * 40)
        assert [reply[0] for reply in replies] == [200] * 40


@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param("GET /ü HTTP/1.1\r\n\r\n".encode(), id="a path beyond ASCII"),
        pytest.param(post(LENGTH * 2 + b"content-length: 3\r\n"), id="two lengths"),
        pytest.param(post(b"content-length: -3\r\n"), id="a negative length"),
        pytest.param(post(b"content-length: 9" + b"9" * 40 + b"\r\n"), id="a length beyond numbers"),
        pytest.param(post(b"transfer-encoding: chunked\r\n" + LENGTH), id="smuggled"),
        pytest.param(post(b"transfer-encoding: chunked\r\n", b"zz\r\n"), id="a chunk of no length"),
        pytest.param(b"GET /livez HTTP/1.1\r\nbad header\r\n\r\n", id="a header without a value"),
    ],
)
async def test_an_invalid_request_is_rejected_in_json_with_revision_and_id(
    wire: Wire, nonsense: bytes
) -> None:
    status, headers, body = (await wire.say(nonsense, leave=False))[-1]
    assert status == 400
    assert headers["x-seatrial-revision"] == "9f3c2a71d0"
    assert re.fullmatch("[0-9a-f]{32}", headers["x-request-id"])
    assert headers["connection"] == "close"
    assert json.loads(body)["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param(b"content-type: text/csv\r\n" + LENGTH, 200, id="other content type"),
        pytest.param(b"content-encoding: identity\r\n" + LENGTH, 200, id="no compression"),
        pytest.param(b"content-encoding: gzip\r\n" + LENGTH, 415, id="compressed"),
        pytest.param(b"content-length: 0\r\n", 400, id="no body"),
        pytest.param(b"content-length: 99999999999\r\n", 413, id="a body that is announced too large"),
    ],
)
async def test_an_invalid_head_gets_the_status_of_its_problem(
    wire: Wire, headers: bytes, status: int
) -> None:
    body = b"" if b"content-length: 0" in headers else BODY
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    writer.write(post(headers, body))
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).decode()
    writer.close()
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "x-seatrial-revision: 9f3c2a71d0\r\n" in head
    assert re.search("x-request-id: [0-9a-f]{32}\r\n", head)


async def test_a_body_that_stops_halfway_is_408_and_the_next_connection_is_served(wire: Wire) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    writer.write(post(b"content-length: 500\r\n"))
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n"), 20)).startswith(b"HTTP/1.1 408")
    writer.close()
    assert (await wire.say(post()))[0][0] == 200


class TestTimeouts:
    @pytest.mark.parametrize(
        "begun",
        [
            pytest.param(b"GET /livez HTTP/1.1\r\nx: ", id="at once"),
            pytest.param(post() + b"GET", id="after a request"),
        ],
    )
    async def test_a_head_that_does_not_arrive_is_408(self, begun: bytes) -> None:
        async with listening_at(message_timeout=0.3) as wire:
            reply = (await wire.say(begun, leave=False))[-1]
        assert (reply[0], reply[1]["connection"]) == (408, "close")
        assert reply[1]["x-seatrial-revision"] == "9f3c2a71d0"

    async def test_a_rejected_body_that_continues_gets_no_second_response(self) -> None:
        async with listening_at(message_timeout=0.3) as wire:
            replies = await wire.say(post(b"content-length: 99999999999\r\n", b"x" * 1000), leave=False)
        assert [reply[0] for reply in replies] == [413]

    async def test_a_prediction_may_take_longer_than_the_head_timeout(self) -> None:
        async with listening_at(message_timeout=0.1) as wire:
            (reply,) = await wire.say(
                post(b"content-length: 500\r\n"),
                leave=False,
            )
        assert reply[0] == 408
        assert b"body" in reply[2]

    async def test_a_connection_without_an_age_stays_open_while_idle(self) -> None:
        async with listening_at(message_timeout=0.05) as wire:
            reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(), 0.5)
            writer.close()

    async def test_a_request_that_arrives_just_before_the_age_gets_its_response(
        self,
    ) -> None:
        loop = asyncio.get_running_loop()
        async with listening_at(age=0.5) as wire:
            with socket.create_connection(("127.0.0.1", wire.port)) as client:
                client.setblocking(False)
                await asyncio.sleep(0.1)  # the server has its connection
                loop.call_later(0.1, client.send, post())
                time.sleep(0.7)  # noqa: ASYNC251 - so that both timers are due before the socket is read
                said = b"".join([piece async for piece in pieces(client)])
        ((status, headers, _body),) = parsed(said)
        assert (status, headers["connection"]) == (200, "close")


async def pieces(client: socket.socket) -> AsyncIterator[bytes]:
    async with asyncio.timeout(20):
        while piece := await asyncio.get_running_loop().sock_recv(client, 1000):
            yield piece
