"""Upload one blob: in one request when it is small, else in chunks that can be resumed.

POST uploads/ ── small, or chunks rejected ──► PUT location?digest=… with the whole blob
     └────────── PATCH, PATCH, … ────────────► PUT location?digest=…
                   └ interrupted: HEAD the blob; missing: GET location returns the offset; unknown: start again
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from typing import Final

import httpx

from model_runtime.failures import RegistryFailure, RegistryUnavailable
from model_runtime.registry import errors, responses
from model_runtime.registry.blobs import Blob
from model_runtime.registry.references import Reference
from model_runtime.registry.responses import Response
from model_runtime.registry.transport import PUSH, Call, Content, Transport
from model_runtime.retry import TransientError

log = logging.getLogger("seatrial.registry")
CHUNK_SIZE: Final = 16 << 20
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_CHUNKS_REJECTED: Final = frozenset({400, 404, 405, 411, 413, 415, 416, 501})
_STORED: Final = frozenset({201, 202, 204})


class _ChunksRejected(Exception):
    """The registry accepts blobs in one piece only."""


@dataclass(slots=True)
class Upload:
    """One upload into one repository."""

    transport: Transport
    repository: Reference
    blob: Blob
    chunk_size: int = field(default_factory=lambda: CHUNK_SIZE)
    _location: str = field(default="", init=False)
    _sent: int = field(default=0, init=False)
    _started: bool = field(default=False, init=False)
    _whole: bool = field(default=False, init=False)
    """Send the blob in one request."""

    def run(self) -> None:
        """Upload the blob; a `RegistryFailure` says why that failed."""
        self._whole = self.blob.size <= self.chunk_size
        self.transport.retry.call(self._attempt)

    def _attempt(self) -> None:
        if self._started and self._recovered():
            return
        self._started = True
        if not self._whole:
            try:
                self._send_chunks()
            except _ChunksRejected:
                log.info(
                    "%s accepts no chunks; sending %d bytes at once", self.repository.host, self.blob.size
                )
                self._whole, self._location = True, ""
        if self._whole:
            self._send_whole()

    def _send_whole(self) -> None:
        self._begin()
        self._finish(self.blob.size, lambda: self.blob.read(0))
        self._location = ""

    def _send_chunks(self) -> None:
        if not self._location:
            self._begin()
        while self._sent < self.blob.size:
            self._patch(min(self.chunk_size, self.blob.size - self._sent))
        self._finish(0, None)

    def _begin(self) -> None:
        url = self.transport.url(self.repository, "blobs/uploads/")
        response = self.transport.send(
            Call("POST", url, self.repository, scope=PUSH, headers={"content-length": "0"})
        )
        if response.status_code != httpx.codes.ACCEPTED:
            raise self._unexpected(response)
        self._follow(response, url)
        self._sent = 0

    def _patch(self, length: int) -> None:
        start = self._sent
        headers = {
            "content-type": "application/octet-stream",
            "content-length": str(length),
            "content-range": f"{start}-{start + length - 1}",
        }
        response = self._send_once("PATCH", self._location, headers, lambda: self.blob.chunks(start, length))
        if response.status_code in _CHUNKS_REJECTED and start == 0:
            raise _ChunksRejected
        if response.status_code not in _STORED:
            raise self._error_of(response)
        self._follow(response, self._location)
        self._sent += length
        log.info("pushed %.1f MiB of %.1f MiB", self._sent / 2**20, self.blob.size / 2**20)

    def _finish(self, length: int, content: Content | None) -> None:
        url = str(httpx.URL(self._location).copy_merge_params({"digest": self.blob.digest}))
        headers = {"content-type": "application/octet-stream", "content-length": str(length)}
        response = self._send_once("PUT", url, headers, content)
        if response.status_code not in _STORED:
            raise self._error_of(response)

    def _send_once(self, method: str, url: str, headers: dict[str, str], content: Content | None) -> Response:
        call = Call(method, url, self.repository, scope=PUSH, headers=headers, content=content)
        try:
            with self.transport.stream(call) as response:
                return responses.read(response)
        except errors.CONNECTION_ERRORS as error:
            raise TransientError(errors.unreachable(self.repository, error)) from error

    def _recovered(self) -> bool:
        """Return whether the registry has the whole blob; otherwise find out where to continue, or start again."""
        location, self._location = self._location, ""
        try:
            if self._is_stored():
                return True
            if location and self.blob.size > self.chunk_size:
                self._resume(location)
        except RegistryUnavailable:
            self._location = ""
        return False

    def _is_stored(self) -> bool:
        """Return whether the registry has the blob: only the response that said so was lost."""
        url = self.transport.url(self.repository, f"blobs/{self.blob.digest}")
        response = self.transport.send(Call("HEAD", url, self.repository, scope=PUSH))
        return response.status_code == httpx.codes.OK

    def _resume(self, location: str) -> None:
        response = self.transport.send(Call("GET", location, self.repository, scope=PUSH))
        first, _, last = response.headers.get("range", "").removeprefix("bytes=").partition("-")
        if response.status_code != httpx.codes.NO_CONTENT or first != "0" or not _NUMBER.fullmatch(last):
            return
        # registries send "0-0" for no byte and for one byte: at worst, one byte is sent twice
        sent = int(last) + 1 if int(last) else 0
        if sent <= self.blob.size:
            self._follow(response, location)
            self._sent = sent

    def _follow(self, response: Response, previous: str) -> None:
        self._location = self.transport.upload_location(response, previous, self.repository)

    def _error_of(self, response: Response) -> TransientError | RegistryFailure:
        failure = self.transport.failure_of(response, self.repository)
        if failure is None and response.status_code in (404, 416):
            return TransientError(self._unexpected(response))
        if failure is not None and response.status_code in errors.RETRYABLE_STATUSES:
            return errors.transient_status(response, failure)
        return failure or self._unexpected(response)

    def _unexpected(self, response: Response) -> RegistryFailure:
        return errors.unexpected_status(
            response.status_code, response.content, repository=self.repository, action="uploading to"
        )
