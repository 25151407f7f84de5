"""Build an image from a runtime image and additional layers, for every platform of the runtime image."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from model_runtime.failures import RegistryUnavailable
from model_runtime.registry import blobs, manifest_checks
from model_runtime.registry.client import DOCKER_MANIFEST, Manifest, RegistryClient, canonical_json
from model_runtime.registry.layers import Layer
from model_runtime.registry.references import Reference

log = logging.getLogger("seatrial.registry")
_PARALLEL: Final = 4
"""Blobs that are looked up or mounted at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Additions:
    """What the new image has beyond its runtime image."""

    layers: tuple[Layer, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    date: int = 0


@dataclass(frozen=True, slots=True)
class ImageBuilder:
    """Builds one image from `runtime` and pushes it to `target` under its tag."""

    registry: RegistryClient
    runtime: Reference
    target: Reference
    spool: Path
    """A folder for base layers that must be copied from one registry to another."""

    def push(self, base: Manifest, additions: Additions) -> str:
        """Push the image with all that it refers to; return its digest."""
        for layer in additions.layers:
            uploaded = self.registry.put_blob(self.target, layer.blob)
            size = f"{layer.blob.size} bytes"
            log.info("layer %s: %s", layer.comment, size if uploaded else f"{size}, already in the registry")
        if not base.is_index:
            return self._push_platform(base, additions, self.target)
        untagged = Reference(self.target.host, self.target.path)
        entries = [self._index_entry(entry, additions, untagged) for entry in _platforms(base)]
        if not entries:
            raise RegistryUnavailable(f"the runtime image {self.runtime} has no platform.")
        index = _subset(base.body, "schemaVersion", "mediaType")
        return self.registry.put_manifest(self.target, base.media_type, {**index, "manifests": entries})

    def _index_entry(
        self, entry: dict[str, Any], additions: Additions, untagged: Reference
    ) -> dict[str, Any]:
        platform = Reference(self.runtime.host, self.runtime.path, digest=str(entry["digest"]))
        manifest = self.registry.manifest(platform)
        if manifest is None:
            raise RegistryUnavailable(
                f"the runtime image lists {platform}, which does not exist in its registry."
            )
        if manifest.is_index:
            raise RegistryUnavailable(f"the runtime image lists {platform}, which is an index, not an image.")
        body = self._manifest(manifest, additions)
        digest = self.registry.put_manifest(untagged, manifest.media_type, body)
        kept = _subset(entry, "mediaType", "platform")
        return {**kept, "digest": digest, "size": len(canonical_json(body))}

    def _push_platform(self, base: Manifest, additions: Additions, target: Reference) -> str:
        return self.registry.put_manifest(target, base.media_type, self._manifest(base, additions))

    def _manifest(self, base: Manifest, additions: Additions) -> dict[str, Any]:
        """Return the new manifest, after pushing its config and all layers to the target."""
        layers = base.body["layers"]
        self._push_base_layers(layers)
        base_config = self.registry.json_blob(self.runtime, base.body["config"]["digest"])
        manifest_checks.require_config(base_config, self.runtime)
        blob = blobs.from_bytes(canonical_json(extended_config(base_config, additions)))
        self.registry.put_blob(self.target, blob)
        body = _subset(base.body, "schemaVersion", "mediaType")
        body["config"] = {
            **_subset(base.body["config"], "mediaType"),
            "digest": blob.digest,
            "size": blob.size,
        }
        body["layers"] = [*layers, *(_descriptor(layer, base) for layer in additions.layers)]
        return body

    def _push_base_layers(self, layers: list[dict[str, Any]]) -> None:
        """Mount the base layers in the target repository, or copy those that cannot be mounted."""
        sizes = {str(layer["digest"]): int(layer["size"]) for layer in layers if not layer.get("urls")}
        with ThreadPoolExecutor(_PARALLEL) as pool:
            present = dict(zip(sizes, pool.map(self._mounted, sizes), strict=True))
        for digest, size in sizes.items():
            if not present[digest]:
                self._copy(digest, size)

    def _mounted(self, digest: str) -> bool:
        if self.registry.has_blob(self.target, digest):
            return True
        same_registry = self.runtime.host == self.target.host
        return same_registry and self.registry.mount(self.target, digest, source=self.runtime)

    def _copy(self, digest: str, size: int) -> None:
        log.info("copying base layer %s from %s", digest[:19], self.runtime.repository)
        path = self.spool / digest.replace(":", "-")
        try:
            self.registry.download(self.runtime, digest, path, size=size)
            self.registry.put_blob(self.target, blobs.from_file(path, digest))
        finally:
            path.unlink(missing_ok=True)


def extended_config(base: dict[str, Any], additions: Additions) -> dict[str, Any]:
    """Return the config of the base with layers, command, environment and labels added."""
    config = copy.deepcopy(base)
    date = datetime.fromtimestamp(additions.date, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    run = config["config"] = config.get("config") or {}
    run["Entrypoint"] = list(additions.command)
    run.pop("Cmd", None)
    run["Env"] = _environment(run.get("Env") or [], additions.environment)
    run["Labels"] = {**(run.get("Labels") or {}), **additions.labels}
    config["created"] = date
    config["rootfs"]["diff_ids"] += [layer.diff_id for layer in additions.layers]
    config["history"] = [
        *(config.get("history") or []),
        *(
            {"created": date, "created_by": "seatrial build", "comment": layer.comment}
            for layer in additions.layers
        ),
    ]
    return config


def labels_of(registry: RegistryClient, reference: Reference, manifest: Manifest) -> dict[str, str]:
    """Return the labels of an image; of an index, those of its first platform."""
    image: Manifest | None = manifest
    if manifest.is_index:
        first = next(_platforms(manifest), None)
        platform = first and Reference(reference.host, reference.path, digest=str(first["digest"]))
        image = registry.manifest(platform) if platform else None
    if image is None or image.is_index or ".image." not in str(image.body["config"].get("mediaType")):
        return {}
    run = registry.json_blob(reference, image.body["config"]["digest"]).get("config")
    labels = run.get("Labels") if isinstance(run, dict) else None
    return {str(key): str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}


def _platforms(index: Manifest) -> Iterator[dict[str, Any]]:
    """Return the entries that are images: attestations have the platform `unknown`."""
    for entry in index.body.get("manifests", []):
        if (entry.get("platform") or {}).get("os") != "unknown":
            yield entry


def _environment(base: list[str], additions: Mapping[str, str]) -> list[str]:
    kept = [item for item in base if item.partition("=")[0] not in additions]
    return [*kept, *(f"{key}={value}" for key, value in sorted(additions.items()))]


def _descriptor(layer: Layer, manifest: Manifest) -> dict[str, Any]:
    if manifest.media_type == DOCKER_MANIFEST:
        kind = "application/vnd.docker.image.rootfs.diff.tar" + (".gzip" if layer.compressed else "")
    else:
        kind = "application/vnd.oci.image.layer.v1.tar" + ("+gzip" if layer.compressed else "")
    return {"mediaType": kind, "digest": layer.blob.digest, "size": layer.blob.size}


def _subset(body: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: body[key] for key in keys if key in body}
