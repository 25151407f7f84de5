"""The entry point to all sources."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from model_runtime.destinations import Destinations
from model_runtime.failures import BuildBroken, SourceNotFound, SourceUnavailable
from model_runtime.registry import tls
from model_runtime.retry import RetryPolicy
from model_runtime.sources import address
from model_runtime.sources.limits import Limits

log = logging.getLogger("seatrial.build")
SCHEMES: Final = ("configmap", "http", "https", "oci", "pvc", "s3")


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What a source brought."""

    single_file: bool
    """The address names one file, not a folder."""
    details: dict[str, str] = field(default_factory=dict)
    """Which version it was: etag, version, digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """What to fetch, into which folder, and with what."""

    uri: str
    folder: Path
    """The files are written below it."""
    credentials: Path
    ca: Path
    volume: Path
    spool: Path
    limits: Limits
    companions: tuple[str, ...] = ()
    """Names of files that are fetched as well when they lie beside a single file."""
    plain_http: frozenset[str] = frozenset()
    """Registries that serve http without TLS."""
    destinations: Destinations = field(default_factory=Destinations)
    """Where it may connect to."""
    retry: RetryPolicy = field(default_factory=lambda: RetryPolicy(attempts=5, first_pause=0.5))

    @property
    def name(self) -> str:
        """Return the address without its secrets."""
        return address.redacted(self.uri)

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context with the trusted authorities; `SourceUnavailable` when one of them is invalid."""
        try:
            return tls.ssl_context(self.ca)
        except ValueError as error:
            raise SourceUnavailable(f"{self.name} cannot be read: {error}.") from error


def fetch(request: FetchRequest) -> FetchResult:
    """Fetch the files into the folder of the request; a `SourceFailure` says why that failed."""
    log.info("fetching %s", request.name)
    result = _fetch(request)
    files = [path for path in request.folder.rglob("*") if path.is_file()]
    if not files:
        raise SourceNotFound(f"{request.name} has no files.")
    size = sum(path.stat().st_size for path in files)
    log.info("fetched %d files, %.1f MiB", len(files), size / 2**20)
    details = {**result.details, "files": str(len(files)), "size": str(size)}
    return FetchResult(result.single_file, details)


def _fetch(request: FetchRequest) -> FetchResult:
    """Import the source only when it is needed: each brings its own libraries."""
    match address.scheme(request.uri):
        case "s3":
            from model_runtime.sources import object_store

            return object_store.fetch(request)
        case "http" | "https":
            from model_runtime.sources import web

            return web.fetch(request)
        case "pvc" | "configmap":
            from model_runtime.sources import mounted_volume

            return mounted_volume.fetch(request)
        case "oci":
            from model_runtime.sources import oci_artifact

            return oci_artifact.fetch(request)
        case unknown:
            raise BuildBroken(f"unknown scheme {unknown!r} in spec.model.uri; known: {', '.join(SCHEMES)}.")
