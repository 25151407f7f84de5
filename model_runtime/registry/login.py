"""From a registry's question to the `Authorization` header that answers it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Final

import httpx

from model_runtime.failures import RegistryUnauthorized, RegistryUnavailable
from model_runtime.registry import failing
from model_runtime.registry.patience import Patience, asked_pause
from model_runtime.registry.references import Reference
from model_runtime.registry.secrets import Keyring, Login
from model_runtime.registry.tokens import Challenge, challenge_of

log = logging.getLogger("seatrial.registry")
_REFUSED: Final = (400, 401, 403)


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who we are, and how it is told to a registry or to the token server that it names."""

    http: httpx.Client
    keyring: Keyring = field(default_factory=Keyring)
    plain_http: frozenset[str] = frozenset()
    patience: Patience = field(default_factory=Patience)

    def authorization(self, question: str, repository: Reference) -> str:
        """The header's value; `RegistryUnauthorized` when nothing we know answers the question."""
        challenge = challenge_of(question)
        login = self.keyring.login_for(repository)
        if challenge is None:
            raise RegistryUnauthorized(
                f"the registry refuses {repository.repository} and does not say how to log in."
            )
        if challenge.scheme == "bearer":
            return "Bearer " + self._token(challenge, login, repository)
        if login is None:
            raise RegistryUnauthorized(failing.no_login(repository))
        return login.basic

    def _token(self, challenge: Challenge, login: Login | None, repository: Reference) -> str:
        safe = challenge.realm.startswith("https://") or repository.host in self.plain_http
        if login is not None and not safe:
            raise RegistryUnauthorized(
                f"{repository.host} wants its password sent to {challenge.realm} without TLS; it was not sent."
            )
        response = self._patiently(challenge, login, repository)
        if response.status_code in _REFUSED:
            raise RegistryUnauthorized(failing.refused(repository) if login else failing.no_login(repository))
        token = _token_in(response)
        if not token:
            raise RegistryUnavailable(
                f"the token server of {repository.host} answers {response.status_code} without a token."
            )
        return token

    def _patiently(self, challenge: Challenge, login: Login | None, repository: Reference) -> httpx.Response:
        attempt = 1
        while True:
            try:
                response = self._ask(challenge, login)
            except httpx.TransportError as error:
                if not self.patience.pause(attempt):
                    raise failing.unreachable(repository, error) from error
            else:
                asked = asked_pause(response.headers.get("retry-after"))
                if response.status_code not in failing.RETRIED:
                    return response
                if not self.patience.pause(attempt, asked=asked):
                    return response
            log.info("the token server of %s fails; trying again", repository.host)
            attempt += 1

    def _ask(self, challenge: Challenge, login: Login | None) -> httpx.Response:
        if login is not None and login.identity_token:
            form = {
                "service": challenge.service,
                "scope": challenge.scope,
                "grant_type": "refresh_token",
                "refresh_token": login.identity_token,
                "client_id": "seatrial",
            }
            return self.http.post(challenge.realm, data=form)
        pairs: list[tuple[str, str | int | float | bool | None]] = [
            ("scope", scope) for scope in challenge.scope.split()
        ]
        if challenge.service:
            pairs.insert(0, ("service", challenge.service))
        headers = {} if login is None else {"authorization": login.basic}
        realm = httpx.URL(challenge.realm)
        return self.http.get(realm.copy_merge_params(httpx.QueryParams(pairs)), headers=headers)


def _token_in(response: httpx.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        return ""
    found = (body.get("token") or body.get("access_token")) if isinstance(body, dict) else None
    return str(found) if found and response.is_success else ""
