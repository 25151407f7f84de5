"""From a registry's question to the `Authorization` header that answers it."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field, replace
from typing import Final

import httpx

from model_runtime.failures import RegistryUnauthorized, RegistryUnavailable
from model_runtime.registry import errors, responses
from model_runtime.registry.credentials import Keyring, Login
from model_runtime.registry.references import Reference
from model_runtime.registry.responses import Answer
from model_runtime.retry import Patience, asked_pause

log = logging.getLogger("seatrial.registry")
_REFUSED: Final = (400, 401, 403)
_LARGEST: Final = 256 << 10
"""Bytes of an answer with a token."""

_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
"""What can stand in a header."""

LONGEST: Final = 8 << 10
"""Characters of a question that are read: what servers send is a tenth of that."""

_NAME: Final = r"[a-zA-Z][a-zA-Z0-9_-]{0,63}"
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"?'
_PARAMETER: Final = re.compile(rf'({_NAME})\s*=\s*(?:({_QUOTED})|([^\s,"]+))')
_SCHEME: Final = re.compile(rf"({_NAME})(?=\s|,|$)")
_PIECE: Final = re.compile(rf"{_PARAMETER.pattern}|{_SCHEME.pattern}|{_QUOTED}|.", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme of a `WWW-Authenticate` header; Bearer names where tokens are made and for what."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def challenge_of(header: str) -> Challenge | None:
    """The challenge we can answer, Bearer before Basic; what stands in quotes is never taken for a scheme."""
    found: list[Challenge] = []
    for piece in _PIECE.finditer(header[:LONGEST]):
        name, quoted, plain, scheme = piece.groups()
        if scheme:
            found.append(Challenge(scheme.lower()))
        elif found and name and name.lower() in ("realm", "service", "scope"):
            value = _ESCAPED.sub(r"\1", quoted[1:].removesuffix('"')) if quoted else plain
            found[-1] = replace(found[-1], **{name.lower(): value})
    known = {challenge.scheme: challenge for challenge in reversed(found)}
    return known.get("bearer") or known.get("basic")


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who we are, and how it is told to a registry or to the token server that it names."""

    http: httpx.Client
    keyring: Keyring = field(default_factory=Keyring)
    plain_http: frozenset[str] = frozenset()
    patience: Patience = field(default_factory=Patience)

    def authorization(self, question: str, repository: Reference, *, scopes: tuple[str, ...] = ()) -> str:
        """The header's value, good for `scopes` and for what is asked.

        `RegistryUnauthorized` when nothing we know answers the question.
        """
        challenge = challenge_of(question)
        login = self.keyring.login_for(repository)
        if challenge is None:
            raise RegistryUnauthorized(
                f"the registry refuses {repository.repository} and does not say how to log in."
            )
        if challenge.scheme == "bearer":
            asked = dict.fromkeys((*challenge.scope.split(), *scopes))
            wanted = replace(challenge, scope=" ".join(asked))
            return "Bearer " + self._token(wanted, login, repository)
        if login is None:
            raise errors.unauthorized(repository, self.keyring)
        return login.basic

    def _token(self, challenge: Challenge, login: Login | None, repository: Reference) -> str:
        if not challenge.realm:
            raise RegistryUnauthorized(
                f"the registry wants a token for {repository.repository} and does not say who makes them."
            )
        safe = challenge.realm.startswith("https://") or repository.host in self.plain_http
        if login is not None and not safe:
            raise RegistryUnauthorized(
                f"{repository.host} wants its password sent to {challenge.realm} without TLS; it was not sent."
            )
        answer = self._patiently(challenge, login, repository)
        if answer.status_code in _REFUSED:
            raise errors.unauthorized(repository, self.keyring)
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            asked = asked_pause(answer.headers.get("retry-after"))
            raise errors.limited(repository, self.keyring, asked=asked)
        token = _token_in(answer)
        if not _TOKEN.fullmatch(token):
            raise RegistryUnavailable(
                f"the token server of {repository.host} answers {answer.status_code} without a token."
            )
        return token

    def _patiently(self, challenge: Challenge, login: Login | None, repository: Reference) -> Answer:
        attempt = 1
        while True:
            try:
                answer = self._ask(challenge, login)
            except errors.BROKEN as error:
                if not self.patience.pause(attempt):
                    raise errors.unreachable(repository, error) from error
            else:
                asked = asked_pause(answer.headers.get("retry-after"))
                if answer.status_code not in errors.RETRIED:
                    return answer
                if not self.patience.pause(attempt, asked=asked):
                    return answer
            log.info("the token server of %s fails; trying again", repository.host)
            attempt += 1

    def _ask(self, challenge: Challenge, login: Login | None) -> Answer:
        response = self.http.send(self._question(challenge, login), stream=True)
        try:
            return responses.taken(response, most=_LARGEST)
        finally:
            response.close()

    def _question(self, challenge: Challenge, login: Login | None) -> httpx.Request:
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


def _token_in(answer: Answer) -> str:
    try:
        body = responses.document(answer, "a token")
    except RegistryUnavailable:
        return ""
    found = body.get("token") or body.get("access_token")
    return found if isinstance(found, str) and httpx.codes.is_success(answer.status_code) else ""
