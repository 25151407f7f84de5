"""Models stored in a registry: files pushed as an OCI artifact, or the files of an image's layers."""

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
from model_runtime.registry.client import Manifest, Registry
from model_runtime.registry.credentials import Keyring
from model_runtime.registry.references import Reference
from model_runtime.registry.transport import Transport
from model_runtime.sources import address, archives, limits
from model_runtime.sources.fetching import Fetched, Order

TITLE: Final = "org.opencontainers.image.title"
UNPACK: Final = "io.deis.oras.content.unpack"


def fetch(order: Order) -> Fetched:
    """Titled blobs are files; tars are unpacked."""
    reference = _reference(order)
    with _failures(order), closing(_transport(order)) as transport:
        registry = Registry(transport)
        manifest = _manifest(registry, reference, order)
        room = limits.Room(order.limits)
        layers = manifest.body["layers"]
        for layer in layers:
            room.take(layer["size"], str(layer["digest"]))
        unpacked = limits.Room(order.limits)
        for layer in layers:
            _take(registry, reference, layer, order, unpacked)
    return Fetched(_is_single(layers), {"digest": manifest.digest})


def _reference(order: Order) -> Reference:
    try:
        return Reference.parse(order.uri.partition("://")[2])
    except ValueError as error:
        raise BuildBroken(
            f"spec.model.uri {address.shown(order.uri)} is no name of an artifact: it is of the form "
            f"oci://registry/repository:tag or oci://registry/repository@sha256:<64 hex digits>, the repository in "
            f"lower case."
        ) from error


def _transport(order: Order) -> Transport:
    keyring = Keyring.of(
        [order.credentials], host=_reference(order).host, named_in=("spec.model.credentials",)
    )
    return Transport(order.trusted(), keyring, plain_http=order.plain_http, patience=order.patience)


def _manifest(registry: Registry, reference: Reference, order: Order) -> Manifest:
    found = registry.manifest(reference)
    if found is not None and found.is_index:
        entries = found.body["manifests"]
        first = Reference(reference.host, reference.path, digest=entries[0]["digest"]) if entries else None
        found = registry.manifest(first) if first else None
    if found is None or found.is_index:
        raise SourceNotFound(f"{address.shown(order.uri)} does not exist in its registry.")
    return found


def _take(
    registry: Registry, reference: Reference, layer: dict[str, Any], order: Order, unpacked: limits.Room
) -> None:
    digest, title = str(layer["digest"]), _title(layer)
    packed = not title and ".tar" in str(layer.get("mediaType", ""))
    if not title and not packed and not _unpacked(layer):
        return
    spooled = order.spool / digest.replace(":", "-")
    registry.download(reference, digest, spooled, size=layer["size"])
    if title:
        target = limits.inside(order.into, title)
        limits.created(target, title).close()
        spooled.replace(target)
        return
    archives.unpack(spooled, order.into, room=unpacked)
    spooled.unlink()


def _title(layer: dict[str, Any]) -> str:
    """The name of a blob that is a file; empty when it is a tar of files, or nothing that has a name."""
    return "" if _unpacked(layer) else str((layer.get("annotations") or {}).get(TITLE, ""))


def _unpacked(layer: dict[str, Any]) -> bool:
    return (layer.get("annotations") or {}).get(UNPACK) == "true"


def _is_single(layers: list[dict[str, Any]]) -> bool:
    return len(layers) == 1 and bool(_title(layers[0]))


@contextmanager
def _failures(order: Order) -> Iterator[None]:
    """Here a registry is a source: its failures are the source's."""
    name = address.shown(order.uri)
    try:
        yield
    except RegistryUnauthorized as error:
        raise SourceForbidden(f"{name} cannot be read: {error.message}") from error
    except RegistryUnavailable as error:
        raise SourceUnavailable(f"{name} cannot be read: {error.message}") from error
