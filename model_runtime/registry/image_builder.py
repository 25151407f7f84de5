"""A runtime image and layers make a new image, for every platform of the runtime."""

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
from model_runtime.registry.client import DOCKER_MANIFEST, Manifest, Registry, dumped
from model_runtime.registry.layers import Layer
from model_runtime.registry.references import Reference

log = logging.getLogger("seatrial.registry")
_TOGETHER: Final = 4
"""Blobs that are looked for or mounted at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Additions:
    """What the new image has beyond its runtime image."""

    layers: tuple[Layer, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    date: int = 0


@dataclass(frozen=True, slots=True)
class Assembly:
    """One image in the making: from `runtime`, into `target` under its tag."""

    registry: Registry
    runtime: Reference
    target: Reference
    spool: Path
    """A folder for base layers that have to be carried from one registry to another."""

    def push(self, found: Manifest, additions: Additions) -> str:
        """The digest of the image, which stands in the registry with all it refers to."""
        for layer in additions.layers:
            sent = self.registry.put_blob(self.target, layer.blob)
            log.info("layer %s: %s", layer.comment, f"{layer.blob.size} bytes" if sent else "was there")
        if not found.is_index:
            return self._push_platform(found, additions, self.target)
        untagged = Reference(self.target.host, self.target.path)
        entries = [self._entry(entry, additions, untagged) for entry in _platforms(found)]
        if not entries:
            raise RegistryUnavailable(f"the runtime image {self.runtime} has no platform.")
        index = _kept(found.body, "schemaVersion", "mediaType")
        return self.registry.put_manifest(self.target, found.media_type, {**index, "manifests": entries})

    def _entry(self, entry: dict[str, Any], additions: Additions, untagged: Reference) -> dict[str, Any]:
        one = Reference(self.runtime.host, self.runtime.path, digest=str(entry["digest"]))
        manifest = self.registry.manifest(one)
        if manifest is None:
            raise RegistryUnavailable(f"the runtime image lists {one}, which the registry does not have.")
        if manifest.is_index:
            raise RegistryUnavailable(f"the runtime image lists {one}, which is no image but another list.")
        body = self._composed(manifest, additions)
        digest = self.registry.put_manifest(untagged, manifest.media_type, body)
        kept = _kept(entry, "mediaType", "platform")
        return {**kept, "digest": digest, "size": len(dumped(body))}

    def _push_platform(self, manifest: Manifest, additions: Additions, to: Reference) -> str:
        return self.registry.put_manifest(to, manifest.media_type, self._composed(manifest, additions))

    def _composed(self, manifest: Manifest, additions: Additions) -> dict[str, Any]:
        """The new manifest; its config and all layers stand in the target."""
        base = manifest.body
        self._bring(base["layers"])
        had = self.registry.document(self.runtime, base["config"]["digest"])
        manifest_checks.require_config(had, self.runtime)
        config = composed_config(had, additions)
        blob = blobs.of_bytes(dumped(config))
        self.registry.put_blob(self.target, blob)
        body = _kept(base, "schemaVersion", "mediaType")
        body["config"] = {**_kept(base["config"], "mediaType"), "digest": blob.digest, "size": blob.size}
        body["layers"] = [*base["layers"], *(_descriptor(layer, manifest) for layer in additions.layers)]
        return body

    def _bring(self, layers: list[dict[str, Any]]) -> None:
        """The base's layers stand in the target repository: they are there, mounted, or carried over."""
        wanted = {str(layer["digest"]): int(layer["size"]) for layer in layers if not layer.get("urls")}
        with ThreadPoolExecutor(_TOGETHER) as pool:
            here = dict(zip(wanted, pool.map(self._mounted, wanted), strict=True))
        for digest, size in wanted.items():
            if not here[digest]:
                self._carry(digest, size)

    def _mounted(self, digest: str) -> bool:
        if self.registry.has_blob(self.target, digest):
            return True
        same = self.runtime.host == self.target.host
        return same and self.registry.mount(self.target, digest, source=self.runtime)

    def _carry(self, digest: str, size: int) -> None:
        log.info("copying base layer %s from %s", digest[:19], self.runtime.repository)
        path = self.spool / digest.replace(":", "-")
        try:
            self.registry.download(self.runtime, digest, path, size=size)
            self.registry.put_blob(self.target, blobs.of_file(path, digest))
        finally:
            path.unlink(missing_ok=True)


def composed_config(base: dict[str, Any], additions: Additions) -> dict[str, Any]:
    """The base's config with the layers, the command, the environment and the labels added."""
    made = copy.deepcopy(base)
    date = datetime.fromtimestamp(additions.date, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    run = made["config"] = made.get("config") or {}
    run["Entrypoint"] = list(additions.command)
    run.pop("Cmd", None)
    run["Env"] = _environment(run.get("Env") or [], additions.environment)
    run["Labels"] = {**(run.get("Labels") or {}), **additions.labels}
    made["created"] = date
    made["rootfs"]["diff_ids"] += [layer.diff_id for layer in additions.layers]
    made["history"] = [
        *(made.get("history") or []),
        *(
            {"created": date, "created_by": "seatrial build", "comment": layer.comment}
            for layer in additions.layers
        ),
    ]
    return made


def labels_of(registry: Registry, reference: Reference, found: Manifest) -> dict[str, str]:
    """The labels of an image, of an index' first platform."""
    manifest: Manifest | None = found
    if found.is_index:
        first = next(_platforms(found), None)
        one = first and Reference(reference.host, reference.path, digest=str(first["digest"]))
        manifest = registry.manifest(one) if one else None
    if (
        manifest is None
        or manifest.is_index
        or ".image." not in str(manifest.body["config"].get("mediaType"))
    ):
        return {}
    run = registry.document(reference, manifest.body["config"]["digest"]).get("config")
    labels = run.get("Labels") if isinstance(run, dict) else None
    return {str(key): str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}


def _platforms(index: Manifest) -> Iterator[dict[str, Any]]:
    """The entries that can run: attestations say `unknown`."""
    for entry in index.body.get("manifests", []):
        if (entry.get("platform") or {}).get("os") != "unknown":
            yield entry


def _environment(have: list[str], more: Mapping[str, str]) -> list[str]:
    kept = [item for item in have if item.partition("=")[0] not in more]
    return [*kept, *(f"{key}={value}" for key, value in sorted(more.items()))]


def _descriptor(layer: Layer, manifest: Manifest) -> dict[str, Any]:
    if manifest.media_type == DOCKER_MANIFEST:
        kind = "application/vnd.docker.image.rootfs.diff.tar" + (".gzip" if layer.compressed else "")
    else:
        kind = "application/vnd.oci.image.layer.v1.tar" + ("+gzip" if layer.compressed else "")
    return {"mediaType": kind, "digest": layer.blob.digest, "size": layer.blob.size}


def _kept(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: document[key] for key in keys if key in document}
