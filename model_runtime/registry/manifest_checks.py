"""Validate manifests and configs before their content is used: they come from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from model_runtime.failures import RegistryUnavailable
from model_runtime.registry import references

LARGEST_SIZE: Final = 1 << 50


def require_index(body: Mapping[str, Any], name: object) -> None:
    """Raise `RegistryUnavailable` unless every entry of the index names a digest."""
    for entry in _objects(body, "manifests", name):
        _require_digest(entry, name)
        if not isinstance(entry.get("platform") or {}, dict):
            raise _invalid(name, "the platform of an entry is not an object")


def require_manifest(body: Mapping[str, Any], name: object) -> None:
    """Raise `RegistryUnavailable` unless config and layers name a digest, and layers a size."""
    _require_digest(body.get("config"), name)
    for layer in _objects(body, "layers", name):
        _require_digest(layer, name)
        size = layer.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= LARGEST_SIZE:
            raise _invalid(name, "a layer has no valid size")
        if not isinstance(layer.get("annotations") or {}, dict):
            raise _invalid(name, "the annotations of a layer are not an object")


def require_config(body: Mapping[str, Any], name: object) -> None:
    """Raise `RegistryUnavailable` unless this is the config of an image that layers can be added to."""
    rootfs = body.get("rootfs")
    if not isinstance(rootfs, dict) or not isinstance(rootfs.get("diff_ids"), list):
        raise _invalid(name, "its config has no list of layers")
    run = body.get("config") or {}
    if not isinstance(run, dict) or not isinstance(body.get("history") or [], list):
        raise _invalid(name, "the config or the history in its config has the wrong type")
    environment = run.get("Env") or []
    strings = isinstance(environment, list) and all(isinstance(item, str) for item in environment)
    if not strings or not isinstance(run.get("Labels") or {}, dict):
        raise _invalid(name, "the environment or the labels in its config have the wrong type")


def _objects(body: Mapping[str, Any], key: str, name: object) -> list[dict[str, Any]]:
    entries = body.get(key)
    if not isinstance(entries, list):
        raise _invalid(name, f"it has no list of {key}")
    return entries


def _require_digest(descriptor: Any, name: object) -> None:
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    if not isinstance(digest, str) or not references.DIGEST.fullmatch(digest):
        raise _invalid(name, "a descriptor has no valid digest")


def _invalid(name: object, reason: str) -> RegistryUnavailable:
    return RegistryUnavailable(f"{name} is not a valid image manifest: {reason}.")
