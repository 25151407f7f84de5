"""Fetches the metrics of one pod: from its own address, or through the API server where the operator runs outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import aiohttp

from model_runtime import contract
from seatrial.kube import failures
from seatrial.kube.client import Client

TIMEOUT: Final = 2.0
LARGEST: Final = 1 << 20
PATH: Final = "/metrics"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A ready pod whose metrics are read."""

    namespace: str
    name: str
    uid: str
    address: str
    revision: str


Fetch: TypeAlias = Callable[[Endpoint], Awaitable[str]]
"""Returns the text of a pod's metrics; raises `Unreadable`."""


class Unreadable(Exception):
    """A pod's metrics cannot be read; `str()` says why, in a sentence for users."""


def through_api_server(client: Client) -> Fetch:
    """Return a fetch that asks the API server's proxy: for an operator that cannot reach pods."""

    async def fetch(endpoint: Endpoint) -> str:
        pods = f"/api/v1/namespaces/{endpoint.namespace}/pods"
        path = f"{pods}/{endpoint.name}:{contract.SERVER_PORT}/proxy{PATH}"
        try:
            return _text(await client.raw_get(path, within=TIMEOUT))
        except failures.ApiError as error:
            raise Unreadable(f"through the API server: {error}") from error

    return fetch


class DirectFetch:
    """Asks the pods themselves: no redirects, no proxy, bounded in time and size. Call `close` at the end."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, endpoint: Endpoint) -> str:
        """Return the text of a pod's metrics."""
        host = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
        url = f"http://{host}:{contract.SERVER_PORT}{PATH}"
        try:
            async with self._open().get(url, allow_redirects=False) as response:
                if response.status != 200:
                    raise Unreadable(f"it answers {PATH} with status {response.status}")
                return _text(await _read_to_end(response.content))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            cause = "no answer in 2 s" if isinstance(error, TimeoutError) else str(error) or repr(error)
            port = contract.SERVER_PORT
            raise Unreadable(f"{cause}; allow the operator to reach port {port} (NetworkPolicy)") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT)
            self._session = aiohttp.ClientSession(timeout=timeout, trust_env=False)
        return self._session

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()


async def _read_to_end(content: aiohttp.StreamReader) -> bytes:
    """Return the whole body, or a little more than `LARGEST` bytes of a larger one."""
    body = b""
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > LARGEST:
            break
    return body


def _text(content: bytes) -> str:
    if len(content) > LARGEST:
        raise Unreadable(f"its {PATH} is larger than 1 MiB")
    return content.decode(errors="replace")
