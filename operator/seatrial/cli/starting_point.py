"""The cluster in which a plan starts: the snapshot, with the ModelDeployment as it has just been applied."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from seatrial.api import model_deployment, names, status_fields
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.cli.errors import CommandError
from seatrial.cli.inputs import DEFAULT_NAMESPACE
from seatrial.simulation import cluster as simulated
from seatrial.simulation.cluster import ObjectRef, SimulatedCluster

_READ_KINDS: Final = frozenset({"ConfigMap", "Secret", names.DECISION_KIND})
"""Kinds that a pass reads although they are no children."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartingPoint:
    """The cluster in which the plan of one ModelDeployment starts."""

    key: Key
    cluster: SimulatedCluster

    previous: Body | None = None
    """The ModelDeployment in the snapshot, before the new one is applied."""

    foreign: frozenset[ObjectRef] = frozenset()
    """Objects of the snapshot that are not children of this ModelDeployment; no child can take their names."""


def starting_point(
    deployment: Body, snapshot: tuple[Body, ...], now: datetime, *, others: tuple[Body, ...] = ()
) -> StartingPoint:
    """Return the snapshot in which `deployment` and `others` have just been applied.

    Raises CommandError if the API server would reject the ModelDeployment, or if the snapshot does not contain it.
    """
    key = _key_of(deployment)
    in_namespace = [body for body in snapshot if _namespace_of(body, key) == key.namespace]
    previous = _deployment_named(key.name, in_namespace)
    if snapshot and previous is None:
        raise CommandError(_not_in_snapshot(key, snapshot))
    existing = [body for body in in_namespace if body["kind"] != names.KIND]
    related = [body for body in existing if body["kind"] in _READ_KINDS or _is_child(body, key.name)]
    cluster = simulated.from_objects([_with_creation(body, now) for body in related], now)
    applied = [b for b in others if b["kind"] in _READ_KINDS and _namespace_of(b, key) == key.namespace]
    cluster = cluster.with_objects(*(_stored(body, cluster, now) for body in applied))
    return StartingPoint(
        key=key,
        cluster=cluster.with_objects(_stored_deployment(deployment, previous, now)),
        previous=previous,
        foreign=frozenset(simulated.ref_of(body) for body in existing if not _is_child(body, key.name)),
    )


def _key_of(deployment: Body) -> Key:
    try:
        return model_deployment.parse({**deployment, "status": {}}).key
    except model_deployment.InvalidSpec as error:
        name = deployment["metadata"]["name"]
        raise CommandError(f"the API server would reject {names.KIND} {name}: {error}") from None


def _namespace_of(body: Body, key: Key) -> str:
    """Return the object's namespace; an object without one is in that of the ModelDeployment."""
    return str(body["metadata"].get("namespace", key.namespace))


def _deployment_named(name: str, bodies: list[Body]) -> Body | None:
    return next((b for b in bodies if b["kind"] == names.KIND and b["metadata"]["name"] == name), None)


def _not_in_snapshot(key: Key, snapshot: tuple[Body, ...]) -> str:
    elsewhere = _deployment_named(key.name, list(snapshot))
    if elsewhere is not None:
        return (
            f"{names.KIND} {key.name} is in namespace {elsewhere['metadata'].get('namespace')} in the snapshot, but in "
            f"namespace {key.namespace} in the file: set metadata.namespace in the file, or use -n"
        )
    return (
        f"the snapshot has no {names.KIND} {key}, whose status holds the state of its rollouts: add the output of "
        f"kubectl get mdep {key.name} -n {key.namespace} -o yaml"
    )


def _is_child(body: Body, name: str) -> bool:
    return (body["metadata"].get("labels") or {}).get(names.LABEL_DEPLOYMENT) == name


def _stored(body: Body, cluster: SimulatedCluster, now: datetime) -> Body:
    """Return a ConfigMap, Secret or RolloutDecision as the API server stores it."""
    existing = cluster.get(*simulated.ref_of(body)) or {"metadata": {}}
    texts = body.get("stringData") or {}
    encoded = {key: base64.b64encode(str(text).encode()).decode() for key, text in texts.items()}
    data = {**(body.get("data") or {}), **encoded}
    version = str(existing["metadata"].get("resourceVersion", ""))
    changed = data != (existing.get("data") or {})
    metadata = {
        **existing["metadata"],
        **body["metadata"],
        "resourceVersion": f"{version}+" if changed else version,
    }
    return _with_creation({**body, "metadata": metadata, **({"data": data} if data else {})}, now)


def _with_creation(body: Body, now: datetime) -> Body:
    """Return the object with uid and creation time if it is a RolloutDecision that is not stored yet."""
    if body["kind"] != names.DECISION_KIND:
        return body
    created = {
        "uid": f"new-{body['metadata']['name']}",
        "creationTimestamp": status_fields.format_time(now),
    }
    return {**body, "metadata": {**created, **body["metadata"]}}


def _stored_deployment(deployment: Body, previous: Body | None, now: datetime) -> Body:
    """Return the ModelDeployment as the API server stores it: a changed spec increases the generation."""
    metadata = (previous or {}).get("metadata") or {
        "uid": "new",
        "creationTimestamp": status_fields.format_time(now),
    }
    generation = int(metadata.get("generation", 0))
    changed = previous is None or previous.get("spec") != deployment.get("spec")
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {
            **metadata,
            **_user_metadata(deployment),
            "generation": generation + (1 if changed else 0),
        },
        "spec": deployment.get("spec") or {},
        "status": (previous or {}).get("status") or {},
    }


def _user_metadata(deployment: Body) -> Body:
    """Return the metadata that users write."""
    fields = {"name", "namespace", "labels", "annotations"}
    metadata = {key: value for key, value in deployment["metadata"].items() if key in fields}
    return {"namespace": DEFAULT_NAMESPACE, **metadata}
