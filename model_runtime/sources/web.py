"""Models on web servers: one file, whose etag says which version it was."""

from __future__ import annotations

import hashlib
import logging
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
from model_runtime.retry import asked_pause
from model_runtime.sources import address, credentials, limits
from model_runtime.sources.fetching import Fetched, Order
from model_runtime.sources.progress import Progress

log = logging.getLogger("seatrial.build")
_NO_SUCH_NAME: Final = re.compile(r"\[Errno -\d+\]")
"""What a resolver answers has a number below zero."""
_PART: Final = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)")
_OWN_ENCODINGS: Final = {
    "gzip": (".gz", ".tgz"),
    "x-gzip": (".gz", ".tgz"),
    "bzip2": (".bz2",),
    "x-bzip2": (".bz2",),
    "xz": (".xz",),
}
"""Some servers call that an encoding which is the file's own format."""


class _Changed(Exception):
    """The file was replaced while it was fetched."""


class _Short(Exception):
    """The response ended before the file did."""


def fetch(order: Order) -> Fetched:
    """The file stands in the folder under the last part of its path."""
    url = _url(order)
    name = unquote(url.raw_path.decode().partition("?")[0].rpartition("/")[2])
    if not name:
        raise BuildBroken(
            f"spec.model.uri {address.shown(order.uri)} names no file, and a web server cannot be listed: name one "
            f"file, or pack the folder as a .tar.gz."
        )
    target = limits.asked_inside(order.into, name)
    with _client(order) as client, limits.created(target, name) as file:
        headers = _Download(order, client, file).run()
    return Fetched(True, _resolved(headers, order.uri))


def _url(order: Order) -> httpx.URL:
    try:
        url = httpx.URL(order.uri)
    except httpx.InvalidURL as error:
        raise _no_address(order) from error
    if not url.host or (url.port or 0) > 65535:
        raise _no_address(order)
    return url


def _no_address(order: Order) -> BuildBroken:
    return BuildBroken(f"spec.model.uri {address.shown(order.uri)} is no address of a web server.")


def _client(order: Order) -> httpx.Client:
    secret = credentials.read(order.credentials)
    headers = {"user-agent": "seatrial-build", "accept-encoding": "identity"}
    auth = None
    if token := _token(secret):
        headers["authorization"] = f"Bearer {_sendable(token)}"
    elif "username" in secret:
        auth = httpx.BasicAuth(secret["username"], secret.get("password", ""))
    timeout = httpx.Timeout(60, connect=10)
    return httpx.Client(
        verify=order.trusted(), timeout=timeout, headers=headers, auth=auth, follow_redirects=True
    )


def _sendable(token: str) -> str:
    """The token, if a header can carry it: one that cannot would be shown by the error about it."""
    if not token.isascii() or not token.isprintable():
        raise SourceForbidden(
            f"the token in {credentials.SECRET} has line breaks or letters that no header can "
            "carry: store the token alone."
        )
    return token


class _Download:
    """One file on its way; after a break it goes on where it was, if it is still the same file."""

    def __init__(self, order: Order, client: httpx.Client, file: BinaryIO) -> None:
        self.order, self.client, self.file = order, client, file
        self.name = address.shown(order.uri)
        self.have = 0
        self.total: int | None = None
        self.version = ""
        self.progress = Progress(None)

    def run(self) -> httpx.Headers:
        """The headers of the last response; the file is whole."""
        attempt = 1
        while True:
            asked = None
            try:
                with self.client.stream("GET", self.order.uri, headers=self._resuming()) as response:
                    if response.status_code not in errors.RETRIED:
                        return self._taken(response)
                    asked = asked_pause(response.headers.get("retry-after"))
                    failure = self._failure(f"it answers {response.status_code}")
            except _Short:
                failure = self._failure("it sends a part of the file for the whole")
            except errors.BROKEN as error:
                failure = self._failure(_said(error))
            except _Changed:
                self.have, self.version = 0, ""
                failure = self._failure("it changes while it is read")
            if not self.order.patience.pause(attempt, asked=asked):
                raise failure
            log.info("%s; trying again", failure.message)
            attempt += 1

    def _resuming(self) -> dict[str, str]:
        if not self.have or not self.version:
            self.have = 0
            return {}
        return {"range": f"bytes={self.have}-", "if-range": self.version}

    def _taken(self, response: httpx.Response) -> httpx.Headers:
        status = response.status_code
        if status not in (200, 206):
            raise _refusal(status, self.order)
        _require_unpacked(response, self.name)
        if status == 206:
            self._go_on(response.headers)
        else:
            self.have, self.total = 0, _length(response.headers)
        self.file.seek(self.have)
        self.file.truncate()
        self._begin(response.headers)
        room = limits.Room(self.order.limits, size=self.have)
        for piece in response.iter_raw():
            room.grow(len(piece), self.name)
            self.file.write(piece)
            self.have += len(piece)
            self.progress.add(len(piece))
        if self.total is not None and self.have < self.total:
            raise _Short
        return response.headers

    def _go_on(self, headers: httpx.Headers) -> None:
        """A part fits behind what is there, and it is known or was asked to be all of the rest."""
        part = _PART.match(headers.get("content-range", ""))
        if part is None or int(part[1]) != self.have or self._differs(headers):
            raise _Changed
        if part[2] != "*":
            self.total = int(part[2])
        elif not self.have:
            raise _Short

    def _differs(self, headers: httpx.Headers) -> bool:
        """A server that goes on with another version does not know `If-Range`."""
        etag = headers.get("etag", "")
        return bool(self.have and etag and self.version.startswith('"') and etag != self.version)

    def _begin(self, headers: httpx.Headers) -> None:
        etag = headers.get("etag", "")
        self.version = "" if etag.startswith("W/") else etag or headers.get("last-modified", "")
        self.progress = Progress(self.total, done=self.have)

    def _failure(self, why: str) -> SourceFailure:
        return SourceUnavailable(f"{self.name} cannot be read: {why}.")


def _require_unpacked(response: httpx.Response, name: str) -> None:
    """Nothing, or `SourceUnavailable`: the file comes as it lies on the server."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity") or name.endswith(_OWN_ENCODINGS.get(encoding, ())):
        return
    raise SourceUnavailable(
        f"{name} cannot be read: the server sends it packed ({encoding[:40]!r}) although it was asked not to: turn "
        f"its compression off for this file."
    )


def _length(headers: httpx.Headers) -> int | None:
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def _refusal(status: int, order: Order) -> SourceFailure:
    name = address.shown(order.uri)
    if status in (404, 410):
        return SourceNotFound(f"{name} does not exist: the server answers {status}.")
    if status in (401, 403, 407):
        why = _login(status, credentials.read(order.credentials))
        return SourceForbidden(f"{name} refuses access with {status}: {why}.")
    return SourceUnavailable(f"{name} cannot be read: the server answers {status}.")


def _login(status: int, secret: Mapping[str, str]) -> str:
    """What to do about a refusal of what the Secret says."""
    asks = "it asks for credentials, and"
    if status == 407:
        return "a proxy on the way asks for credentials; have it let builds pass"
    if _token(secret):
        return f"check token in {credentials.SECRET}, and what it may read"
    if "username" in secret:
        return f"check username and password in {credentials.SECRET}, and what that user may read"
    if secret:
        return f"{asks} {credentials.SECRET} has neither username nor token"
    wanted = "a Secret with username and password, or with token, in spec.model.credentials.secretName"
    if status == 401:
        return f"{asks} none are named: name {wanted}"
    return f"where the address is a signed one, its signature may have expired; else name {wanted}"


def _token(secret: Mapping[str, str]) -> str:
    return secret.get("token") or secret.get("bearerToken") or ""


def _said(error: Exception) -> str:
    said = (str(error) or type(error).__name__)[:200]
    if isinstance(error.__cause__, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in said:
        return f"its certificate is not trusted by the build: {errors.NAME_AUTHORITY}"
    if _NO_SUCH_NAME.search(said):
        return "the name of its server is not known: check the address, and that pods may reach it"
    return said.rstrip(".")


def _resolved(headers: Mapping[str, str], uri: str) -> dict[str, str]:
    found = {"etag": headers.get("etag", "").removeprefix("W/").strip('"')}
    found["modified"] = headers.get("last-modified", "")
    if "?" in uri:
        # what a query asked for is part of the version, but may be secret
        found["query"] = hashlib.sha256(uri.partition("?")[2].encode()).hexdigest()[:12]
    return {key: value for key, value in found.items() if value}
