"""Fetch one file from a web server; its etag says which version it is."""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Mapping
from typing import BinaryIO, Final
from urllib.parse import unquote

import httpx

from model_runtime.failures import (
    BuildBroken,
    SourceFailure,
    SourceForbidden,
    SourceNotFound,
    SourceUnavailable,
)
from model_runtime.registry import errors
from model_runtime.retry import TransientError, retry_after_seconds
from model_runtime.sources import credentials, limits
from model_runtime.sources.fetching import FetchRequest, FetchResult
from model_runtime.sources.progress import Progress

_UNRESOLVED: Final = re.compile(r"\[Errno -\d+\]")
"""Errors of the resolver have negative numbers."""
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)")
_FILE_ENCODINGS: Final = {
    "gzip": (".gz", ".tgz"),
    "x-gzip": (".gz", ".tgz"),
    "bzip2": (".bz2",),
    "x-bzip2": (".bz2",),
    "xz": (".xz",),
}
"""Some servers declare the file's own format as a content encoding."""


class _Changed(Exception):
    """The file was replaced while it was read."""


class _Incomplete(Exception):
    """The response ended before the file did."""


def fetch(request: FetchRequest) -> FetchResult:
    """Store the file in the folder under the last part of its path."""
    url = _url(request)
    name = unquote(url.raw_path.decode().partition("?")[0].rpartition("/")[2])
    if not name:
        raise BuildBroken(
            f"spec.model.uri {request.name} names no file, and the files of a web server cannot be listed: name one "
            f"file, or pack the folder as a .tar.gz."
        )
    target = limits.requested_path(name, request.folder)
    with _client(request) as client, limits.create_file(target, name) as file:
        headers = _Download(request, client, file).run()
    return FetchResult(True, _details(headers, request.uri))


def _url(request: FetchRequest) -> httpx.URL:
    try:
        url = httpx.URL(request.uri)
    except httpx.InvalidURL as error:
        raise _invalid_address(request) from error
    if not url.host or (url.port or 0) > 65535:
        raise _invalid_address(request)
    return url


def _invalid_address(request: FetchRequest) -> BuildBroken:
    return BuildBroken(f"spec.model.uri {request.name} is not a valid web address.")


def _client(request: FetchRequest) -> httpx.Client:
    secret = credentials.read(request.credentials)
    headers = {"user-agent": "seatrial-build", "accept-encoding": "identity"}
    auth = None
    if token := _token(secret):
        headers["authorization"] = f"Bearer {_valid_token(token)}"
    elif "username" in secret:
        auth = httpx.BasicAuth(secret["username"], secret.get("password", ""))
    timeout, tls = httpx.Timeout(60, connect=10), request.ssl_context()
    client = httpx.Client(verify=tls, timeout=timeout, headers=headers, auth=auth, follow_redirects=True)
    return request.destinations.guard(client, tls)


def _valid_token(token: str) -> str:
    """Return the token if a header can carry it; the error about an invalid header would show the token."""
    if not token.isascii() or not token.isprintable():
        raise SourceForbidden(
            f"the token in {credentials.SECRET} has line breaks or characters that no header can carry: "
            f"store only the token."
        )
    return token


class _Download:
    """Downloads one file; an interrupted download is resumed if the file is still the same."""

    def __init__(self, request: FetchRequest, client: httpx.Client, file: BinaryIO) -> None:
        self.request, self.client, self.file = request, client, file
        self.received = 0
        self.total: int | None = None
        self.version = ""
        self.progress = Progress(None)

    def run(self) -> httpx.Headers:
        """Download the whole file; return the headers of the last response."""
        return self.request.retry.call(self._attempt, transient=self._transient)

    def _attempt(self) -> httpx.Headers:
        with self.client.stream("GET", self.request.uri, headers=self._range_headers()) as response:
            if response.status_code in errors.RETRYABLE_STATUSES:
                failure = self._unavailable(f"the server responds with {response.status_code}")
                pause = retry_after_seconds(response.headers.get("retry-after"))
                raise TransientError(failure, retry_after=pause)
            return self._store(response)

    def _transient(self, error: Exception) -> TransientError | None:
        match error:
            case TransientError():
                return error
            case _Incomplete():
                cause = "the server sends only a part of the file"
            case _Changed():
                self.received, self.version = 0, ""
                cause = "it changed while it was read"
            case _ if isinstance(error, errors.CONNECTION_ERRORS):
                cause = _connection_problem(error)
            case _:
                return None
        return TransientError(self._unavailable(cause))

    def _range_headers(self) -> dict[str, str]:
        if not self.received or not self.version:
            self.received = 0
            return {}
        return {"range": f"bytes={self.received}-", "if-range": self.version}

    def _store(self, response: httpx.Response) -> httpx.Headers:
        status = response.status_code
        if status not in (200, 206):
            raise _failure_of_status(status, self.request)
        _require_identity_encoding(response, self.request.name)
        if status == 206:
            self._resume(response.headers)
        else:
            self.received, self.total = 0, _content_length(response.headers)
        self.file.seek(self.received)
        self.file.truncate()
        self._begin(response.headers)
        quota = limits.Quota(self.request.limits, size=self.received)
        for chunk in response.iter_raw():
            quota.add_bytes(len(chunk), self.request.name)
            self.file.write(chunk)
            self.received += len(chunk)
            self.progress.add(len(chunk))
        if self.total is not None and self.received < self.total:
            raise _Incomplete
        return response.headers

    def _resume(self, headers: httpx.Headers) -> None:
        """Check that the part continues what was received, up to the end of the file."""
        part = _CONTENT_RANGE.match(headers.get("content-range", ""))
        if part is None or int(part[1]) != self.received or self._is_other_version(headers):
            raise _Changed
        if part[2] != "*":
            self.total = int(part[2])
        elif not self.received:
            raise _Incomplete

    def _is_other_version(self, headers: httpx.Headers) -> bool:
        """Return whether the etag changed: some servers ignore `If-Range`."""
        etag = headers.get("etag", "")
        return bool(self.received and etag and self.version.startswith('"') and etag != self.version)

    def _begin(self, headers: httpx.Headers) -> None:
        etag = headers.get("etag", "")
        self.version = "" if etag.startswith("W/") else etag or headers.get("last-modified", "")
        self.progress = Progress(self.total, done=self.received)

    def _unavailable(self, cause: str) -> SourceFailure:
        return SourceUnavailable(f"{self.request.name} cannot be read: {cause}.")


def _require_identity_encoding(response: httpx.Response, name: str) -> None:
    """Raise `SourceUnavailable` when the server compresses the file: its size and digest would be others."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity") or name.endswith(_FILE_ENCODINGS.get(encoding, ())):
        return
    raise SourceUnavailable(
        f"{name} cannot be read: the server compresses it ({encoding[:40]!r}) although the request forbids that: turn "
        f"its compression off for this file."
    )


def _content_length(headers: httpx.Headers) -> int | None:
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def _failure_of_status(status: int, request: FetchRequest) -> SourceFailure:
    name = request.name
    if status in (404, 410):
        return SourceNotFound(f"{name} does not exist: the server responds with {status}.")
    if status in (401, 403, 407):
        hint = _login_hint(status, credentials.read(request.credentials))
        return SourceForbidden(f"{name} denies access with {status}: {hint}.")
    return SourceUnavailable(f"{name} cannot be read: the server responds with {status}.")


def _login_hint(status: int, secret: Mapping[str, str]) -> str:
    """Return what to do when the server rejects the credentials in the Secret."""
    requires = "it requires credentials, and"
    if status == 407:
        return "a proxy requires credentials; configure it to let builds pass"
    if _token(secret):
        return f"check token in {credentials.SECRET}, and what it may read"
    if "username" in secret:
        return f"check username and password in {credentials.SECRET}, and what that user may read"
    if secret:
        return f"{requires} {credentials.SECRET} has neither username nor token"
    advice = "name a Secret with username and password, or with token, in spec.model.credentials.secretName"
    if status == 401:
        return f"{requires} none are named: {advice}"
    return f"if the address is signed, its signature may have expired; else {advice}"


def _token(secret: Mapping[str, str]) -> str:
    return secret.get("token") or secret.get("bearerToken") or ""


def _connection_problem(error: Exception) -> str:
    text = (str(error) or type(error).__name__)[:200]
    if isinstance(error.__cause__, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in text:
        return f"its certificate is not trusted: {errors.ADD_CA}"
    if _UNRESOLVED.search(text):
        return "the name of its server cannot be resolved: check the address, and that pods can reach it"
    return text.rstrip(".")


def _details(headers: Mapping[str, str], uri: str) -> dict[str, str]:
    details = {"etag": headers.get("etag", "").removeprefix("W/").strip('"')}
    details["modified"] = headers.get("last-modified", "")
    if "?" in uri:
        # the query is part of the version, but may be secret
        details["query"] = hashlib.sha256(uri.partition("?")[2].encode()).hexdigest()[:12]
    return {key: value for key, value in details.items() if value}
