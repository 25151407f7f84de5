"""The HTTP transport against a small server: logins, errors, lines."""

from __future__ import annotations

import asyncio
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
    """Answers what the test wants, and remembers what it was asked."""

    def __init__(self) -> None:
        self.seen: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.token = "first"
        self.logins = 0
        self.host = ""

    async def login(self) -> Any:
        self.logins += 1
        configuration = Configuration(host=self.host)
        configuration.api_key["BearerToken"] = f"Bearer {self.token}"
        return configuration

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        self.bodies.append(await request.read())
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"kind": "Status", "code": 401, "reason": "Unauthorized"}, status=401)
        match request.path:
            case "/slow":
                await asyncio.sleep(5)
            case "/quiet":
                await self._lines(request, quiet=True)
            case "/lines":
                return await self._lines(request)
        return web.json_response({"ok": True}, headers={"X-Thing": "1"})

    async def _lines(self, request: web.Request, *, quiet: bool = False) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (b"one\ntw", b"o\n", b"x" * 300_000, b"\n"):
            await response.write(piece)
        if quiet:
            await asyncio.sleep(5)
        return response


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    backend = Backend()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", backend.answer)
    async with TestServer(application) as server:
        backend.host = f"http://{server.host}:{server.port}"
        yield backend


@pytest.fixture
async def carrier(backend: Backend) -> AsyncIterator[HttpTransport]:
    carrier = HttpTransport(backend.login)
    yield carrier
    await carrier.close()


class TestRequests:
    async def test_carry_method_query_body_and_type(self, backend: Backend, carrier: HttpTransport) -> None:
        request = Request(
            "PATCH", "/a/p:3000/proxy", {"x": "a=b,c"}, b"{}", MERGE_PATCH, "application/json;as=T"
        )
        answer = await carrier.request(request)
        (seen,) = backend.seen
        assert (answer.status, answer.headers["x-thing"], answer.body) == (200, "1", b'{"ok": true}')
        assert (seen.method, seen.path, dict(seen.query)) == ("PATCH", "/a/p:3000/proxy", {"x": "a=b,c"})
        assert (seen.headers["Content-Type"], seen.headers["Accept"]) == (
            MERGE_PATCH,
            "application/json;as=T",
        )
        assert backend.bodies == [b"{}"]

    async def test_log_in_once(self, backend: Backend, carrier: HttpTransport) -> None:
        for _ in range(3):
            await carrier.request(Request("GET", "/"))
        assert backend.logins == 1

    async def test_log_in_again_when_the_token_has_changed(
        self, backend: Backend, carrier: HttpTransport
    ) -> None:
        await carrier.request(Request("GET", "/"))
        backend.token = "second"
        assert (await carrier.request(Request("GET", "/"))).status == 200
        assert backend.logins == 2

    async def test_that_take_too_long_are_unavailable(self, carrier: HttpTransport) -> None:
        with pytest.raises(failures.Unavailable) as raised:
            await carrier.request(Request("GET", "/slow", timeout=0.1))
        assert raised.value.reason == "Timeout"

    async def test_to_nobody_are_unavailable(self, backend: Backend) -> None:
        backend.host = "http://127.0.0.1:1"
        carrier = HttpTransport(backend.login)
        with pytest.raises(failures.Unavailable) as raised:
            await carrier.request(Request("GET", "/"))
        assert raised.value.reason == "NetworkError"
        await carrier.close()

    @pytest.mark.parametrize(
        ("error", "sentence"),
        [
            pytest.param(OSError("no such plugin"), "no such plugin", id="that says why"),
            pytest.param(RuntimeError("first\n  second"), "first second", id="in lines"),
            pytest.param(RuntimeError(), "RuntimeError()", id="that says nothing"),
            pytest.param(
                KeyError("user"),
                "the file is not a valid kubeconfig: KeyError('user')",
                id="in odd files",
            ),
            pytest.param(
                UnicodeDecodeError("utf-8", b"token: hunter2 \xff", 15, 16, "invalid start byte"),
                "a file is not valid UTF-8 at byte 15",
                id="in files of another encoding",
            ),
            pytest.param(
                ssl.SSLError("PEM lib"), "a certificate or key cannot be used: ", id="with odd certificates"
            ),
        ],
    )
    async def test_are_not_sent_after_a_login_that_fails(self, error: Exception, sentence: str) -> None:
        async def login() -> Any:
            raise error

        with pytest.raises(failures.NoLogin) as raised:
            await HttpTransport(login).request(Request("GET", "/"))
        assert raised.value.message.startswith(sentence)
        assert "hunter2" not in str(raised.value)

    async def test_are_not_sent_while_the_token_cannot_be_renewed(self, backend: Backend) -> None:
        async def renewed(_: Any) -> None:
            raise config.ConfigException("Token file exists but empty.")

        async def login() -> Any:
            configuration = await backend.login()
            configuration.refresh_api_key_hook = renewed
            return configuration

        carrier = HttpTransport(login)
        with pytest.raises(failures.NoLogin, match="exists but empty"):
            await carrier.request(Request("GET", "/"))
        await carrier.close()


class TestStreams:
    async def test_give_whole_lines_however_long(self, carrier: HttpTransport) -> None:
        lines = [line async for line in carrier.stream(Request("GET", "/lines"))]
        assert [lines[0], lines[1], len(lines[2])] == [b"one", b"two", 300_000]

    async def test_end_when_nothing_has_come_for_long(
        self, carrier: HttpTransport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http, "SILENCE_TIMEOUT", 0.2)
        assert len([line async for line in carrier.stream(Request("GET", "/quiet"))]) == 3

    async def test_of_a_server_that_does_not_even_begin_to_answer_are_unavailable(
        self, carrier: HttpTransport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http, "SILENCE_TIMEOUT", 0.2)
        with pytest.raises(failures.Unavailable):
            _ = [line async for line in carrier.stream(Request("GET", "/slow"))]

    async def test_raise_what_refuses_them_and_log_in_again(
        self, backend: Backend, carrier: HttpTransport
    ) -> None:
        await carrier.request(Request("GET", "/"))
        backend.token = "second"
        with pytest.raises(failures.Unauthorized):
            _ = [line async for line in carrier.stream(Request("GET", "/lines"))]
        assert len([line async for line in carrier.stream(Request("GET", "/lines"))]) == 3
