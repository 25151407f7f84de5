"""Fetch files from a registry: an OCI artifact's, or those in the layers of an image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

from model_runtime.failures import (
    BuildBroken,
    RegistryUnauthorized,
    RegistryUnavailable,
    SourceForbidden,
    SourceNotFound,
    SourceUnavailable,
)
from model_runtime.registry.client import Manifest, RegistryClient
from model_runtime.registry.credentials import Keyring
from model_runtime.registry.references import Reference
from model_runtime.registry.transport import Transport
from model_runtime.sources import archives, limits
from model_runtime.sources.fetching import FetchRequest, FetchResult

TITLE: Final = "org.opencontainers.image.title"
UNPACK: Final = "io.deis.oras.content.unpack"


def fetch(request: FetchRequest) -> FetchResult:
    """Store each blob with a title as a file, and unpack each tar."""
    reference = _reference(request)
    with _translated_failures(request), closing(_transport(request)) as transport:
        registry = RegistryClient(transport)
        manifest = _manifest(registry, reference, request)
        packed_quota = limits.Quota(request.limits)
        layers = manifest.body["layers"]
        for layer in layers:
            packed_quota.add_file(layer["size"], str(layer["digest"]))
        unpacked_quota = limits.Quota(request.limits)
        for layer in layers:
            _store(registry, reference, layer, request, unpacked_quota)
    return FetchResult(_is_single_file(layers), {"digest": manifest.digest})


def _reference(request: FetchRequest) -> Reference:
    try:
        return Reference.parse(request.uri.partition("://")[2])
    except ValueError as error:
        raise BuildBroken(
            f"spec.model.uri {request.name} is not the name of an artifact: expected "
            f"oci://registry/repository:tag or oci://registry/repository@sha256:<64 hex digits>, the repository in "
            f"lower case."
        ) from error


def _transport(request: FetchRequest) -> Transport:
    keyring = Keyring.from_folders(
        [request.credentials], host=_reference(request).host, fields=("spec.model.credentials",)
    )
    return Transport(
        request.ssl_context(),
        keyring,
        plain_http=request.plain_http,
        retry=request.retry,
        destinations=request.destinations,
    )


def _manifest(registry: RegistryClient, reference: Reference, request: FetchRequest) -> Manifest:
    manifest = registry.manifest(reference)
    if manifest is not None and manifest.is_index:
        entries = manifest.body["manifests"]
        first = Reference(reference.host, reference.path, digest=entries[0]["digest"]) if entries else None
        manifest = registry.manifest(first) if first else None
    if manifest is None or manifest.is_index:
        raise SourceNotFound(f"{request.name} does not exist in its registry.")
    return manifest


def _store(
    registry: RegistryClient,
    reference: Reference,
    layer: dict[str, Any],
    request: FetchRequest,
    quota: limits.Quota,
) -> None:
    digest, title = str(layer["digest"]), _title(layer)
    tar = not title and ".tar" in str(layer.get("mediaType", ""))
    if not title and not tar and not _must_unpack(layer):
        return
    blob = request.spool / digest.replace(":", "-")
    registry.download(reference, digest, blob, size=layer["size"])
    if title:
        target = limits.path_of(title, request.folder)
        limits.create_file(target, title).close()
        blob.replace(target)
        return
    archives.unpack(blob, request.folder, quota=quota)
    blob.unlink()


def _title(layer: dict[str, Any]) -> str:
    """Return the file name of a blob; empty for a tar of files, and for a blob without a name."""
    return "" if _must_unpack(layer) else str((layer.get("annotations") or {}).get(TITLE, ""))


def _must_unpack(layer: dict[str, Any]) -> bool:
    return (layer.get("annotations") or {}).get(UNPACK) == "true"


def _is_single_file(layers: list[dict[str, Any]]) -> bool:
    return len(layers) == 1 and bool(_title(layers[0]))


@contextmanager
def _translated_failures(request: FetchRequest) -> Iterator[None]:
    """Raise failures of the registry as failures of the source."""
    try:
        yield
    except RegistryUnauthorized as error:
        raise SourceForbidden(f"{request.name} cannot be read: {error.message}") from error
    except RegistryUnavailable as error:
        raise SourceUnavailable(f"{request.name} cannot be read: {error.message}") from error
