"""What a status or a broken connection means: a `RegistryFailure` with the cause and what to do.

    RegistryFailure            (model_runtime.failures)
    ├── RegistryUnauthorized   401 and 403: `unauthorized`
    └── RegistryUnavailable    `rate_limited` · `unreachable` · `unexpected_status`

A `TransientError` around one of them means that the same request may succeed later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import httpx

from model_runtime.failures import RegistryFailure, RegistryUnauthorized, RegistryUnavailable
from model_runtime.registry.credentials import PULL_SECRET, PUSH_SECRET, Keyring
from model_runtime.registry.references import Reference
from model_runtime.registry.responses import Response
from model_runtime.retry import TransientError, retry_after_seconds

RETRYABLE_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""The same request may get another status a moment later."""

CONNECTION_ERRORS: Final = (httpx.RequestError, httpx.InvalidURL, OverflowError)
"""No connection, a broken one, no HTTP, endless redirects, an invalid address or port in a redirect."""

ADD_CA: Final = "add its CA to the ConfigMap in spec.build.registry.caConfigMapName"
_UNAUTHORIZED: Final = frozenset({401, 403})
_STORE_HINTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        401: "check the credentials that the registry has for its store",
        403: "the store rejects the registry's signature; check the clocks of both",
        429: "its rate limit is reached; wait",
    }
)
_REDIRECTED: Final = (
    "; redirects to another host or in a circle are not followed: name the registry by its own address"
)
_HINTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        **dict.fromkeys((301, 302, 303, 307, 308), _REDIRECTED),
        404: "; create the repository if this registry requires it",
    }
)
_PERMISSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        PUSH_SECRET: "and that its account may pull and push there",
        PULL_SECRET: f"and that its account may pull there; to push, name another Secret in {PUSH_SECRET}",
    }
)


def retryable_connection_error(repository: Reference) -> Callable[[Exception], TransientError | None]:
    """Return the rule of requests to this repository: transient errors, and all errors of the connection."""

    def transient(error: Exception) -> TransientError | None:
        if isinstance(error, TransientError):
            return error
        broken = isinstance(error, CONNECTION_ERRORS)
        return TransientError(unreachable(repository, error)) if broken else None

    return transient


def transient_status(response: Response, failure: RegistryFailure) -> TransientError:
    """Return the failure of a retryable status, with the pause that the server asks for."""
    return TransientError(failure, retry_after=retry_after_of(response))


def retry_after_of(response: Response) -> float | None:
    """Return the seconds of its Retry-After header."""
    return retry_after_seconds(response.headers.get("retry-after"))


def failure_of_status(
    response: Response, repository: Reference, keyring: Keyring, *, store: str = ""
) -> RegistryFailure | None:
    """Return the failure that a status means for every request, or None.

    `store` is the host that responded when the registry redirected to its blob store: it knows nothing of logins.
    """
    status = response.status_code
    if store and status in (*_UNAUTHORIZED, *RETRYABLE_STATUSES):
        return RegistryUnavailable(
            f"the blob store {store} of the registry {repository.host} responds with {status} for "
            f"{repository.repository}: {_STORE_HINTS.get(status, 'see the log of the store')}."
        )
    if status in _UNAUTHORIZED:
        return unauthorized(repository, keyring)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return rate_limited(repository, keyring, retry_after=retry_after_of(response))
    if status in RETRYABLE_STATUSES:
        return RegistryUnavailable(
            f"the registry {repository.host} responds with {status} for {repository.repository}: see its log."
        )
    return None


def unexpected_status(status: int, body: bytes, *, repository: Reference, action: str) -> RegistryFailure:
    """Return the failure of a request with a status that it has no meaning for; it quotes the body."""
    quote = body[:300].decode(errors="replace").strip()
    hint = _HINTS.get(status, "")
    return RegistryUnavailable(
        f"{action} {repository.repository} failed with status {status}{f': {quote}' if quote else ''}{hint}."
    )


def unreachable(repository: Reference, error: Exception) -> RegistryUnavailable:
    """Return the failure of a connection, with its most likely cause."""
    reason = (str(error) or type(error).__name__)[:200]
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        hint = f"its certificate is not trusted: {ADD_CA}"
    elif "WRONG_VERSION_NUMBER" in reason or "record layer" in reason:
        hint = "it serves http without TLS; allow that in the operator's settings"
    else:
        hint = "check its name, and that pods can reach it"
    return RegistryUnavailable(
        f"the registry {repository.host} cannot be reached for {repository.repository}: {reason}; {hint}."
    )


def rate_limited(
    repository: Reference, keyring: Keyring, *, retry_after: float | None
) -> RegistryUnavailable:
    """Return the failure of a status 429."""
    pause = f" for {retry_after:.0f} s more" if retry_after else ""
    login = (
        "" if keyring.login_for(repository) else f"name a Secret with a login in {keyring.spec_field}, or "
    )
    return RegistryUnavailable(
        f"the registry {repository.host} responds with 429 for {repository.repository}: its rate limit is reached"
        f"{pause}; {login}use a mirror, or wait."
    )


def unauthorized(repository: Reference, keyring: Keyring) -> RegistryUnauthorized:
    """Return the failure of a missing or insufficient login, with the Secret to name or to correct."""
    login = keyring.login_for(repository)
    if login is None:
        return RegistryUnauthorized(
            f"the registry requires a login for {repository.repository}, and no Secret has one: name a "
            f"dockerconfigjson Secret in {keyring.spec_field} that lists {repository.host}."
        )
    return RegistryUnauthorized(
        f"the registry rejects the credentials for {repository.repository}: check the Secret in "
        f"{login.spec_field}, {_PERMISSIONS.get(login.spec_field, 'and that its account may pull there')}."
    )
