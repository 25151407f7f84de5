"""What a store's answer, or its silence, means for whoever has to mend it: the client's own words stay in the log."""

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

_LOGIN: Final = frozenset(
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
"""Codes that speak of the keys, whatever status they come with: 403, 400, or 404 for a user whom nobody knows."""

_ELSEWHERE: Final = frozenset(
    {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}
)
_NO_STORE: Final = re.compile(r"Got invalid list response|InvalidListResponse|response header")
_BROKE_OFF: Final = re.compile(r"response body error|NoContentRange|Content-Range header")
_UNTRUSTED: Final = re.compile(r"InvalidCertificate|invalid peer certificate|UnknownIssuer")
_SENDING: Final = re.compile(r"error sending request|kind: (?:Connect|Timeout|Request)")
_SILENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "dns error": "its name is not known",
        "ConnectionRefused": "nothing listens there",
        "InvalidContentType": "it speaks http without TLS, and the address says https",
        "TimedOut": "it does not answer in time",
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, of whom, and as whom."""

    name: str
    """The address, as it may be shown."""
    host: str
    login: str
    """What to do when the store refuses."""
    secret: str = credentials.SECRET
    """How to speak of the Secret, which may not be there."""


@contextmanager
def told(asked: Asked) -> Iterator[None]:
    """The client's errors become ours; it has tried again already what may heal."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceNotFound(f"{asked.name} does not exist: check the bucket and the key.") from error
    except exceptions.BaseError as error:
        raise of(error, asked) from error


def of(error: Exception, asked: Asked) -> BuildFailure:
    """The failure that an error of the client stands for."""
    text = str(error)
    status, code = _in(_STATUS, text), _in(_CODE, text)
    refused = isinstance(error, exceptions.PermissionDeniedError | exceptions.UnauthenticatedError)
    if key := _in(_KEY, text):
        return limits.refused(key, "no file can be named after", "Rename the object")
    if refused or status in ("401", "403") or code in _LOGIN:
        said = code or status or "access denied"
        return SourceForbidden(f"{asked.name} refuses access ({said}): {asked.login}.")
    if code == "NoSuchBucket" or status == "404":
        return SourceNotFound(
            f"{asked.name}: there is no such bucket at {asked.host}, or not for this login: check its name, and "
            f"AWS_ENDPOINT_URL and AWS_ACCESS_KEY_ID in {asked.secret}."
        )
    return SourceUnavailable(f"{asked.name} cannot be read: {_why(text, status, code, asked)}.")


def _why(text: str, status: str, code: str, asked: Asked) -> str:
    host = asked.host
    answers = f"{host} answers {status or 'with a redirect'}{f' ({code})' if code else ''}"
    if "redirect without LOCATION" in text or status in ("301", "400") or code in _ELSEWHERE:
        region = _in(_REGION, text)
        return f"{answers}: set AWS_REGION in {asked.secret} to the bucket's region{region and f', {region}'}"
    if status:
        return answers + ("" if int(status) not in errors.RETRIED else f", {_when_asked_again(status)}")
    if _BROKE_OFF.search(text):
        return f"the connection to {host} broke off several times"
    if _NO_STORE.search(text):
        return f"{host} does not answer like a store: check AWS_ENDPOINT_URL in {asked.secret}"
    if _UNTRUSTED.search(text):
        return f"the certificate of {host} is not trusted: {errors.NAME_AUTHORITY}"
    return (
        _unreachable(text, asked)
        if _SENDING.search(text)
        else f"the client gave up on {host}: {_first(text)}"
    )


def _when_asked_again(status: str) -> str:
    asked = "also when asked again"
    return (
        f"{asked}: it limits how often it is asked" if status == "429" else f"{asked}: its own log knows why"
    )


def _unreachable(text: str, asked: Asked) -> str:
    why = next((f", {said}" for word, said in _SILENCES.items() if word in text), "")
    return f"{asked.host} cannot be reached{why}: check AWS_ENDPOINT_URL in {asked.secret}, and that pods may reach it"


def _in(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group(1) if found else ""


def _first(text: str) -> str:
    return text.partition("\n")[0].strip()[:300].rstrip(".")
