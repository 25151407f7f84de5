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
"""Seconds without a byte after which a watch ends, because a dead connection looks the same as a quiet one.

The server sends a bookmark every minute, but only once an object of the kind has changed since the watch began.
"""
CONNECTIONS: Final = 100
LARGEST_READ: Final = 2**18
LONGEST_MESSAGE: Final = 500

Login: TypeAlias = Callable[[], Awaitable[Any]]
"""Returns a fresh `kubernetes.aio` configuration: reads files and runs exec plugins again."""


def from_kubeconfig(path: str = "", context: str = "") -> Login:
    """Return a login with a kubeconfig; empty arguments mean the default path and the current context."""

    async def login() -> Any:
        configuration = Configuration()
        await config.load_kube_config(
            path or None, context=context or None, client_configuration=configuration, persist_config=False
        )
        return configuration

    return login


def in_cluster() -> Login:
    """Return a login with the pod's service account; its token is read again when it is renewed."""

    async def login() -> Any:
        configuration = Configuration()
        config.load_incluster_config(client_configuration=configuration)
        return configuration

    return login


def default_login(kubeconfig: str = "", context: str = "") -> Login:
    """Return a login with a kubeconfig if one is named or the process runs in no pod, else with the service account."""
    return in_cluster() if runs_in_cluster(kubeconfig, context) else from_kubeconfig(kubeconfig, context)


def runs_in_cluster(kubeconfig: str = "", context: str = "") -> bool:
    """Return whether the process runs in a pod of the cluster it works for, and can reach other pods."""
    is_in_pod = "KUBERNETES_SERVICE_HOST" in os.environ
    return is_in_pod and not (kubeconfig or context or os.environ.get("KUBECONFIG"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The address of the API server and the credentials for it."""

    server: str
    ca_file: str | None
    insecure: bool
    token: str | None
    certificate_file: str | None
    key_file: str | None


@dataclass(frozen=True, slots=True)
class _Connection:
    """One login and its session."""

    configuration: Any
    session: aiohttp.ClientSession


class HttpTransport:
    """Sends requests to one API server over at most `connections` connections. Call `close` at the end.

    Requests raise `failures.NoLogin` if the login fails.
    """

    def __init__(self, login: Login, *, connections: int = CONNECTIONS) -> None:
        self._login = login
        self._connections = connections
        self._current: _Connection | None = None
        self._former: _Connection | None = None
        """The login before: requests that were sent with it may still complete."""
        self._opening = asyncio.Lock()

    async def request(self, request: Request) -> Response:
        """Return the response; after a 401 try once more with a fresh login."""
        connection = await self._connection()
        response = await self._exchange(connection, request)
        if response.status != 401:
            return response
        await self._retire(connection)
        return await self._exchange(await self._connection(), request)

    async def stream(self, request: Request) -> AsyncGenerator[bytes]:
        """Yield the lines of the response until the server ends it or sends nothing for `SILENCE_TIMEOUT` seconds."""
        timeout = aiohttp.ClientTimeout(
            total=request.timeout, sock_connect=CONNECT_TIMEOUT, sock_read=SILENCE_TIMEOUT
        )
        connection = await self._connection()
        async with _response(connection, request, timeout) as response:
            if response.status == 401:
                await self._retire(connection)
            if response.status >= 400:
                raise failures.from_response(await _read(response))
            rest_of_line = b""
            async for chunk in _until_silence(response.content):
                *lines, rest_of_line = (rest_of_line + chunk).split(b"\n")
                for line in lines:
                    yield line

    async def close(self) -> None:
        """Close all connections; the next request logs in again."""
        connections = [connection for connection in (self._current, self._former) if connection]
        self._current = self._former = None
        for connection in connections:
            await connection.session.close()

    async def credentials(self) -> Credentials:
        """Log in and return the credentials, for another client of the same server."""
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
        timeout = aiohttp.ClientTimeout(total=request.timeout, sock_connect=CONNECT_TIMEOUT)
        async with _response(connection, request, timeout) as response:
            return await _read(response)

    async def _connection(self) -> _Connection:
        """Return the current connection; log in if there is none."""
        async with self._opening:
            if self._current is None:
                self._current = await self._connect()
            return self._current

    async def _connect(self) -> _Connection:
        try:
            configuration = await self._login()
            context = rest.RESTClientObject(configuration).ssl_context
        except Exception as error:  # kubeconfigs and exec plugins fail with exceptions of every type
            raise failures.NoLogin(_message(error)) from error
        connector = aiohttp.TCPConnector(limit=self._connections, ssl=context)
        session = aiohttp.ClientSession(connector=connector, trust_env=True)
        return _Connection(configuration, session)

    async def _retire(self, connection: _Connection) -> None:
        """Let the next request log in again, unless another request has done so already."""
        if self._current is not connection:
            return
        oldest, self._former, self._current = self._former, connection, None
        if oldest is not None:
            await oldest.session.close()


def _message(error: Exception) -> str:
    """Return why a login failed, in one line."""
    text = " ".join(str(error).split())
    match error:
        case ssl.SSLError():
            return f"a certificate or key cannot be used: {text}"
        case UnicodeDecodeError():  # its own message quotes the file, which may hold credentials
            return f"a file is not valid UTF-8 at byte {error.start}"
        case TypeError() | AttributeError() | LookupError():
            return f"the file is not a valid kubeconfig: {error!r}"[:LONGEST_MESSAGE]
        case _:
            return (text or repr(error))[:LONGEST_MESSAGE]


@asynccontextmanager
async def _response(
    connection: _Connection, request: Request, limits: aiohttp.ClientTimeout
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Send the request and give its response; raise `failures.Unavailable` for network errors."""
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
        ) as response:
            yield response
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise failures.unreachable(error) from error


async def _until_silence(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Yield chunks; a read time-out is a normal end, the next request shows whether the server is up."""
    with suppress(TimeoutError):
        async for chunk in content.iter_chunked(LARGEST_READ):
            yield chunk


async def _headers(configuration: Any, request: Request) -> dict[str, str]:
    headers = {"Accept": request.accept, "User-Agent": "seatrial"}
    if request.body is not None:
        headers["Content-Type"] = request.content_type
    token = await _token(configuration)
    return headers | ({"Authorization": token} if token else {})


async def _read(response: aiohttp.ClientResponse) -> Response:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Response(response.status, headers, await response.read())


async def _token(configuration: Any) -> str | None:
    """Return the Authorization header; the library reads a service account's token from its file again here."""
    try:
        token: str | None = await configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
    except (config.ConfigException, OSError, UnicodeError) as error:
        raise failures.NoLogin(_message(error)) from error
    return token
