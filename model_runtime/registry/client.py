"""A client of the OCI distribution API: read manifests, and look up, mount, upload and download blobs."""

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
from model_runtime.registry.responses import Response
from model_runtime.registry.transport import PUSH, Call, Transport
from model_runtime.registry.uploads import Upload
from model_runtime.retry import TransientError

log = logging.getLogger("seatrial.registry")

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
DOCKER_INDEX: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES: Final = frozenset({OCI_INDEX, DOCKER_INDEX})
_MANIFEST_TYPES: Final = (OCI_INDEX, DOCKER_INDEX, OCI_MANIFEST, DOCKER_MANIFEST)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or an index from a registry."""

    media_type: str
    digest: str
    body: dict[str, Any]

    @property
    def is_index(self) -> bool:
        """Return whether it lists the manifests of several platforms."""
        return self.media_type in INDEXES


@dataclass(frozen=True, slots=True)
class RegistryClient:
    """What a build needs of registries."""

    transport: Transport

    def manifest(self, reference: Reference) -> Manifest | None:
        """Return the manifest of an image; None when there is no such image."""
        url = self.transport.url(reference, f"manifests/{reference.version}")
        response = self.transport.send(
            Call("GET", url, reference, headers={"accept": ", ".join(_MANIFEST_TYPES)})
        )
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        self._require(response, (200,), reference, action="reading")
        body = responses.json_object(response, reference)
        digest = reference.digest or blobs.digest_of(response.content)
        if not blobs.has_digest(response.content, digest):
            actual = blobs.digest_of(response.content)
            raise RegistryUnavailable(f"{reference} has other content: its digest is {actual}.")
        manifest = Manifest(_media_type(response, body), digest, body)
        require = manifest_checks.require_index if manifest.is_index else manifest_checks.require_manifest
        require(body, reference)
        return manifest

    def json_blob(self, repository: Reference, digest: str) -> dict[str, Any]:
        """Return a small JSON blob, such as the config of an image."""
        response = self.transport.send(
            Call("GET", self.transport.url(repository, f"blobs/{digest}"), repository)
        )
        self._require(response, (200,), repository, action="reading")
        body = responses.json_object(response, f"{repository.repository}@{digest}")
        if not blobs.has_digest(response.content, digest):
            raise _damaged(repository, digest)
        return body

    def download(self, repository: Reference, digest: str, path: Path, *, size: int | None = None) -> None:
        """Write the blob to the file `path` and check its digest; an interrupted download is resumed.

        At most `size` bytes are written when it is known.
        """
        path.unlink(missing_ok=True)
        self.transport.retry.call(
            lambda: self._resume_download(repository, path, digest=digest, size=size),
            transient=errors.retryable_connection_error(repository),
        )

    def _resume_download(self, repository: Reference, path: Path, *, digest: str, size: int | None) -> None:
        received = path.stat().st_size if path.exists() else 0
        headers = {"range": f"bytes={received}-"} if received else {}
        url = self.transport.url(repository, f"blobs/{digest}")
        with self.transport.stream(Call("GET", url, repository, headers=headers)) as response:
            received = self._offset(response, repository, path, received)
            with path.open("ab") as file:
                for chunk in response.iter_raw():
                    received += len(chunk)
                    if size is not None and received > size:
                        raise RegistryUnavailable(
                            f"{repository.repository} sends more than the {size} bytes of {digest}."
                        )
                    file.write(chunk)
        if not blobs.file_has_digest(path, digest):
            path.unlink()
            raise _damaged(repository, digest)

    def _offset(self, response: httpx.Response, repository: Reference, path: Path, received: int) -> int:
        """Return where in the file the body belongs: behind the `received` bytes, or at the beginning."""
        status = response.status_code
        content_range = response.headers.get("content-range", "")
        if status == httpx.codes.PARTIAL_CONTENT and content_range.startswith(f"bytes {received}-"):
            return received
        if status == httpx.codes.OK:
            path.unlink(missing_ok=True)
            return 0
        read = responses.read(response)
        failure = self._unexpected(read, repository, action="reading")
        if received and status in (
            httpx.codes.PARTIAL_CONTENT,
            httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE,
        ):
            path.unlink()
            raise TransientError(failure)
        if status in errors.RETRYABLE_STATUSES:
            raise errors.transient_status(read, failure)
        raise failure

    def has_blob(self, repository: Reference, digest: str) -> bool:
        """Return whether the repository has the blob."""
        url = self.transport.url(repository, f"blobs/{digest}")
        return self.transport.send(Call("HEAD", url, repository, scope=PUSH)).status_code == httpx.codes.OK

    def mount(self, repository: Reference, digest: str, *, source: Reference) -> bool:
        """Mount the blob from the repository `source` of the same registry; return whether that worked.

        A registry refuses when the credentials do not allow it to read `source`.
        """
        url = self.transport.url(repository, "blobs/uploads/")
        mount_url = str(httpx.URL(url, params={"mount": digest, "from": source.path}))
        try:
            response = self.transport.send(
                Call("POST", mount_url, repository, scope=PUSH, source=source.path)
            )
        except RegistryUnauthorized:
            return False
        if response.status_code == httpx.codes.ACCEPTED and "location" in response.headers:
            self._cancel(self.transport.upload_location(response, url, repository), repository)
        return response.status_code == httpx.codes.CREATED

    def _cancel(self, location: str, repository: Reference) -> None:
        """Cancel an upload if the registry allows it; registries remove abandoned uploads by themselves."""
        try:
            self.transport.send(Call("DELETE", location, repository, scope="delete", repeatable=False))
        except RegistryFailure as failure:
            log.debug("an upload is not cancelled: %s", failure.message)

    def put_blob(self, repository: Reference, blob: Blob) -> bool:
        """Upload the blob unless the repository has it; return whether it was uploaded."""
        if self.has_blob(repository, blob.digest):
            return False
        Upload(self.transport, repository, blob).run()
        return True

    def put_manifest(self, reference: Reference, media_type: str, body: dict[str, Any]) -> str:
        """Store the manifest under the reference's tag, or under its digest when there is none; return its digest."""
        content = canonical_json(body)
        digest = blobs.digest_of(content)
        url = self.transport.url(reference, f"manifests/{reference.tag or digest}")
        headers = {"content-type": media_type}
        response = self.transport.send(
            Call("PUT", url, reference, scope=PUSH, headers=headers, content=lambda: content)
        )
        self._require(response, (200, 201, 202), reference, action="storing the manifest in")
        return digest

    def _require(
        self, response: Response, statuses: tuple[int, ...], repository: Reference, *, action: str
    ) -> None:
        if response.status_code not in statuses:
            raise self._unexpected(response, repository, action=action)

    def _unexpected(self, response: Response, repository: Reference, *, action: str) -> RegistryFailure:
        failure = self.transport.failure_of(response, repository)
        return failure or errors.unexpected_status(
            response.status_code, response.content, repository=repository, action=action
        )


def canonical_json(body: dict[str, Any]) -> bytes:
    """Return the one encoding of an object: its digest depends on every byte."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _media_type(response: Response, body: dict[str, Any]) -> str:
    """Return the media type in the body, else the one in the header, else the one that the content suggests."""
    header = response.headers.get("content-type", "").partition(";")[0].strip()
    media_type = str(body.get("mediaType") or header)
    return media_type if media_type in _MANIFEST_TYPES else OCI_INDEX if "manifests" in body else OCI_MANIFEST


def _damaged(repository: Reference, digest: str) -> RegistryUnavailable:
    return RegistryUnavailable(f"the blob {digest} in {repository.repository} is damaged: push it again.")
