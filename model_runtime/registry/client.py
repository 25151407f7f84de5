"""Manifests and blobs of one registry repository after another: read, look, mount, upload."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from model_runtime.failures import RegistryUnavailable
from model_runtime.registry import blobs, failing
from model_runtime.registry.blobs import Blob
from model_runtime.registry.references import Reference
from model_runtime.registry.transport import PUSH, Call, Transport
from model_runtime.registry.uploads import Upload

log = logging.getLogger("seatrial.registry")

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
DOCKER_INDEX: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES: Final = frozenset({OCI_INDEX, DOCKER_INDEX})
_ACCEPTED: Final = ", ".join((OCI_INDEX, DOCKER_INDEX, OCI_MANIFEST, DOCKER_MANIFEST))
LARGEST_DOCUMENT: Final = 4 << 20
"""Bytes of a manifest or config: what registries themselves allow."""


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
        digest = blobs.digest_of(response.content)
        if reference.digest.startswith("sha256:") and digest != reference.digest:
            raise RegistryUnavailable(f"{reference} answers with another content of digest {digest}.")
        body = _document(response.content, reference)
        declared = response.headers.get("content-type", "").partition(";")[0].strip()
        return Manifest(str(body.get("mediaType") or declared), digest, body)

    def document(self, repository: Reference, digest: str) -> dict[str, Any]:
        """A small JSON blob: the config of an image."""
        response = self.transport.send(
            Call("GET", self.transport.url(repository, f"blobs/{digest}"), repository)
        )
        self._require(response, (200,), repository, doing="reading")
        if blobs.digest_of(response.content) != digest:
            raise RegistryUnavailable(f"{repository.repository} holds a damaged blob {digest}.")
        return _document(response.content, repository)

    def download(self, repository: Reference, digest: str, into: Path) -> None:
        """The blob stands in the file `into`, its digest checked; a broken download goes on where it broke."""
        url = self.transport.url(repository, f"blobs/{digest}")
        attempt = 1
        into.unlink(missing_ok=True)
        while True:
            try:
                return self._continued(url, repository, into, digest=digest)
            except httpx.TransportError as error:
                if not self.transport.patience.pause(attempt):
                    raise failing.unreachable(repository, error) from error
                log.info("%s broke off; going on", repository.host)
                attempt += 1

    def _continued(self, url: str, repository: Reference, into: Path, *, digest: str) -> None:
        have = into.stat().st_size if into.exists() else 0
        headers = {"range": f"bytes={have}-"} if have else {}
        with self.transport.opened(Call("GET", url, repository, headers=headers)) as response:
            if response.status_code not in (200, 206):
                response.read()
                self._require(response, (200, 206), repository, doing="reading")
            with into.open("ab" if response.status_code == httpx.codes.PARTIAL_CONTENT else "wb") as file:
                for piece in response.iter_raw():
                    file.write(piece)
        with into.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != f"sha256:{found}":
            into.unlink()
            raise RegistryUnavailable(f"{repository.repository} holds a damaged blob {digest}.")

    def has_blob(self, repository: Reference, digest: str) -> bool:
        """The repository holds it already."""
        url = self.transport.url(repository, f"blobs/{digest}")
        return self.transport.send(Call("HEAD", url, repository, scope=PUSH)).status_code == httpx.codes.OK

    def mount(self, repository: Reference, digest: str, *, source: Reference) -> bool:
        """True when the registry has linked the blob from its repository `source`; nothing was copied."""
        url = self.transport.url(repository, "blobs/uploads/")
        asked = httpx.URL(url, params={"mount": digest, "from": source.path})
        scope = f"mount:{source.path}"
        response = self.transport.send(Call("POST", str(asked), repository, scope=scope))
        if response.status_code == httpx.codes.ACCEPTED and "location" in response.headers:
            location = str(httpx.URL(url).join(response.headers["location"]))
            self.transport.send(Call("DELETE", location, repository, scope=PUSH))
        return response.status_code == httpx.codes.CREATED

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
        self, response: httpx.Response, statuses: tuple[int, ...], repository: Reference, *, doing: str
    ) -> None:
        if response.status_code in statuses:
            return
        known = failing.judged(response.status_code, repository)
        raise known or failing.unexpected(
            response.status_code, response.content, repository=repository, doing=doing
        )


def dumped(body: dict[str, Any]) -> bytes:
    """The one text of a document: its digest depends on every byte."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _document(content: bytes, repository: Reference) -> dict[str, Any]:
    try:
        body = json.loads(content[:LARGEST_DOCUMENT])
    except ValueError as error:
        raise RegistryUnavailable(f"{repository} is no JSON document: {error}") from error
    if not isinstance(body, dict):
        raise RegistryUnavailable(f"{repository} is no JSON object.")
    return body
