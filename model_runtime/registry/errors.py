"""What a registry's status or a broken connection means, in a sentence for whoever has to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import httpx

from model_runtime.failures import RegistryFailure, RegistryUnauthorized, RegistryUnavailable
from model_runtime.registry.credentials import PULL_SECRET, PUSH_SECRET, Keyring
from model_runtime.registry.references import Reference
from model_runtime.registry.responses import Answer
from model_runtime.retry import asked_pause

RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may be others a moment later."""

BROKEN: Final = (httpx.RequestError, httpx.InvalidURL, OverflowError)
"""What an exchange may end in: no connection, no HTTP, redirects without end, an address or a port that is none."""

NAME_AUTHORITY: Final = "name its authority in spec.build.registry.caConfigMapName"
_REFUSED: Final = frozenset({401, 403})
_IN_STORES: Final[Mapping[int, str]] = MappingProxyType(
    {
        401: "the registry must be told how to log in there",
        403: "what the registry has signed is not good there: check the clocks of both",
        429: "it limits how often it is asked; wait",
    }
)
_MOVED: Final = (
    "; we are sent to another host, or in a circle, and do not go: name the registry by its own address"
)
_HINTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        **dict.fromkeys((301, 302, 303, 307, 308), _MOVED),
        404: "; create the repository if this registry needs that",
    }
)
_RIGHTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        PUSH_SECRET: "and that its account may pull and push there",
        PULL_SECRET: f"and that its account may pull there; to push, name another in {PUSH_SECRET}",
    }
)


class Broken(Exception):
    """This attempt ended; another may do better."""

    def __init__(self, failure: RegistryFailure, *, asked: float | None = None) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.asked = asked


def judged(
    answer: Answer, repository: Reference, keyring: Keyring, *, store: str = ""
) -> RegistryFailure | None:
    """The failure that a status stands for, whatever was asked.

    `store` is the host that answered, when the registry has sent us there: it knows nothing of logins.
    """
    status = answer.status_code
    if store and status in (*_REFUSED, *RETRIED):
        return RegistryUnavailable(
            f"{store}, where the registry {repository.host} keeps the blobs of {repository.repository}, answers "
            f"{status}: {_IN_STORES.get(status, 'its own log knows why')}."
        )
    if status in _REFUSED:
        return unauthorized(repository, keyring)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return limited(repository, keyring, asked=asked_pause(answer.headers.get("retry-after")))
    if status in RETRIED:
        return RegistryUnavailable(
            f"the registry {repository.host} answers {status} for {repository.repository}: its own log knows why."
        )
    return None


def unexpected(status: int, body: bytes, *, repository: Reference, doing: str) -> RegistryFailure:
    """The failure of an exchange whose status fits nothing, with the registry's own words."""
    said = body[:300].decode(errors="replace").strip()
    hint = _HINTS.get(status, "")
    return RegistryUnavailable(
        f"{doing} {repository.repository} failed with status {status}{f': {said}' if said else ''}{hint}."
    )


def unreachable(repository: Reference, error: Exception) -> RegistryUnavailable:
    """The failure of a connection, with what usually is behind it."""
    said = (str(error) or type(error).__name__)[:200]
    if "CERTIFICATE_VERIFY_FAILED" in said:
        hint = f"its certificate is not trusted: {NAME_AUTHORITY}"
    elif "WRONG_VERSION_NUMBER" in said or "record layer" in said:
        hint = "it speaks http without TLS, which must be allowed in the operator's settings"
    else:
        hint = "check its name and that pods may reach it"
    return RegistryUnavailable(
        f"the registry {repository.host} cannot be reached for {repository.repository}: {said}; {hint}."
    )


def limited(repository: Reference, keyring: Keyring, *, asked: float | None) -> RegistryUnavailable:
    """The failure of a registry that counts how often somebody asks."""
    pause = f", for {asked:.0f} s more" if asked else ""
    login = "" if keyring.login_for(repository) else f"name a Secret with a login in {keyring.named_in}, or "
    return RegistryUnavailable(
        f"the registry {repository.host} answers 429 for {repository.repository}: it limits how often it is asked"
        f"{pause}; {login}use a mirror of it, or wait."
    )


def unauthorized(repository: Reference, keyring: Keyring) -> RegistryUnauthorized:
    """The failure of a login that does not suffice, or of a missing one, with the Secret to mend or to name."""
    login = keyring.login_for(repository)
    if login is None:
        return RegistryUnauthorized(
            f"the registry wants a login for {repository.repository}, and no Secret has one: name a "
            f"dockerconfigjson Secret in {keyring.named_in} that lists {repository.host}."
        )
    return RegistryUnauthorized(
        f"the registry refuses our credentials for {repository.repository}: check the Secret in "
        f"{login.named_in}, {_RIGHTS.get(login.named_in, 'and that its account may pull there')}."
    )
