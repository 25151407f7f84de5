"""One blob on its way into a registry: in one piece when it is small, else in chunks that can be resumed.

POST uploads/ ── small or chunks refused ──► PUT location?digest=… with all of it
     └────────── PATCH, PATCH, … ──────────► PUT location?digest=…
                   └ broken: is it there? else GET location says how far it came; lost: from the start
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Final

import httpx

from model_runtime.failures import RegistryFailure, RegistryUnavailable
from model_runtime.registry import errors, responses
from model_runtime.registry.blobs import Blob
from model_runtime.registry.references import Reference
from model_runtime.registry.responses import Answer
from model_runtime.registry.transport import PUSH, Call, Content, Transport
from model_runtime.retry import asked_pause

log = logging.getLogger("seatrial.registry")
CHUNK: Final = 16 << 20
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_CHUNKS_REFUSED: Final = frozenset({400, 404, 405, 411, 413, 415, 416, 501})


class _ChunksRefused(Exception):
    """The registry takes blobs in one piece only."""


@dataclass(slots=True)
class Upload:
    """The blob's way into one repository."""

    transport: Transport
    repository: Reference
    blob: Blob
    chunk: int = CHUNK
    _location: str = ""
    _sent: int = 0

    def run(self) -> None:
        """The repository holds the blob; a `RegistryFailure` when it did not come to that."""
        attempt, whole = 1, self.blob.size <= self.chunk
        while True:
            try:
                return self._whole() if whole else self._chunks()
            except _ChunksRefused:
                log.info("%s takes no chunks; sending %d bytes whole", self.repository.host, self.blob.size)
                whole, self._location = True, ""
            except errors.Broken as broken:
                if not self.transport.patience.pause(attempt, asked=broken.asked):
                    raise broken.failure from broken
                log.info("upload to %s broke off; going on", self.repository.host)
                attempt += 1
                if self._recovered():
                    return None

    def _whole(self) -> None:
        self._begin()
        self._finish(self.blob.size, lambda: self.blob.read(0))
        self._location = ""

    def _chunks(self) -> None:
        if not self._location:
            self._begin()
        while self._sent < self.blob.size:
            self._patch(min(self.chunk, self.blob.size - self._sent))
        self._finish(0, None)

    def _begin(self) -> None:
        url = self.transport.url(self.repository, "blobs/uploads/")
        response = self.transport.send(
            Call("POST", url, self.repository, scope=PUSH, headers={"content-length": "0"})
        )
        if response.status_code != httpx.codes.ACCEPTED:
            raise self._unexpected(response)
        self._moved_to(response, url)
        self._sent = 0

    def _patch(self, length: int) -> None:
        start = self._sent
        headers = {
            "content-type": "application/octet-stream",
            "content-length": str(length),
            "content-range": f"{start}-{start + length - 1}",
        }
        response = self._once("PATCH", self._location, headers, lambda: self.blob.pieces(start, length))
        if response.status_code in _CHUNKS_REFUSED and start == 0:
            raise _ChunksRefused
        if response.status_code not in (201, 202, 204):
            raise self._judged(response)
        self._moved_to(response, self._location)
        self._sent += length
        log.info("pushed %.1f MiB of %.1f MiB", self._sent / 2**20, self.blob.size / 2**20)

    def _finish(self, length: int, content: Content | None) -> None:
        url = str(httpx.URL(self._location).copy_merge_params({"digest": self.blob.digest}))
        headers = {"content-type": "application/octet-stream", "content-length": str(length)}
        response = self._once("PUT", url, headers, content)
        if response.status_code not in (201, 202, 204):
            raise self._judged(response)

    def _once(self, method: str, url: str, headers: dict[str, str], content: Content | None) -> Answer:
        call = Call(method, url, self.repository, scope=PUSH, headers=headers, content=content)
        try:
            with self.transport.opened(call) as response:
                return responses.taken(response)
        except errors.BROKEN as error:
            raise errors.Broken(errors.unreachable(self.repository, error)) from error

    def _recovered(self) -> bool:
        """True when all of it has arrived; else what stands of this upload is known again, or it begins anew."""
        location, self._location = self._location, ""
        try:
            if self._arrived():
                return True
            if location and self.blob.size > self.chunk:
                self._resume(location)
        except RegistryUnavailable:
            self._location = ""
        return False

    def _arrived(self) -> bool:
        """The registry holds the blob: the answer that said so was lost."""
        url = self.transport.url(self.repository, f"blobs/{self.blob.digest}")
        answer = self.transport.send(Call("HEAD", url, self.repository, scope=PUSH))
        return answer.status_code == httpx.codes.OK

    def _resume(self, location: str) -> None:
        answer = self.transport.send(Call("GET", location, self.repository, scope=PUSH))
        first, _dash, last = answer.headers.get("range", "").removeprefix("bytes=").partition("-")
        if answer.status_code != httpx.codes.NO_CONTENT or first != "0" or not _NUMBER.fullmatch(last):
            return
        # "0-0" is what registries say for nothing and for one byte: one byte is sent twice at worst
        sent = int(last) + 1 if int(last) else 0
        if sent <= self.blob.size:
            self._moved_to(answer, location)
            self._sent = sent

    def _moved_to(self, answer: Answer, before: str) -> None:
        self._location = self.transport.moved(answer, before, self.repository)

    def _judged(self, response: Answer) -> errors.Broken | RegistryFailure:
        failure = self.transport.judged(response, self.repository)
        if failure is None and response.status_code in (404, 416):
            return errors.Broken(self._unexpected(response))
        if failure is not None and response.status_code in errors.RETRIED:
            return errors.Broken(failure, asked=asked_pause(response.headers.get("retry-after")))
        return failure or self._unexpected(response)

    def _unexpected(self, response: Answer) -> RegistryFailure:
        return errors.unexpected(
            response.status_code, response.content, repository=self.repository, doing="uploading to"
        )
