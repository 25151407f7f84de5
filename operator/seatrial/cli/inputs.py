"""Reads what `seatrial plan` is given: the object, a snapshot of its cluster, the operator's settings."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import yaml

from seatrial.api import model_deployment, names, settings, status_fields, validation
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.cli import yaml_input
from seatrial.cli.yaml_input import Unusable
from seatrial.simulation import cluster
from seatrial.simulation.cluster import Place, World

ASSUMED_RUNTIMES: Final = ("sklearn", "xgboost", "onnx")
ASSUMED_REPOSITORY: Final = "registry.invalid/models"
DEFAULT_NAMESPACE: Final = "default"

_LOOKED_AT: Final = frozenset({"ConfigMap", "Secret", names.DECISION_KIND})


def read(path: str) -> tuple[Body, ...]:
    """The objects in a file; `-` is the standard input."""
    return yaml_input.documents(yaml_input.text_of(path), yaml_input.named(path))


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
        raw = yaml.safe_load(yaml_input.text_of(path))
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise Unusable(f"{path}: is not YAML: {error}") from None
    try:
        return validation.validate(settings.Settings, raw, at="settings")
    except validation.InvalidSpec as error:
        raise Unusable(f"{path}: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The world to begin in: the snapshot, with the object as it is about to be applied."""

    key: Key
    world: World
    before: Body | None = None
    """The object as the snapshot has it."""
    foreign: frozenset[Place] = frozenset()
    """Objects of the snapshot that are not this one's children; a child cannot have one of their names."""


def in_namespace(body: Body, namespace: str) -> Body:
    """The object as `kubectl apply -n` would make it; `Unusable` when it says another namespace itself.

    What goes along with a ModelDeployment and names no namespace goes where that one goes.
    """
    own = body["metadata"].get("namespace") or namespace
    if namespace and own != namespace:
        raise Unusable(
            f"{body['kind']} {body['metadata']['name']} is for namespace {own!r}, not for -n {namespace!r}"
        )
    own = own or (DEFAULT_NAMESPACE if body["kind"] == names.KIND else "")
    return {**body, "metadata": {**body["metadata"], **({"namespace": own} if own else {})}}


def given(wanted: Body, snapshot: tuple[Body, ...], now: datetime, *, along: tuple[Body, ...] = ()) -> Given:
    """The snapshot in which `wanted`, and what is `along` with it, has just been applied; `Unusable` when it cannot."""
    try:
        key = model_deployment.parse({**wanted, "status": {}}).key
    except model_deployment.InvalidSpec as error:
        name = wanted["metadata"]["name"]
        raise Unusable(f"the API server would refuse {names.KIND} {name}: {error}") from None
    beside = [b for b in snapshot if b["metadata"].get("namespace", key.namespace) == key.namespace]
    before = _before(beside, key.name)
    if snapshot and before is None:
        raise Unusable(_without_memory(key, snapshot))
    rest = [b for b in beside if b["kind"] != names.KIND]
    seen = [b for b in rest if _concerns(b, key.name)]
    new = [b for b in along if b["metadata"].get("namespace", key.namespace) == key.namespace]
    here = cluster.of_bodies([_dated(b, now) for b in seen], now)
    here = here.having(*(_stored(b, here, now) for b in new if b["kind"] in _LOOKED_AT))
    foreign = frozenset(cluster.place_of(b) for b in rest if not _is_child(b, key.name))
    after = here.having(_applied(wanted, before, now))
    return Given(key=key, world=after, before=before, foreign=foreign)


def _without_memory(key: Key, snapshot: tuple[Body, ...]) -> str:
    others = [b for b in snapshot if b["kind"] == names.KIND and b["metadata"]["name"] == key.name]
    if others:
        return (
            f"the snapshot has {names.KIND} {key.name} in namespace {others[0]['metadata'].get('namespace')}, and the "
            f"object is for namespace {key.namespace}: write metadata.namespace into it, or say -n"
        )
    return (
        f"the snapshot has no {names.KIND} {key}: its status is the memory of its rollouts; add the output of "
        f"kubectl get mdep {key.name} -n {key.namespace} -o yaml"
    )


def _is_child(body: Body, name: str) -> bool:
    return (body["metadata"].get("labels") or {}).get(names.LABEL_DEPLOYMENT) == name


def _concerns(body: Body, name: str) -> bool:
    """What a pass over the object may look at: its children, what it may refer to, decisions."""
    return body["kind"] in _LOOKED_AT or _is_child(body, name)


def _stored(body: Body, here: World, now: datetime) -> Body:
    """A ConfigMap, Secret or decision as the API server keeps it."""
    before = here.get(*cluster.place_of(body)) or {"metadata": {}}
    texts = body.get("stringData") or {}
    coded = {key: base64.b64encode(str(text).encode()).decode() for key, text in texts.items()}
    data = {**(body.get("data") or {}), **coded}
    version = str(before["metadata"].get("resourceVersion", ""))
    changed = data != (before.get("data") or {})
    head = {
        **before["metadata"],
        **body["metadata"],
        "resourceVersion": f"{version}+" if changed else version,
    }
    return _dated({**body, "metadata": head, **({"data": data} if data else {})}, now)


def _dated(body: Body, now: datetime) -> Body:
    """A decision that was not stored yet is made now."""
    if body["kind"] != names.DECISION_KIND:
        return body
    born = {"uid": f"new-{body['metadata']['name']}", "creationTimestamp": status_fields.format_time(now)}
    return {**body, "metadata": {**born, **body["metadata"]}}


def _before(beside: list[Body], name: str) -> Body | None:
    return next((b for b in beside if b["kind"] == names.KIND and b["metadata"]["name"] == name), None)


def _applied(wanted: Body, before: Body | None, now: datetime) -> Body:
    """The object as the API server would have it: a changed spec is a new generation."""
    head = (before or {}).get("metadata") or {
        "uid": "new",
        "creationTimestamp": status_fields.format_time(now),
    }
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
    return {"namespace": DEFAULT_NAMESPACE, **head}
