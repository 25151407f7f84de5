"""Authenticate with a registry: from its `WWW-Authenticate` challenge to an `Authorization` header.

Follows the distribution project's token specification; a token comes from the server that the challenge names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

import httpx

from model_runtime.failures import RegistryUnauthorized, RegistryUnavailable
from model_runtime.registry import errors, responses
from model_runtime.registry.credentials import Keyring, Login
from model_runtime.registry.references import Reference
from model_runtime.registry.responses import Response
from model_runtime.retry import RetryPolicy

_REJECTED: Final = (400, 401, 403)
_TOKEN_RESPONSE_LIMIT: Final = 256 << 10
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
"""What a header can carry."""

CHALLENGE_LIMIT: Final = 8 << 10
"""Characters of a challenge that are parsed: ten times what servers send."""

_NAME: Final = r"[a-zA-Z][a-zA-Z0-9_-]{0,63}"
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"?'
_PARAMETER: Final = re.compile(rf'({_NAME})\s*=\s*(?:({_QUOTED})|([^\s,"]+))')
_SCHEME: Final = re.compile(rf"({_NAME})(?=\s|,|$)")
_PART: Final = re.compile(rf"{_PARAMETER.pattern}|{_SCHEME.pattern}|{_QUOTED}|.", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme of a `WWW-Authenticate` header (RFC 9110, 11.6.1); Bearer names the token server and the scope."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def challenge_of(header: str) -> Challenge | None:
    """Return the supported challenge, Bearer before Basic; quoted text is never taken for a scheme."""
    challenges: list[Challenge] = []
    for part in _PART.finditer(header[:CHALLENGE_LIMIT]):
        name, quoted, plain, scheme = part.groups()
        if scheme:
            challenges.append(Challenge(scheme.lower()))
        elif challenges and name and name.lower() in ("realm", "service", "scope"):
            value = _ESCAPED.sub(r"\1", quoted[1:].removesuffix('"')) if quoted else plain
            challenges[-1] = replace(challenges[-1], **{name.lower(): value})
    by_scheme = {challenge.scheme: challenge for challenge in reversed(challenges)}
    return by_scheme.get("bearer") or by_scheme.get("basic")


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Answers challenges with the logins of a keyring."""

    http: httpx.Client
    keyring: Keyring = field(default_factory=Keyring)
    plain_http: frozenset[str] = frozenset()
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    def authorization(self, header: str, repository: Reference, *, scopes: tuple[str, ...] = ()) -> str:
        """Return the value of the `Authorization` header for a challenge, valid for `scopes` and the challenge's own.

        `RegistryUnauthorized` when no login answers the challenge.
        """
        challenge = challenge_of(header)
        login = self.keyring.login_for(repository)
        if challenge is None:
            raise RegistryUnauthorized(
                f"the registry rejects {repository.repository} and offers no supported way to log in."
            )
        if challenge.scheme == "bearer":
            scope = " ".join(dict.fromkeys((*challenge.scope.split(), *scopes)))
            return "Bearer " + self._token(replace(challenge, scope=scope), login, repository)
        if login is None:
            raise errors.unauthorized(repository, self.keyring)
        return login.basic

    def _token(self, challenge: Challenge, login: Login | None, repository: Reference) -> str:
        self._require_safe_realm(challenge, login, repository)
        response = self._token_response(challenge, login, repository)
        if response.status_code in _REJECTED:
            raise errors.unauthorized(repository, self.keyring)
        token = _token_in(response)
        if not _TOKEN.fullmatch(token):
            raise self._without_token(response, repository)
        return token

    def _require_safe_realm(self, challenge: Challenge, login: Login | None, repository: Reference) -> None:
        if not challenge.realm:
            raise RegistryUnauthorized(
                f"the registry requires a token for {repository.repository} and names no token server."
            )
        safe = challenge.realm.startswith("https://") or repository.host in self.plain_http
        if login is not None and not safe:
            raise RegistryUnauthorized(
                f"{repository.host} asks for its password at {challenge.realm} without TLS; it was not sent."
            )

    def _token_response(self, challenge: Challenge, login: Login | None, repository: Reference) -> Response:
        def attempt() -> Response:
            response = self._ask(challenge, login)
            if response.status_code in errors.RETRYABLE_STATUSES:
                raise errors.transient_status(response, self._without_token(response, repository))
            return response

        return self.retry.call(attempt, transient=errors.retryable_connection_error(repository))

    def _without_token(self, response: Response, repository: Reference) -> RegistryUnavailable:
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            pause = errors.retry_after_of(response)
            return errors.rate_limited(repository, self.keyring, retry_after=pause)
        return RegistryUnavailable(
            f"the token server of {repository.host} responds with {response.status_code} and no token."
        )

    def _ask(self, challenge: Challenge, login: Login | None) -> Response:
        response = self.http.send(self._token_request(challenge, login), stream=True)
        try:
            return responses.read(response, limit=_TOKEN_RESPONSE_LIMIT)
        finally:
            response.close()

    def _token_request(self, challenge: Challenge, login: Login | None) -> httpx.Request:
        if login is not None and login.identity_token:
            form = {
                "service": challenge.service,
                "scope": challenge.scope,
                "grant_type": "refresh_token",
                "refresh_token": login.identity_token,
                "client_id": "seatrial",
            }
            return self.http.build_request("POST", challenge.realm, data=form)
        pairs: list[tuple[str, str | int | float | bool | None]] = [
            ("scope", scope) for scope in challenge.scope.split()
        ]
        if challenge.service:
            pairs.insert(0, ("service", challenge.service))
        headers = {} if login is None else {"authorization": login.basic}
        url = httpx.URL(challenge.realm).copy_merge_params(httpx.QueryParams(pairs))
        return self.http.build_request("GET", url, headers=headers)


def _token_in(response: Response) -> str:
    try:
        body = responses.json_object(response, "a token")
    except RegistryUnavailable:
        return ""
    token = body.get("token") or body.get("access_token")
    return token if isinstance(token, str) and httpx.codes.is_success(response.status_code) else ""
