"""The HTTP transport against a small server: logins, errors, lines."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import config
from kubernetes.aio.client.configuration import Configuration

from seatrial.kube import failures, http
from seatrial.kube.http import HttpTransport
from seatrial.kube.transport import MERGE_PATCH, Request


class Backend:
    """A small server that records its requests."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.token = "first"
        self.logins = 0
        self.host = ""

    async def login(self) -> Any:
        self.logins += 1
        configuration = Configuration(host=self.host)
        configuration.api_key["BearerToken"] = f"Bearer {self.token}"
        return configuration

    async def response(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.read())
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"kind": "Status", "code": 401, "reason": "Unauthorized"}, status=401)
        match request.path:
            case "/slow":
                await asyncio.sleep(5)
            case "/silent":
                await self._lines(request, silent=True)
            case "/lines":
                return await self._lines(request)
        return web.json_response({"ok": True}, headers={"X-Thing": "1"})

    async def _lines(self, request: web.Request, *, silent: bool = False) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (b"one\ntw", b"o\n", b"x" * 300_000, b"\n"):
            await response.write(piece)
        if silent:
            await asyncio.sleep(5)
        return response


def _sockets_of_this_process() -> list[socket.socket]:
    return [one for one in gc.get_objects() if isinstance(one, socket.socket) and one.fileno() >= 0]


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    backend = Backend()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", backend.response)
    async with TestServer(application) as server:
        backend.host = f"http://{server.host}:{server.port}"
        yield backend


@pytest.fixture
async def transport(backend: Backend) -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(backend.login)
    yield transport
    await transport.close()


class TestRequests:
    async def test_a_request_carries_method_query_body_and_content_type(
        self, backend: Backend, transport: HttpTransport
    ) -> None:
        request = Request(
            "PATCH", "/a/p:3000/proxy", {"x": "a=b,c"}, b"{}", MERGE_PATCH, "application/json;as=T"
        )
        response = await transport.request(request)
        (requests,) = backend.requests
        assert (response.status, response.headers["x-thing"], response.body) == (200, "1", b'{"ok": true}')
        assert (requests.method, requests.path, dict(requests.query)) == (
            "PATCH",
            "/a/p:3000/proxy",
            {"x": "a=b,c"},
        )
        assert (requests.headers["Content-Type"], requests.headers["Accept"]) == (
            MERGE_PATCH,
            "application/json;as=T",
        )
        assert backend.bodies == [b"{}"]

    async def test_several_requests_share_one_login(self, backend: Backend, transport: HttpTransport) -> None:
        for _ in range(3):
            await transport.request(Request("GET", "/"))
        assert backend.logins == 1

    async def test_a_changed_token_leads_to_another_login(
        self, backend: Backend, transport: HttpTransport
    ) -> None:
        await transport.request(Request("GET", "/"))
        backend.token = "second"
        assert (await transport.request(Request("GET", "/"))).status == 200
        assert backend.logins == 2

    async def test_a_request_that_takes_too_long_is_unavailable(self, transport: HttpTransport) -> None:
        with pytest.raises(failures.Unavailable) as raised:
            await transport.request(Request("GET", "/slow", timeout=0.1))
        assert raised.value.reason == "Timeout"

    async def test_a_server_that_does_not_listen_is_unavailable(self, backend: Backend) -> None:
        backend.host = "http://127.0.0.1:1"
        transport = HttpTransport(backend.login)
        with pytest.raises(failures.NotSent) as raised:
            await transport.request(Request("GET", "/"))
        assert raised.value.reason == "NetworkError"
        await transport.close()

    async def test_the_kernel_ends_a_connection_whose_peer_acknowledges_nothing(
        self, backend: Backend, transport: HttpTransport
    ) -> None:
        await transport.request(Request("GET", "/"))
        (used,) = (r.transport.get_extra_info("peername") for r in backend.requests if r.transport)
        ours = next(s for s in _sockets_of_this_process() if s.getsockname() == used)
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 1000 * http.DEAD_PEER_TIMEOUT
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1

    @pytest.mark.parametrize(
        ("error", "sentence"),
        [
            pytest.param(OSError("no such plugin"), "no such plugin", id="with a message"),
            pytest.param(
                RuntimeError("first\n  second"), "first second", id="with a message of several lines"
            ),
            pytest.param(RuntimeError(), "RuntimeError()", id="without a message"),
            pytest.param(
                KeyError("user"),
                "the file is not a valid kubeconfig: KeyError('user')",
                id="for a file that is no kubeconfig",
            ),
            pytest.param(
                UnicodeDecodeError("utf-8", b"token: hunter2 \xff", 15, 16, "invalid start byte"),
                "a file is not valid UTF-8 at byte 15",
                id="for a file in another encoding",
            ),
            pytest.param(
                ssl.SSLError("PEM lib"),
                "a certificate or key cannot be used: ",
                id="for an invalid certificate",
            ),
        ],
    )
    async def test_a_failed_login_is_reported_in_one_line_without_secrets(
        self, error: Exception, sentence: str
    ) -> None:
        async def login() -> Any:
            raise error

        with pytest.raises(failures.NoLogin) as raised:
            await HttpTransport(login).request(Request("GET", "/"))
        assert raised.value.message.startswith(sentence)
        assert "hunter2" not in str(raised.value)

    async def test_a_token_that_cannot_be_renewed_is_a_failed_login(self, backend: Backend) -> None:
        async def renewed(_: Any) -> None:
            raise config.ConfigException("Token file exists but empty.")

        async def login() -> Any:
            configuration = await backend.login()
            configuration.refresh_api_key_hook = renewed
            return configuration

        transport = HttpTransport(login)
        with pytest.raises(failures.NoLogin, match="exists but empty"):
            await transport.request(Request("GET", "/"))
        await transport.close()


class TestStreams:
    async def test_a_stream_yields_whole_lines_of_any_length(self, transport: HttpTransport) -> None:
        lines = [line async for line in transport.stream(Request("GET", "/lines"))]
        assert [lines[0], lines[1], len(lines[2])] == [b"one", b"two", 300_000]

    async def test_a_silent_stream_ends(
        self, transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http, "SILENCE_TIMEOUT", 0.2)
        assert len([line async for line in transport.stream(Request("GET", "/silent"))]) == 3

    async def test_a_stream_without_a_response_is_unavailable(
        self, transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http, "SILENCE_TIMEOUT", 0.2)
        with pytest.raises(failures.Unavailable):
            _ = [line async for line in transport.stream(Request("GET", "/slow"))]

    async def test_an_unauthorized_stream_raises_and_the_next_one_logs_in_again(
        self, backend: Backend, transport: HttpTransport
    ) -> None:
        await transport.request(Request("GET", "/"))
        backend.token = "second"
        with pytest.raises(failures.Unauthorized):
            _ = [line async for line in transport.stream(Request("GET", "/lines"))]
        assert len([line async for line in transport.stream(Request("GET", "/lines"))]) == 3
