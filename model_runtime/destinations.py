"""Which addresses a build connects to.

Never link-local ones: there the cloud gives out the credentials of the node to whoever asks. Private networks only
where the operator's settings permit them. A name is resolved here and the connection goes to the address that was
checked, for every redirect anew, so that neither a name nor a redirect leads elsewhere.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import httpcore
import httpx

from model_runtime.failures import BuildFailure, SourceForbidden

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA: Final = frozenset(
    map(
        ipaddress.ip_address,
        ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"),
    )
)
"""Where Azure, Alibaba, Oracle, AWS and Google serve metadata outside of the link-local networks."""
_SHARED: Final = ipaddress.ip_network("100.64.0.0/10")
"""Carrier-grade NAT (RFC 6598): clouds use it for pods and Services."""
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destinations:
    """The rule. `failure` is the class of the failure that a refused address raises."""

    private: bool = True
    failure: type[BuildFailure] = SourceForbidden

    def require(self, host: str, addresses: Iterable[str]) -> None:
        """Raise `failure` when one of the addresses of the host is not permitted."""
        for text in addresses:
            if problem := self._problem(_plain(ipaddress.ip_address(text.partition("%")[0]))):
                named = host if host == text else f"{host} has the address {text}, and it"
                raise self.failure(f"builds do not connect to {named} {problem}.")

    def require_host(self, host: str) -> None:
        """Resolve the host and check its addresses; a name that cannot be resolved is left to whoever connects."""
        try:
            self.require(host, resolved(host, 0))
        except OSError:
            return

    def _problem(self, address: IpAddress) -> str:
        if address.is_link_local or address in _METADATA:
            return "is link-local, where clouds serve the credentials of a node: correct the address"
        if not self.private and (not address.is_global or address in _SHARED):
            return "is in a private network, and settings.privateSources of the operator is false"
        return ""

    def guard(self, client: httpx.Client, tls: ssl.SSLContext) -> httpx.Client:
        """Return the client with all its direct connections checked; behind a proxy only addresses in numbers are."""
        client._transport = _GuardedTransport(tls, self)  # its proxies stay: a `transport` would replace them
        client.event_hooks["request"].append(self._check_request)
        return client

    def _check_request(self, request: httpx.Request) -> None:
        try:
            ipaddress.ip_address(request.url.host)
        except ValueError:
            return
        self.require(request.url.host, [request.url.host])


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses of a host, each once, in the order of the resolver; `OSError` when it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _plain(address: IpAddress) -> IpAddress:
    """Return the IPv4 address that an IPv6 address stands for, if it stands for one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


class _GuardedTransport(httpx.HTTPTransport):
    """A transport that connects to checked addresses."""

    def __init__(self, tls: ssl.SSLContext, destinations: Destinations) -> None:
        super().__init__(verify=tls)
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=100,
            max_keepalive_connections=20,
            network_backend=_GuardedBackend(destinations),
        )


class _GuardedBackend(httpcore.SyncBackend):
    """Resolves a name, checks all its addresses, and connects to the first one that answers."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = resolved(host, port)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        self._destinations.require(host, addresses)
        for address in addresses[:-1]:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return super().connect_tcp(addresses[-1], port, timeout, local_address, socket_options)
