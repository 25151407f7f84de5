"""One HTTP exchange with a registry: credentials shown when asked for, retries, failures in words."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx

from model_runtime.failures import RegistryFailure
from model_runtime.registry import errors, responses
from model_runtime.registry.auth import Answerer
from model_runtime.registry.credentials import Keyring
from model_runtime.registry.references import Reference
from model_runtime.registry.responses import Answer
from model_runtime.retry import Patience, asked_pause

log = logging.getLogger("seatrial.registry")
Content = Callable[[], bytes | Iterator[bytes]]
PULL: Final = "pull"
PUSH: Final = "pull,push"
_SENT_ON: Final = frozenset({307, 308})
_MOST_HOPS: Final = 5
_OWN_HEADERS: Final = {"user-agent": "seatrial-build", "accept-encoding": "identity"}
"""Content that comes packed would have another digest, and no bound on what it unpacks to."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of a registry, about which repository."""

    method: str
    url: str
    repository: Reference
    scope: str = PULL
    """What is done there: calls of one repository, scope and source show the same token."""
    source: str = ""
    """Another repository that is read for it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Content | None = None
    """Makes the body anew for each attempt."""
    repeatable: bool = True
    """The call may be sent again when nobody knows whether it arrived."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """What a token must be good for, in the words of token servers."""
        own = f"repository:{self.repository.path}:{self.scope}"
        return (own, f"repository:{self.source}:{PULL}") if self.source else (own,)


class Transport:
    """Exchanges with any number of registries, remembering what each of them wants to be shown."""

    def __init__(
        self,
        tls: ssl.SSLContext,
        keyring: Keyring,
        *,
        plain_http: frozenset[str] = frozenset(),
        patience: Patience | None = None,
        silence: float = 60,
    ) -> None:
        """A registry that says nothing for `silence` seconds has broken off."""
        self.patience = patience or Patience()
        self._keyring = keyring
        self._plain_http = plain_http
        self._http = httpx.Client(
            verify=tls, timeout=httpx.Timeout(silence, connect=10), headers=_OWN_HEADERS
        )
        self._answerer = Answerer(self._http, keyring, plain_http, self.patience)
        self._shown: dict[tuple[str, ...], str] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """All connections are closed."""
        self._http.close()

    def url(self, repository: Reference, path: str) -> str:
        """The address of `path` below the repository."""
        scheme = "http" if repository.host in self._plain_http else "https"
        return f"{scheme}://{repository.host}/v2/{repository.path}/{path}"

    def send(self, call: Call) -> Answer:
        """The answer; whatever may heal was tried again before.

        `RegistryUnauthorized` for 401 and 403, `RegistryUnavailable` for what did not heal; any other status
        is the caller's to judge.
        """
        attempt = 1
        while True:
            try:
                with self.opened(call) as response:
                    answer = responses.taken(response)
            except errors.BROKEN as error:
                if not call.repeatable or not self.patience.pause(attempt):
                    raise errors.unreachable(call.repository, error) from error
                log.info("%s: %s; trying again", call.repository.host, type(error).__name__)
            else:
                asked = asked_pause(answer.headers.get("retry-after"))
                heals = call.repeatable and answer.status_code in errors.RETRIED
                if not heals or not self.patience.pause(attempt, asked=asked):
                    break
                log.info("%s: status %d; trying again", call.repository.host, answer.status_code)
            attempt += 1
        if failure := self.judged(answer, call.repository):
            raise failure
        return answer

    def moved(self, answer: Answer, before: str, repository: Reference) -> str:
        """Where an upload goes on; without a word about it where it was `before`."""
        return str(self._there(answer.url or before, answer.headers.get("location", before), repository))

    def _there(self, base: str, location: str, repository: Reference) -> httpx.URL:
        """Where we are sent; a registry behind a proxy that ends TLS may believe that it is spoken to without."""
        own = httpx.URL(self.url(repository, ""))
        try:
            there = httpx.URL(base).join(location)
        except httpx.InvalidURL as error:
            raise errors.unreachable(repository, error) from error
        if (there.scheme, own.scheme, there.host) == ("http", "https", own.host) and there.port in (
            None,
            own.port,
        ):
            there = there.copy_with(scheme="https", port=own.port)
        return there

    def judged(self, answer: Answer, repository: Reference) -> RegistryFailure | None:
        """The failure that a status stands for, whatever was asked."""
        url = httpx.URL(answer.url)
        store = "" if self._is_own(url, repository) else url.netloc.decode()
        return errors.judged(answer, repository, self._keyring, store=store)

    @contextmanager
    def opened(self, call: Call) -> Iterator[httpx.Response]:
        """The response of one attempt, its body still to be read; httpx's errors pass through."""
        response = self._authorised(call)
        try:
            yield response
        finally:
            response.close()

    def _authorised(self, call: Call) -> httpx.Response:
        """The first response that is not a question for credentials."""
        key = (call.repository.repository, *call.scopes)
        before = self._shown.get(key)
        response = self._once(call, before)
        if response.status_code != httpx.codes.UNAUTHORIZED or not self._is_own(
            response.url, call.repository
        ):
            return response
        response.close()
        with self._lock:
            if self._shown.get(key) == before:
                question = response.headers.get("www-authenticate", "")
                self._shown[key] = self._answerer.authorization(question, call.repository, scopes=call.scopes)
        return self._once(call, self._shown[key])

    def _once(self, call: Call, shown: str | None) -> httpx.Response:
        """The response; what carries a body is sent again, made anew, where the registry wants it on its own host."""
        response = self._sent(call, httpx.URL(call.url), shown)
        for _hop in range(_MOST_HOPS):
            if response.status_code not in _SENT_ON or "location" not in response.headers:
                break
            there = self._there(str(response.url), response.headers["location"], call.repository)
            if not self._is_own(there, call.repository):
                break
            response.close()
            response = self._sent(call, there, shown)
        return response

    def _sent(self, call: Call, url: httpx.URL, shown: str | None) -> httpx.Response:
        headers = dict(call.headers)
        if shown is not None and self._is_own(url, call.repository):
            headers["authorization"] = shown
        content = None if call.content is None else call.content()
        request = self._http.build_request(call.method, url, headers=headers, content=content)
        return self._http.send(request, stream=True, follow_redirects=call.method in ("GET", "HEAD"))

    def _is_own(self, url: httpx.URL, repository: Reference) -> bool:
        """The address is the registry's: a store that it sends us to neither sees nor asks for our login."""
        own = httpx.URL(self.url(repository, ""))
        return (url.scheme, url.host, url.port) == (own.scheme, own.host, own.port)
