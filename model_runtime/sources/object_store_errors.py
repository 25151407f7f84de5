"""What the errors of the object store client mean: a `SourceFailure` with the cause and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from obstore import exceptions

from model_runtime.failures import BuildFailure, SourceForbidden, SourceNotFound, SourceUnavailable
from model_runtime.registry import errors
from model_runtime.sources import credentials, limits

_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>\s*([A-Za-z0-9._-]{1,80})\s*</Code>")
_REGION: Final = re.compile(r"<Region>\s*([a-z0-9-]{1,40})\s*</Region>")
_KEY: Final = re.compile(r'Encountered object with invalid path: .*?[Pp]ath "(.*?)"[ :]', re.DOTALL)

_LOGIN_CODES: Final = frozenset(
    {
        "AccessDenied",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "XAdminUserNotFound",
    }
)
"""Codes of a rejected login, whatever their status: 403, 400, or 404 for an unknown user."""

_OTHER_REGION_CODES: Final = frozenset(
    {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}
)
_NOT_A_STORE: Final = re.compile(r"Got invalid list response|InvalidListResponse|response header")
_INTERRUPTED: Final = re.compile(r"response body error|NoContentRange|Content-Range header")
_UNTRUSTED: Final = re.compile(r"InvalidCertificate|invalid peer certificate|UnknownIssuer")
_SENDING: Final = re.compile(r"error sending request|kind: (?:Connect|Timeout|Request)")
_CONNECTION_HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "dns error": "its name cannot be resolved",
        "ConnectionRefused": "the connection is refused",
        "InvalidContentType": "it serves http without TLS, and the address says https",
        "TimedOut": "it does not respond in time",
    }
)


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """What messages say about a request."""

    name: str
    """The address without its secrets."""
    host: str
    login_hint: str
    """What to do when the store rejects the login."""
    secret: str = credentials.SECRET
    """How messages name the Secret."""


@contextmanager
def translated_errors(request: StoreRequest) -> Iterator[None]:
    """Raise errors of the client as failures of the source; the client has repeated what may succeed later."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceNotFound(f"{request.name} does not exist: check the bucket and the key.") from error
    except exceptions.BaseError as error:
        raise failure_of(error, request) from error


def failure_of(error: Exception, request: StoreRequest) -> BuildFailure:
    """Return the failure that an error of the client means."""
    text = str(error)
    status, code = _match(_STATUS, text), _match(_CODE, text)
    denied = isinstance(error, exceptions.PermissionDeniedError | exceptions.UnauthenticatedError)
    if key := _match(_KEY, text):
        return limits.rejected_file(key, "is not a valid file name", "Rename the object")
    if denied or status in ("401", "403") or code in _LOGIN_CODES:
        cause = code or status or "access denied"
        return SourceForbidden(f"{request.name} denies access ({cause}): {request.login_hint}.")
    if code == "NoSuchBucket" or status == "404":
        return SourceNotFound(
            f"{request.name}: there is no such bucket at {request.host}, or not for this login: check its name, and "
            f"AWS_ENDPOINT_URL and AWS_ACCESS_KEY_ID in {request.secret}."
        )
    return SourceUnavailable(f"{request.name} cannot be read: {_cause(text, status, code, request)}.")


def _cause(text: str, status: str, code: str, request: StoreRequest) -> str:
    host = request.host
    response = f"{host} responds with {status or 'a redirect'}{f' ({code})' if code else ''}"
    if "redirect without LOCATION" in text or status in ("301", "400") or code in _OTHER_REGION_CODES:
        region = _match(_REGION, text)
        return (
            f"{response}: set AWS_REGION in {request.secret} to the bucket's region{region and f', {region}'}"
        )
    if status:
        return response + (_after_retries(status) if int(status) in errors.RETRYABLE_STATUSES else "")
    if _INTERRUPTED.search(text):
        return f"the connection to {host} was interrupted several times"
    if _NOT_A_STORE.search(text):
        return f"{host} does not respond like an object store: check AWS_ENDPOINT_URL in {request.secret}"
    if _UNTRUSTED.search(text):
        return f"the certificate of {host} is not trusted: {errors.ADD_CA}"
    return (
        _unreachable(text, request)
        if _SENDING.search(text)
        else f"the request to {host} failed: {_first_line(text)}"
    )


def _after_retries(status: str) -> str:
    return f" to every attempt: {'its rate limit is reached' if status == '429' else 'see its log'}"


def _unreachable(text: str, request: StoreRequest) -> str:
    cause = next((f", {hint}" for word, hint in _CONNECTION_HINTS.items() if word in text), "")
    return (
        f"{request.host} cannot be reached{cause}: check AWS_ENDPOINT_URL in {request.secret}, and that pods can "
        f"reach it"
    )


def _match(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match.group(1) if match else ""


def _first_line(text: str) -> str:
    return text.partition("\n")[0].strip()[:300].rstrip(".")
