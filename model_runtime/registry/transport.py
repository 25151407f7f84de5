"""One HTTP exchange with a registry: credentials shown when asked for, retries, failures in words."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from model_runtime.registry import failing
from model_runtime.registry.login import Answerer
from model_runtime.registry.patience import Patience, asked_pause
from model_runtime.registry.references import Reference
from model_runtime.registry.secrets import Keyring

log = logging.getLogger("seatrial.registry")
Content = Callable[[], bytes | Iterator[bytes]]
PULL = "pull"
PUSH = "push"


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of a registry, about which repository."""

    method: str
    url: str
    repository: Reference
    scope: str = PULL
    """Calls of one repository and scope show the same token."""
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Content | None = None
    """Makes the body anew for each attempt."""
    repeatable: bool = True
    """The call may be sent again when nobody knows whether it arrived."""


class Transport:
    """Exchanges with any number of registries, remembering what each of them wants to be shown."""

    def __init__(
        self,
        tls: ssl.SSLContext,
        keyring: Keyring,
        *,
        plain_http: frozenset[str] = frozenset(),
        patience: Patience | None = None,
    ) -> None:
        self.patience = patience or Patience()
        self._plain_http = plain_http
        self._http = httpx.Client(
            verify=tls, timeout=httpx.Timeout(60, connect=10), headers={"user-agent": "seatrial-build"}
        )
        self._answerer = Answerer(self._http, keyring, plain_http, self.patience)
        self._shown: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """All connections are closed."""
        self._http.close()

    def url(self, repository: Reference, path: str) -> str:
        """The address of `path` below the repository."""
        scheme = "http" if repository.host in self._plain_http else "https"
        return f"{scheme}://{repository.host}/v2/{repository.path}/{path}"

    def send(self, call: Call) -> httpx.Response:
        """The response with its body; whatever may heal was tried again before.

        `RegistryUnauthorized` for 401 and 403, `RegistryUnavailable` for what did not heal; any other status
        is the caller's to judge.
        """
        attempt = 1
        while True:
            try:
                with self._response(call) as response:
                    response.read()
            except httpx.TransportError as error:
                if not call.repeatable or not self.patience.pause(attempt):
                    raise failing.unreachable(call.repository, error) from error
                log.info("%s: %s; trying again", call.repository.host, type(error).__name__)
            else:
                asked = asked_pause(response.headers.get("retry-after"))
                heals = call.repeatable and response.status_code in failing.RETRIED
                if not heals or not self.patience.pause(attempt, asked=asked):
                    break
                log.info("%s: status %d; trying again", call.repository.host, response.status_code)
            attempt += 1
        if failure := failing.judged(response.status_code, call.repository):
            raise failure
        return response

    @contextmanager
    def opened(self, call: Call) -> Iterator[httpx.Response]:
        """The response of one attempt, its body still to be read; httpx's errors pass through."""
        with self._response(call) as response:
            yield response

    @contextmanager
    def _response(self, call: Call) -> Iterator[httpx.Response]:
        response = self._authorised(call)
        try:
            yield response
        finally:
            response.close()

    def _authorised(self, call: Call) -> httpx.Response:
        """The first response that is not a question for credentials."""
        key = (call.repository.repository, call.scope)
        before = self._shown.get(key)
        response = self._once(call, before)
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return response
        response.close()
        with self._lock:
            if self._shown.get(key) == before:
                question = response.headers.get("www-authenticate", "")
                self._shown[key] = self._answerer.authorization(question, call.repository)
        return self._once(call, self._shown[key])

    def _once(self, call: Call, shown: str | None) -> httpx.Response:
        headers = dict(call.headers) if shown is None else {**call.headers, "authorization": shown}
        content = None if call.content is None else call.content()
        request = self._http.build_request(call.method, call.url, headers=headers, content=content)
        return self._http.send(request, stream=True, follow_redirects=call.method in ("GET", "HEAD"))
