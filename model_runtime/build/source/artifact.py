"""Models stored in a registry: files pushed as an OCI artifact, or the files of an image's layers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

from model_runtime.build import archives
from model_runtime.build.source import address, bounds
from model_runtime.build.source.fetching import Fetched, Order
from model_runtime.failures import (
    RegistryUnauthorized,
    RegistryUnavailable,
    SourceForbidden,
    SourceNotFound,
    SourceUnavailable,
)
from model_runtime.registry import trust
from model_runtime.registry.client import Manifest, Registry
from model_runtime.registry.references import Reference
from model_runtime.registry.secrets import Keyring
from model_runtime.registry.transport import Transport

TITLE: Final = "org.opencontainers.image.title"
UNPACK: Final = "io.deis.oras.content.unpack"


def fetch(order: Order) -> Fetched:
    """Titled blobs are files; tars are unpacked."""
    reference = _reference(order)
    with _failures(order), closing(_transport(order)) as transport:
        registry = Registry(transport)
        manifest = _manifest(registry, reference, order)
        room = bounds.Room(order.limits)
        layers = manifest.body.get("layers", [])
        for layer in layers:
            room.take(int(layer.get("size", 0)), str(layer["digest"]))
        for layer in layers:
            _take(registry, reference, layer, order)
    return Fetched(_is_single(layers), {"digest": manifest.digest})


def _reference(order: Order) -> Reference:
    try:
        return Reference.parse(order.uri.partition("://")[2])
    except ValueError as error:
        raise SourceNotFound(f"spec.model.uri: {error}.") from error


def _transport(order: Order) -> Transport:
    try:
        tls = trust.context(order.ca)
    except ValueError as error:
        raise SourceUnavailable(f"{address.shown(order.uri)} cannot be asked: {error}.") from error
    keyring = Keyring.of([order.credentials])
    return Transport(tls, keyring, plain_http=order.plain_http, patience=order.patience)


def _manifest(registry: Registry, reference: Reference, order: Order) -> Manifest:
    found = registry.manifest(reference)
    if found is not None and found.is_index:
        first = str(found.body["manifests"][0]["digest"])
        found = registry.manifest(Reference(reference.host, reference.path, digest=first))
    if found is None:
        raise SourceNotFound(f"{address.shown(order.uri)} does not exist in its registry.")
    return found


def _take(registry: Registry, reference: Reference, layer: dict[str, Any], order: Order) -> None:
    digest, annotations = str(layer["digest"]), layer.get("annotations") or {}
    spooled = order.spool / digest.replace(":", "-")
    registry.download(reference, digest, spooled)
    title = str(annotations.get(TITLE, ""))
    if title and annotations.get(UNPACK) != "true":
        target = bounds.inside(order.into, title)
        target.parent.mkdir(parents=True, exist_ok=True)
        spooled.rename(target)
        return
    if ".tar" not in str(layer.get("mediaType", "")):
        spooled.unlink()
        return
    archives.unpack(spooled, order.into, limits=order.limits)
    spooled.unlink()


def _is_single(layers: list[dict[str, Any]]) -> bool:
    titles = [(layer.get("annotations") or {}) for layer in layers]
    return len(titles) == 1 and TITLE in titles[0] and titles[0].get(UNPACK) != "true"


@contextmanager
def _failures(order: Order) -> Iterator[None]:
    """Here a registry is a source: its failures are the source's."""
    name = address.shown(order.uri)
    try:
        yield
    except RegistryUnauthorized as error:
        raise SourceForbidden(
            f"{name} refuses access: name a dockerconfigjson Secret that may pull it in spec.model.credentials."
        ) from error
    except RegistryUnavailable as error:
        raise SourceUnavailable(f"{name} cannot be read: {error.message}") from error
