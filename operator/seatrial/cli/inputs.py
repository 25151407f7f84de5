"""Reads what `seatrial plan` is given: the object, a snapshot of its cluster, the operator's settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import yaml

from seatrial.api import deployment, keys, names, refusal, settings, told
from seatrial.cli import world
from seatrial.cli.world import World
from seatrial.manifests.metadata import Body

ASSUMED_RUNTIMES: Final = ("sklearn", "xgboost", "onnx")
ASSUMED_REPOSITORY: Final = "registry.invalid/models"


class Unusable(Exception):
    """An input cannot be used; the text says which, why, and what to do."""


class _Loader(yaml.SafeLoader):
    """YAML without times: Kubernetes' times are texts."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, found) for tag, found in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def documents(text: str, source: str) -> tuple[Body, ...]:
    """Every object in a YAML text: documents, lists of objects, and `kind: List` of kubectl."""
    try:
        loaded = list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise Unusable(f"{source}: is not YAML: {error}") from None
    return tuple(_objects(loaded, source))


def _objects(found: Any, source: str) -> Iterator[Body]:
    if found is None:
        return
    if isinstance(found, list):
        for item in found:
            yield from _objects(item, source)
    elif isinstance(found, dict) and str(found.get("kind", "")).endswith("List") and "items" in found:
        yield from _objects(found["items"], source)
    elif isinstance(found, dict) and found.get("kind") and (found.get("metadata") or {}).get("name"):
        yield found
    else:
        raise Unusable(f"{source}: every object needs kind and metadata.name")


def read(path: str) -> tuple[Body, ...]:
    """The objects in a file."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise Unusable(f"{path}: cannot be read: {error.strerror}") from None
    return documents(text, path)


def the_deployment(bodies: tuple[Body, ...], source: str) -> Body:
    """The one ModelDeployment of a file."""
    found = [body for body in bodies if body["kind"] == names.KIND]
    if len(found) != 1:
        raise Unusable(f"{source}: needs one {names.KIND}; it has {len(found)}")
    return found[0]


def operator_settings(path: str) -> settings.Settings:
    """The operator's settings in a file; without one, a catalogue and a registry that are as good as any."""
    if not path:
        runtimes = {name: f"registry.invalid/runtimes/{name}:assumed" for name in ASSUMED_RUNTIMES}
        registry = {"repository": ASSUMED_REPOSITORY}
        return settings.Settings.model_validate({"runtimes": runtimes, "registry": registry})
    try:
        raw = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise Unusable(f"{path}: cannot be read: {error}") from None
    try:
        return refusal.validated(settings.Settings, raw, at="settings")
    except refusal.InvalidSpec as error:
        raise Unusable(f"{path}: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The world to begin in: the snapshot, with the object as it is about to be applied."""

    key: keys.Key
    world: World


def given(wanted: Body, snapshot: tuple[Body, ...], now: datetime) -> Given:
    """The snapshot in which `wanted` has just been applied; `Unusable` when that cannot be."""
    try:
        key = deployment.parse({**wanted, "status": {}}).key
    except deployment.InvalidSpec as error:
        raise Unusable(f"the API server would refuse it: {error}") from None
    beside = [b for b in snapshot if b["metadata"].get("namespace", key.namespace) == key.namespace]
    before = _before(beside, key.name)
    if snapshot and before is None:
        raise Unusable(
            f"the snapshot has no {names.KIND} {key}: its status is the memory of its rollouts; add the output of "
            f"kubectl get mdep {key.name} -n {key.namespace} -o yaml"
        )
    here = world.of_bodies([b for b in beside if b is not before], now)
    return Given(key=key, world=here.having(_applied(wanted, before, now)))


def _before(beside: list[Body], name: str) -> Body | None:
    return next((b for b in beside if b["kind"] == names.KIND and b["metadata"]["name"] == name), None)


def _applied(wanted: Body, before: Body | None, now: datetime) -> Body:
    """The object as the API server would have it: a changed spec is a new generation."""
    head = (before or {}).get("metadata") or {"uid": "new", "creationTimestamp": told.format_time(now)}
    generation = int(head.get("generation", 0))
    changed = before is None or before.get("spec") != wanted.get("spec")
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {**head, **_written(wanted), "generation": generation + (1 if changed else 0)},
        "spec": wanted.get("spec") or {},
        "status": (before or {}).get("status") or {},
    }


def _written(wanted: Body) -> Body:
    """What a person writes of an object's head."""
    kept = {"name", "namespace", "labels", "annotations"}
    head = {key: value for key, value in wanted["metadata"].items() if key in kept}
    return {"namespace": "default", **head}
