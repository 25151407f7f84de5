"""Carries requests to a real API server over one pooled HTTP session."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import rest
from kubernetes.aio.client.configuration import Configuration

from seatrial.kube import failures
from seatrial.kube.transport import Request, Response

CONNECT_TIMEOUT: Final = 5.0
SILENCE_TIMEOUT: Final = 90.0
"""Seconds without a byte after which a watch ends: its connection may have died, which looks the same.

A living server sends a bookmark every minute, but none before something of the kind has changed since the watch began.
"""
CONNECTIONS: Final = 100
LARGEST_READ: Final = 2**18
LONGEST_WHY: Final = 500

Login: TypeAlias = Callable[[], Awaitable[Any]]
"""Makes a fresh `kubernetes.aio` configuration: reads files and runs exec plugins again."""


def from_kubeconfig(path: str = "", context: str = "") -> Login:
    """Logs in as a kubeconfig says; empty arguments mean its usual place and its current context."""

    async def login() -> Any:
        configuration = Configuration()
        await config.load_kube_config(
            path or None, context=context or None, client_configuration=configuration, persist_config=False
        )
        return configuration

    return login


def in_cluster() -> Login:
    """Logs in as the pod's service account; its token is read again as it is renewed."""

    async def login() -> Any:
        configuration = Configuration()
        config.load_incluster_config(client_configuration=configuration)
        return configuration

    return login


def as_environment_says(kubeconfig: str = "", context: str = "") -> Login:
    """A kubeconfig where one is named or the process is in no pod; the service account else."""
    is_in_pod = "KUBERNETES_SERVICE_HOST" in os.environ
    if kubeconfig or context or os.environ.get("KUBECONFIG") or not is_in_pod:
        return from_kubeconfig(kubeconfig, context)
    return in_cluster()


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Where the server is and what proves who we are."""

    server: str
    ca_file: str | None
    insecure: bool
    token: str | None
    certificate_file: str | None
    key_file: str | None


@dataclass(frozen=True, slots=True)
class _Connection:
    """One login and the session that belongs to it."""

    configuration: Any
    session: aiohttp.ClientSession


class HttpTransport:
    """One API server, at most `connections` connections. `close` it at the end.

    Where nobody can log in requests are refused with `failures.NoLogin`.
    """

    def __init__(self, login: Login, *, connections: int = CONNECTIONS) -> None:
        self._login = login
        self._connections = connections
        self._current: _Connection | None = None
        self._former: _Connection | None = None
        """The login before: what was under way on it may end."""
        self._opening = asyncio.Lock()

    async def request(self, request: Request) -> Response:
        """The server's answer; after a 401 one more try with a fresh login."""
        connection = await self._opened()
        response = await self._exchange(connection, request)
        if response.status != 401:
            return response
        await self._retire(connection)
        return await self._exchange(await self._opened(), request)

    async def stream(self, request: Request) -> AsyncGenerator[bytes]:
        """The lines of the answer as they come, until the server ends it or says nothing for long."""
        limits = aiohttp.ClientTimeout(
            total=request.timeout, sock_connect=CONNECT_TIMEOUT, sock_read=SILENCE_TIMEOUT
        )
        connection = await self._opened()
        async with _answered(connection, request, limits) as answer:
            if answer.status == 401:
                await self._retire(connection)
            if answer.status >= 400:
                raise failures.from_response(await _read(answer))
            rest_of_line = b""
            async for chunk in _until_silence(answer.content):
                *lines, rest_of_line = (rest_of_line + chunk).split(b"\n")
                for line in lines:
                    yield line

    async def close(self) -> None:
        """No connection is open; the next request logs in again."""
        open_ones = [connection for connection in (self._current, self._former) if connection]
        self._current = self._former = None
        for connection in open_ones:
            await connection.session.close()

    async def credentials(self) -> Credentials:
        """Who we are now, for another client of the same server: a fresh login."""
        configuration = await self._login()
        header = await _token(configuration)
        return Credentials(
            server=configuration.host,
            ca_file=configuration.ssl_ca_cert,
            insecure=not configuration.verify_ssl,
            token=header.split()[-1] if header else None,
            certificate_file=configuration.cert_file,
            key_file=configuration.key_file,
        )

    async def _exchange(self, connection: _Connection, request: Request) -> Response:
        limits = aiohttp.ClientTimeout(total=request.timeout, sock_connect=CONNECT_TIMEOUT)
        async with _answered(connection, request, limits) as answer:
            return await _read(answer)

    async def _opened(self) -> _Connection:
        """The present login, made where there is none."""
        async with self._opening:
            if self._current is None:
                self._current = await self._connected()
            return self._current

    async def _connected(self) -> _Connection:
        try:
            configuration = await self._login()
            context = rest.RESTClientObject(configuration).ssl_context
        except Exception as error:  # files and plugins of all kinds log in, and each fails in its own way
            raise failures.NoLogin(_why(error)) from error
        connector = aiohttp.TCPConnector(limit=self._connections, ssl=context)
        session = aiohttp.ClientSession(connector=connector, trust_env=True)
        return _Connection(configuration, session)

    async def _retire(self, connection: _Connection) -> None:
        """The next request logs in again, unless another has done so already."""
        if self._current is not connection:
            return
        oldest, self._former, self._current = self._former, connection, None
        if oldest is not None:
            await oldest.session.close()


def _why(error: Exception) -> str:
    """Why a login failed, in one line."""
    text = " ".join(str(error).split())
    match error:
        case ssl.SSLError():
            return f"a certificate or key cannot be used: {text}"
        case UnicodeDecodeError():  # its own text would quote the file, and credentials with it
            return f"a file is not UTF-8, from byte {error.start} of what was read"
        case TypeError() | AttributeError() | LookupError():
            return f"the file has another form than a kubeconfig: {error!r}"[:LONGEST_WHY]
        case _:
            return (text or repr(error))[:LONGEST_WHY]


@asynccontextmanager
async def _answered(
    connection: _Connection, request: Request, limits: aiohttp.ClientTimeout
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer while it is read; network errors under their own name."""
    configuration = connection.configuration
    try:
        async with connection.session.request(
            request.method,
            configuration.host + request.path,
            params=request.query,
            data=request.body,
            headers=await _headers(configuration, request),
            timeout=limits,
            proxy=configuration.proxy,
            server_hostname=configuration.tls_server_name,
            allow_redirects=False,
        ) as answer:
            yield answer
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise failures.unreachable(error) from error


async def _until_silence(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """What comes; the end of patience is an end like any other, and the next request shows whether anybody is there."""
    with suppress(TimeoutError):
        async for chunk in content.iter_chunked(LARGEST_READ):
            yield chunk


async def _headers(configuration: Any, request: Request) -> dict[str, str]:
    headers = {"Accept": request.accept, "User-Agent": "seatrial"}
    if request.body is not None:
        headers["Content-Type"] = request.content_type
    token = await _token(configuration)
    return headers | ({"Authorization": token} if token else {})


async def _read(answer: aiohttp.ClientResponse) -> Response:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(answer.status, headers, await answer.read())


async def _token(configuration: Any) -> str | None:
    """The Authorization header; the library renews a service account's token here, out of its file."""
    try:
        token: str | None = await configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
    except (config.ConfigException, OSError, UnicodeError) as error:
        raise failures.NoLogin(_why(error)) from error
    return token
