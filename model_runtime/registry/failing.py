"""What a registry's status or a broken connection means, in a sentence for whoever has to mend it."""

from __future__ import annotations

from typing import Final

import httpx

from model_runtime.failures import RegistryFailure, RegistryUnauthorized, RegistryUnavailable
from model_runtime.registry.references import Reference

RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may be others a moment later."""

BROKEN: Final = (httpx.RequestError, httpx.InvalidURL, OverflowError)
"""What an exchange may end in: no connection, no HTTP, redirects without end, an address or a port that is none."""

NAME_AUTHORITY: Final = "name its authority in spec.build.registry.caConfigMapName"
_REFUSED: Final = frozenset({401, 403})


def judged(status: int, repository: Reference, *, known: bool = True) -> RegistryFailure | None:
    """The failure that a status stands for, whatever was asked; `known` says that a login was shown."""
    if status in _REFUSED:
        return RegistryUnauthorized(refused(repository) if known else no_login(repository))
    if status in RETRIED:
        return RegistryUnavailable(
            f"the registry {repository.host} answers {status} for {repository.repository}, several times: "
            f"its own log knows why."
        )
    return None


def unexpected(status: int, body: bytes, *, repository: Reference, doing: str) -> RegistryFailure:
    """The failure of an exchange whose status fits nothing, with the registry's own words."""
    said = body[:300].decode(errors="replace").strip()
    hint = "; create the repository if this registry needs that" if status == 404 else ""
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


def refused(repository: Reference) -> str:
    """The sentence for credentials that do not suffice."""
    return (
        f"the registry refuses our credentials for {repository.repository}: check the Secret in "
        f"spec.build.registry.pushSecretName, and that its account may pull and push there."
    )


def no_login(repository: Reference) -> str:
    """The sentence for missing credentials."""
    return (
        f"the registry wants a login for {repository.repository}, and no Secret has one: name a "
        f"dockerconfigjson Secret in spec.build.registry.pushSecretName that lists {repository.host}."
    )
