"""The one door to all sources."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from model_runtime.failures import BuildBroken, SourceNotFound, SourceUnavailable
from model_runtime.registry import tls
from model_runtime.retry import Patience
from model_runtime.sources import address
from model_runtime.sources.limits import Limits

log = logging.getLogger("seatrial.build")
SCHEMES: Final = ("configmap", "http", "https", "oci", "pvc", "s3")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a source brought."""

    single: bool
    """One file was named, not a folder."""
    resolved: dict[str, str] = field(default_factory=dict)
    """Which version it was: etag, version, digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to fetch, where to, and with what."""

    uri: str
    into: Path
    credentials: Path
    ca: Path
    volume: Path
    spool: Path
    limits: Limits
    plain_http: frozenset[str] = frozenset()
    """Registries that are spoken to without TLS."""
    patience: Patience = field(default_factory=lambda: Patience(attempts=5, first=0.5))

    def trusted(self) -> ssl.SSLContext:
        """Whose certificates are believed; `SourceUnavailable` when the authorities that are named are none."""
        try:
            return tls.context(self.ca)
        except ValueError as error:
            raise SourceUnavailable(f"{address.shown(self.uri)} cannot be asked: {error}.") from error


def fetch(order: Order) -> Fetched:
    """The files stand below `order.into`; a `SourceFailure` says why they do not."""
    log.info("fetching %s", address.shown(order.uri))
    fetched = _fetch(order)
    files = [path for path in order.into.rglob("*") if path.is_file()]
    if not files:
        raise SourceNotFound(f"{address.shown(order.uri)} holds no files.")
    size = sum(path.stat().st_size for path in files)
    log.info("fetched %d files, %.1f MiB", len(files), size / 2**20)
    return Fetched(fetched.single, {**fetched.resolved, "files": str(len(files)), "size": str(size)})


def _fetch(order: Order) -> Fetched:
    """Each source is imported when it is the one: they bring libraries with them."""
    match address.scheme(order.uri):
        case "s3":
            from model_runtime.sources import object_store

            return object_store.fetch(order)
        case "http" | "https":
            from model_runtime.sources import web

            return web.fetch(order)
        case "pvc" | "configmap":
            from model_runtime.sources import mounted_volume

            return mounted_volume.fetch(order)
        case "oci":
            from model_runtime.sources import oci_artifact

            return oci_artifact.fetch(order)
        case unknown:
            raise BuildBroken(f"unknown scheme {unknown!r} in spec.model.uri; known: {', '.join(SCHEMES)}.")
