"""The ConfigMaps and Secrets that a spec refers to, and pod templates that read immutable copies instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from seatrial.api import serving, settings, spec
from seatrial.api.model import split_uri


class ReferenceKind(StrEnum):
    """The kinds of objects that hold configuration."""

    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"  # noqa: S105 - a kind, not a secret


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """One object in the namespace of the ModelDeployment that its spec names."""

    holder: ReferenceKind
    name: str
    optional: bool = False

    def __str__(self) -> str:
        return f"{self.holder} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencedData:
    """The content of a reference; `data` is kept of ConfigMaps only, of a Secret only its digest."""

    present: bool
    digest: str = ""
    """Of the content."""
    version: str = ""
    """The resourceVersion; it reveals nothing about the content."""
    data: Mapping[str, str] = field(default_factory=dict)
    binary_data: Mapping[str, str] = field(default_factory=dict)


def pod_references(server: serving.Serving) -> tuple[Reference, ...]:
    """Return what the pods read, each once, sorted."""
    found = {(r.holder, r.name): r for r in sorted(_of_environment(server), key=lambda r: not r.optional)}
    for volume in server.pod.volumes:
        for reference in _of_volume(volume):
            found.setdefault((reference.holder, reference.name), reference)
    return tuple(sorted(found.values()))


def build_references(wanted: spec.Spec, operator: settings.Settings) -> tuple[Reference, ...]:
    """Return what the build Job mounts: without one of them its pod would wait without reporting for what."""
    if wanted.model.image:
        return ()
    registry = wanted.build.registry
    secrets = (
        wanted.model.credentials.secret_name if wanted.model.credentials else "",
        registry.push_secret_name or operator.registry.push_secret_name,
        registry.pull_secret_name or operator.registry.pull_secret_name,
    )
    source = split_uri(wanted.model.uri)
    config_maps = (
        registry.ca_config_map_name or operator.registry.ca_config_map_name,
        source.netloc if source.scheme == "configmap" else "",
    )
    found = {Reference(ReferenceKind.SECRET, name) for name in secrets if name}
    found |= {Reference(ReferenceKind.CONFIG_MAP, name) for name in config_maps if name}
    return tuple(sorted(found))


def _of_environment(server: serving.Serving) -> Iterator[Reference]:
    for source in server.env_from:
        if source.config_map_ref:
            yield Reference(
                ReferenceKind.CONFIG_MAP, source.config_map_ref.name, source.config_map_ref.optional
            )
        if source.secret_ref:
            yield Reference(ReferenceKind.SECRET, source.secret_ref.name, source.secret_ref.optional)
    for variable in server.env:
        origin = variable.value_from
        if origin and origin.config_map_key_ref:
            ref = origin.config_map_key_ref
            yield Reference(ReferenceKind.CONFIG_MAP, ref.name, ref.optional)
        if origin and origin.secret_key_ref:
            yield Reference(ReferenceKind.SECRET, origin.secret_key_ref.name, origin.secret_key_ref.optional)


def _of_volume(volume: Mapping[str, Any]) -> Iterator[Reference]:
    sources = _object(volume.get("projected")).get("sources")
    for source in (volume, *(sources if isinstance(sources, list) else ())):
        for key, holder in (("configMap", ReferenceKind.CONFIG_MAP), ("secret", ReferenceKind.SECRET)):
            part = _object(_object(source).get(key))
            name = part.get("name") or part.get("secretName")
            if name and isinstance(name, str):
                yield Reference(holder, name, bool(part.get("optional", False)))


def _object(part: Any) -> Mapping[str, Any]:
    """Return the part of a free object; empty for what is no object, which the API server rejects."""
    return part if isinstance(part, Mapping) else {}


CONFIG_MAP_KEYS = ("configMapRef", "configMapKeyRef", "configMap")


def with_copies(body: Any, copies: Mapping[str, str]) -> Any:
    """Return the pod template in which every ConfigMap that has a copy is replaced by it."""
    if isinstance(body, Mapping):
        return {key: _renamed_part(key, item, copies) for key, item in body.items()}
    return [with_copies(item, copies) for item in body] if isinstance(body, list) else body


def _renamed_part(key: str, item: Any, copies: Mapping[str, str]) -> Any:
    name = _object(item).get("name")
    if key in CONFIG_MAP_KEYS and isinstance(name, str) and name in copies:
        return {**item, "name": copies[name]}
    return with_copies(item, copies)
