"""What manifests must look like before anything in them is believed: they come from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from model_runtime.failures import RegistryUnavailable
from model_runtime.registry import references

LARGEST_SIZE: Final = 1 << 50


def require_index(body: Mapping[str, Any], name: object) -> None:
    """Nothing, or `RegistryUnavailable`: every entry of the index names a digest."""
    for entry in _list(body, "manifests", name):
        _require_digest(entry, name)
        if not isinstance(entry.get("platform") or {}, dict):
            raise _strange(name, "an entry's platform is no object")


def require_manifest(body: Mapping[str, Any], name: object) -> None:
    """Nothing, or `RegistryUnavailable`: config and layers name a digest, layers a size as well."""
    _require_digest(body.get("config"), name)
    for layer in _list(body, "layers", name):
        _require_digest(layer, name)
        size = layer.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= LARGEST_SIZE:
            raise _strange(name, "a layer has no size")
        if not isinstance(layer.get("annotations") or {}, dict):
            raise _strange(name, "a layer's annotations are no object")


def require_config(body: Mapping[str, Any], name: object) -> None:
    """Nothing, or `RegistryUnavailable`: the config of an image that layers can be added to."""
    rootfs = body.get("rootfs")
    if not isinstance(rootfs, dict) or not isinstance(rootfs.get("diff_ids"), list):
        raise _strange(name, "its config lists no layers")
    run = body.get("config") or {}
    if not isinstance(run, dict) or not isinstance(body.get("history") or [], list):
        raise _strange(name, "its config or history is of another kind")
    environment = run.get("Env") or []
    texts = isinstance(environment, list) and all(isinstance(item, str) for item in environment)
    if not texts or not isinstance(run.get("Labels") or {}, dict):
        raise _strange(name, "its environment or labels are of another kind")


def _list(body: Mapping[str, Any], key: str, name: object) -> list[dict[str, Any]]:
    found = body.get(key)
    if not isinstance(found, list):
        raise _strange(name, f"it lists no {key}")
    return found


def _require_digest(descriptor: Any, name: object) -> None:
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    if not isinstance(digest, str) or not references.DIGEST.fullmatch(digest):
        raise _strange(name, "it refers to something without a digest")


def _strange(name: object, why: str) -> RegistryUnavailable:
    return RegistryUnavailable(f"{name} is not the manifest of an image as it stands in the registry: {why}.")
