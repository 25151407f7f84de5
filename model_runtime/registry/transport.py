"""HTTP requests to registries: authentication on demand, redirects within the registry, retries."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx

from model_runtime.destinations import Destinations
from model_runtime.failures import RegistryFailure, RegistryUnavailable
from model_runtime.registry import errors, responses
from model_runtime.registry.auth import Authenticator
from model_runtime.registry.credentials import Keyring
from model_runtime.registry.references import Reference
from model_runtime.registry.responses import Response
from model_runtime.retry import ONCE, RetryPolicy

Content = Callable[[], bytes | Iterator[bytes]]
PULL: Final = "pull"
PUSH: Final = "pull,push"
_REDIRECTS_WITH_BODY: Final = frozenset({307, 308})
_MAX_REDIRECTS: Final = 5
_ANY_REGISTRY: Final = Destinations(failure=RegistryUnavailable)
_HEADERS: Final = {"user-agent": "seatrial-build", "accept-encoding": "identity"}
"""Compressed content would have another digest, and no limit on its decompressed size."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a registry about one repository."""

    method: str
    url: str
    repository: Reference
    scope: str = PULL
    """The access that the token needs: calls of one repository, scope and source share a token."""
    source: str = ""
    """Another repository that the registry reads for it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Content | None = None
    """Returns the body anew for each attempt."""
    repeatable: bool = True
    """The call may be repeated when it is unknown whether the registry received it."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return the scopes of its token, as the token specification writes them."""
        own = f"repository:{self.repository.path}:{self.scope}"
        return (own, f"repository:{self.source}:{PULL}") if self.source else (own,)


class Transport:
    """Sends requests to any number of registries and remembers the authorization that each accepted."""

    def __init__(
        self,
        tls: ssl.SSLContext,
        keyring: Keyring,
        *,
        plain_http: frozenset[str] = frozenset(),
        retry: RetryPolicy | None = None,
        read_timeout: float = 60,
        destinations: Destinations = _ANY_REGISTRY,
    ) -> None:
        """Use http without TLS for `plain_http` hosts; `read_timeout` seconds without data break a connection."""
        self.retry = retry or RetryPolicy()
        self._keyring = keyring
        self._plain_http = plain_http
        client = httpx.Client(verify=tls, timeout=httpx.Timeout(read_timeout, connect=10), headers=_HEADERS)
        self._http = destinations.guard(client, tls)
        self._authenticator = Authenticator(self._http, keyring, plain_http, self.retry)
        self._authorizations: dict[tuple[str, ...], str] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def url(self, repository: Reference, path: str) -> str:
        """Return the address of `path` below the repository."""
        scheme = "http" if repository.host in self._plain_http else "https"
        return f"{scheme}://{repository.host}/v2/{repository.path}/{path}"

    def send(self, call: Call) -> Response:
        """Return the response, after retries.

        `RegistryUnauthorized` for 401 and 403, `RegistryUnavailable` for broken connections and retryable statuses;
        any other status is the caller's to judge.
        """

        def attempt() -> Response:
            with self.stream(call) as response:
                return self._accepted(responses.read(response), call.repository)

        retry = self.retry if call.repeatable else ONCE
        return retry.call(attempt, transient=errors.retryable_connection_error(call.repository))

    def _accepted(self, response: Response, repository: Reference) -> Response:
        failure = self.failure_of(response, repository)
        if failure is None:
            return response
        if response.status_code in errors.RETRYABLE_STATUSES:
            raise errors.transient_status(response, failure)
        raise failure

    def failure_of(self, response: Response, repository: Reference) -> RegistryFailure | None:
        """Return the failure that the status means for every request, or None."""
        url = httpx.URL(response.url)
        store = "" if self._is_registry(url, repository) else url.netloc.decode()
        return errors.failure_of_status(response, repository, self._keyring, store=store)

    def upload_location(self, response: Response, previous: str, repository: Reference) -> str:
        """Return where an upload continues: at its Location header, else at the `previous` location."""
        location = response.headers.get("location", previous)
        return str(self._location(response.url or previous, location, repository))

    def _location(self, base: str, location: str, repository: Reference) -> httpx.URL:
        """Return the target of a redirect.

        A registry behind a proxy that terminates TLS may redirect to http; its own scheme replaces it.
        """
        own = httpx.URL(self.url(repository, ""))
        try:
            target = httpx.URL(base).join(location)
        except httpx.InvalidURL as error:
            raise errors.unreachable(repository, error) from error
        downgraded = (target.scheme, own.scheme, target.host) == ("http", "https", own.host)
        if downgraded and target.port in (None, own.port):
            target = target.copy_with(scheme="https", port=own.port)
        return target

    @contextmanager
    def stream(self, call: Call) -> Iterator[httpx.Response]:
        """Send one attempt and yield its response with the body unread; errors of httpx pass through."""
        response = self._authorized(call)
        try:
            yield response
        finally:
            response.close()

    def _authorized(self, call: Call) -> httpx.Response:
        """Return the first response that is not a challenge for credentials."""
        key = (call.repository.repository, *call.scopes)
        previous = self._authorizations.get(key)
        response = self._redirected(call, previous)
        unauthorized = response.status_code == httpx.codes.UNAUTHORIZED
        if not unauthorized or not self._is_registry(response.url, call.repository):
            return response
        response.close()
        with self._lock:
            if self._authorizations.get(key) == previous:
                challenge = response.headers.get("www-authenticate", "")
                self._authorizations[key] = self._authenticator.authorization(
                    challenge, call.repository, scopes=call.scopes
                )
        return self._redirected(call, self._authorizations[key])

    def _redirected(self, call: Call, authorization: str | None) -> httpx.Response:
        """Return the response after redirects of a body within the registry: the body is produced anew for each."""
        response = self._sent(call, httpx.URL(call.url), authorization)
        for _ in range(_MAX_REDIRECTS):
            if response.status_code not in _REDIRECTS_WITH_BODY or "location" not in response.headers:
                break
            target = self._location(str(response.url), response.headers["location"], call.repository)
            if not self._is_registry(target, call.repository):
                break
            response.close()
            response = self._sent(call, target, authorization)
        return response

    def _sent(self, call: Call, url: httpx.URL, authorization: str | None) -> httpx.Response:
        headers = dict(call.headers)
        if authorization is not None and self._is_registry(url, call.repository):
            headers["authorization"] = authorization
        content = None if call.content is None else call.content()
        request = self._http.build_request(call.method, url, headers=headers, content=content)
        return self._http.send(request, stream=True, follow_redirects=call.method in ("GET", "HEAD"))

    def _is_registry(self, url: httpx.URL, repository: Reference) -> bool:
        """Return whether the address is the registry's own: no other host gets or requests our credentials."""
        own = httpx.URL(self.url(repository, ""))
        return (url.scheme, url.host, url.port) == (own.scheme, own.host, own.port)
