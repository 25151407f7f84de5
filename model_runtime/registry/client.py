"""Manifests and blobs of one registry repository after another: read, look, mount, upload."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from model_runtime.failures import RegistryFailure, RegistryUnauthorized, RegistryUnavailable
from model_runtime.registry import blobs, errors, manifest_checks, responses
from model_runtime.registry.blobs import Blob
from model_runtime.registry.references import Reference
from model_runtime.registry.responses import Answer
from model_runtime.registry.transport import PUSH, Call, Transport
from model_runtime.registry.uploads import Upload
from model_runtime.retry import asked_pause

log = logging.getLogger("seatrial.registry")

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
DOCKER_INDEX: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES: Final = frozenset({OCI_INDEX, DOCKER_INDEX})
_ACCEPTED: Final = ", ".join((OCI_INDEX, DOCKER_INDEX, OCI_MANIFEST, DOCKER_MANIFEST))
_KNOWN: Final = frozenset({OCI_INDEX, DOCKER_INDEX, OCI_MANIFEST, DOCKER_MANIFEST})


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or an index as it stands in a registry."""

    media_type: str
    digest: str
    body: dict[str, Any]

    @property
    def is_index(self) -> bool:
        """It lists manifests of several platforms."""
        return self.media_type in INDEXES


@dataclass(frozen=True, slots=True)
class Registry:
    """What a build needs of registries."""

    transport: Transport

    def manifest(self, reference: Reference) -> Manifest | None:
        """What the name stands for; None when there is no such image."""
        url = self.transport.url(reference, f"manifests/{reference.version}")
        response = self.transport.send(Call("GET", url, reference, headers={"accept": _ACCEPTED}))
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        self._require(response, (200,), reference, doing="reading")
        body = responses.document(response, reference)
        digest = reference.digest or blobs.digest_of(response.content)
        if not blobs.same(response.content, digest):
            found = blobs.digest_of(response.content)
            raise RegistryUnavailable(f"{reference} answers with another content of digest {found}.")
        manifest = Manifest(_kind(response, body), digest, body)
        require = manifest_checks.require_index if manifest.is_index else manifest_checks.require_manifest
        require(body, reference)
        return manifest

    def document(self, repository: Reference, digest: str) -> dict[str, Any]:
        """A small JSON blob: the config of an image."""
        response = self.transport.send(
            Call("GET", self.transport.url(repository, f"blobs/{digest}"), repository)
        )
        self._require(response, (200,), repository, doing="reading")
        body = responses.document(response, f"{repository.repository}@{digest}")
        if not blobs.same(response.content, digest):
            raise _damaged(repository, digest)
        return body

    def download(self, repository: Reference, digest: str, into: Path, *, size: int | None = None) -> None:
        """The blob stands in the file `into`, its digest checked; a broken download goes on where it broke.

        Of a blob whose `size` is known not a byte more is written.
        """
        attempt = 1
        into.unlink(missing_ok=True)
        while True:
            asked = None
            try:
                return self._continued(repository, into, digest=digest, size=size)
            except errors.Broken as broken:
                failure, asked = broken.failure, broken.asked
            except errors.BROKEN as error:
                failure = errors.unreachable(repository, error)
            if not self.transport.patience.pause(attempt, asked=asked):
                raise failure
            log.info("%s broke off; going on", repository.host)
            attempt += 1

    def _continued(self, repository: Reference, into: Path, *, digest: str, size: int | None) -> None:
        have = into.stat().st_size if into.exists() else 0
        headers = {"range": f"bytes={have}-"} if have else {}
        url = self.transport.url(repository, f"blobs/{digest}")
        with self.transport.opened(Call("GET", url, repository, headers=headers)) as response:
            have = self._start(response, repository, into, have)
            with into.open("ab") as file:
                for piece in response.iter_raw():
                    have += len(piece)
                    if size is not None and have > size:
                        raise RegistryUnavailable(
                            f"{repository.repository} sends more of {digest} than its {size} bytes."
                        )
                    file.write(piece)
        if not blobs.same_file(into, digest):
            into.unlink()
            raise _damaged(repository, digest)

    def _start(self, response: httpx.Response, repository: Reference, into: Path, have: int) -> int:
        """Where in the file what comes belongs: behind the `have` bytes that are there, or at its beginning."""
        status = response.status_code
        came = response.headers.get("content-range", "")
        if status == httpx.codes.PARTIAL_CONTENT and came.startswith(f"bytes {have}-"):
            return have
        if status == httpx.codes.OK:
            into.unlink(missing_ok=True)
            return 0
        answer = responses.taken(response)
        failure = self._unexpected(answer, repository, doing="reading")
        if have and status in (httpx.codes.PARTIAL_CONTENT, httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE):
            into.unlink()
            raise errors.Broken(failure)
        if status in errors.RETRIED:
            raise errors.Broken(failure, asked=asked_pause(answer.headers.get("retry-after")))
        raise failure

    def has_blob(self, repository: Reference, digest: str) -> bool:
        """The repository holds it already."""
        url = self.transport.url(repository, f"blobs/{digest}")
        return self.transport.send(Call("HEAD", url, repository, scope=PUSH)).status_code == httpx.codes.OK

    def mount(self, repository: Reference, digest: str, *, source: Reference) -> bool:
        """True when the registry has linked the blob from its repository `source`; nothing was copied.

        A registry that does not let us read `source` that way links nothing.
        """
        url = self.transport.url(repository, "blobs/uploads/")
        asked = httpx.URL(url, params={"mount": digest, "from": source.path})
        try:
            answer = self.transport.send(Call("POST", str(asked), repository, scope=PUSH, source=source.path))
        except RegistryUnauthorized:
            return False
        if answer.status_code == httpx.codes.ACCEPTED and "location" in answer.headers:
            self._cancel(self.transport.moved(answer, url, repository), repository)
        return answer.status_code == httpx.codes.CREATED

    def _cancel(self, location: str, repository: Reference) -> None:
        """A courtesy: registries clear away themselves what nobody goes on with, and few let us do it."""
        try:
            self.transport.send(Call("DELETE", location, repository, scope="delete", repeatable=False))
        except RegistryFailure as failure:
            log.debug("an upload is left open: %s", failure.message)

    def put_blob(self, repository: Reference, blob: Blob) -> bool:
        """The repository holds the blob; False when it did before."""
        if self.has_blob(repository, blob.digest):
            return False
        Upload(self.transport, repository, blob).run()
        return True

    def put_manifest(self, reference: Reference, media_type: str, body: dict[str, Any]) -> str:
        """The manifest stands under the reference's tag (without one under its digest); its digest."""
        content = dumped(body)
        digest = blobs.digest_of(content)
        url = self.transport.url(reference, f"manifests/{reference.tag or digest}")
        headers = {"content-type": media_type}
        response = self.transport.send(
            Call("PUT", url, reference, scope=PUSH, headers=headers, content=lambda: content)
        )
        self._require(response, (200, 201, 202), reference, doing="storing the manifest in")
        return digest

    def _require(
        self, answer: Answer, statuses: tuple[int, ...], repository: Reference, *, doing: str
    ) -> None:
        if answer.status_code not in statuses:
            raise self._unexpected(answer, repository, doing=doing)

    def _unexpected(self, answer: Answer, repository: Reference, *, doing: str) -> RegistryFailure:
        known = self.transport.judged(answer, repository)
        return known or errors.unexpected(
            answer.status_code, answer.content, repository=repository, doing=doing
        )


def dumped(body: dict[str, Any]) -> bytes:
    """The one text of a document: its digest depends on every byte."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _kind(answer: Answer, body: dict[str, Any]) -> str:
    """The document's own word for what it is, else the registry's, else what it looks like."""
    declared = answer.headers.get("content-type", "").partition(";")[0].strip()
    kind = str(body.get("mediaType") or declared)
    return kind if kind in _KNOWN else OCI_INDEX if "manifests" in body else OCI_MANIFEST


def _damaged(repository: Reference, digest: str) -> RegistryUnavailable:
    return RegistryUnavailable(f"{repository.repository} holds a damaged blob {digest}.")
