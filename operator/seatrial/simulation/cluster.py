"""A simulated cluster as an immutable value, and what a plan's actions do to it. No I/O."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from seatrial.api import names, status_fields
from seatrial.api.objects import Body
from seatrial.children import actions
from seatrial.simulation import server_pods

ObjectRef = tuple[str, str]
"""Kind and name; a simulated cluster has one namespace."""


@dataclass(frozen=True, slots=True)
class SimulatedCluster:
    """All objects of one namespace, by kind and name; never changed in place."""

    objects: Mapping[ObjectRef, Body]

    def of_kind(self, kind: str) -> tuple[Body, ...]:
        """Return the objects of a kind, sorted by name."""
        return tuple(self.objects[ref] for ref in sorted(self.objects) if ref[0] == kind)

    def get(self, kind: str, name: str) -> Body | None:
        """Return one object, or None if it does not exist."""
        return self.objects.get((kind, name))

    def with_objects(self, *bodies: Body) -> SimulatedCluster:
        """Return a cluster in which these objects are added or replaced."""
        return SimulatedCluster({**self.objects, **{ref_of(body): body for body in bodies}})

    def without(self, *refs: ObjectRef) -> SimulatedCluster:
        """Return a cluster without these objects and without the objects they own."""
        uids = {self.objects[ref]["metadata"].get("uid") for ref in refs if ref in self.objects}
        remaining = {
            ref: body
            for ref, body in self.objects.items()
            if ref not in refs and not _is_owned_by(body, uids)
        }
        return SimulatedCluster(remaining)


def ref_of(body: Body) -> ObjectRef:
    """Return the kind and name of an object."""
    return body["kind"], body["metadata"]["name"]


def from_objects(bodies: Iterable[Body], now: datetime) -> SimulatedCluster:
    """Return a cluster of these objects; a Deployment that comes without pods gets those it counts in its status."""
    cluster = SimulatedCluster({ref_of(body): copy.deepcopy(body) for body in bodies})
    for deployment in cluster.of_kind("Deployment"):
        if not server_pods.pods_of(cluster.of_kind("Pod"), deployment):
            cluster = cluster.with_objects(*server_pods.pods_from_counts(deployment, now))
    return cluster


def _is_owned_by(body: Body, uids: set[str | None]) -> bool:
    references = body["metadata"].get("ownerReferences") or ()
    return any(reference.get("uid") in uids for reference in references if reference.get("uid"))


def with_status(cluster: SimulatedCluster, name: str, status: Body) -> SimulatedCluster:
    """Return the cluster with this status on the ModelDeployment `name`."""
    body = cluster.objects[(names.KIND, name)]
    return cluster.with_objects({**body, "status": status})


def with_replicas(cluster: SimulatedCluster, name: str, replicas: int) -> SimulatedCluster:
    """Return the cluster with `replicas` in the spec of the Deployment `name`, if that exists."""
    deployment = cluster.get("Deployment", name)
    if deployment is None:
        return cluster
    return cluster.with_objects({**deployment, "spec": {**deployment["spec"], "replicas": replicas}})


def apply_actions(
    cluster: SimulatedCluster, plan_actions: Iterable[actions.Action], now: datetime
) -> SimulatedCluster:
    """Return the cluster after the actions, each executed as the API server would."""
    for action in plan_actions:
        cluster = _apply(cluster, action, now)
    return cluster


def _apply(cluster: SimulatedCluster, action: actions.Action, now: datetime) -> SimulatedCluster:
    match action:
        case actions.Create(body):
            return cluster if ref_of(body) in cluster.objects else cluster.with_objects(_created(body, now))
        case actions.Apply(body):
            return cluster.with_objects(_merged(body, cluster.get(*ref_of(body))))
        case actions.Scale(name=name, replicas=replicas):
            return with_replicas(cluster, name, replicas)
        case actions.Delete(kind=kind, name=name):
            return cluster.without((kind, name))
        case actions.AnswerDecision():
            return _with_answer(cluster, action)
        case _:
            assert_never(action)


def _created(body: Body, now: datetime) -> Body:
    kind, name = ref_of(body)
    metadata = {
        **body["metadata"],
        "uid": f"{kind}-{name}".lower(),
        "resourceVersion": "1",
        "creationTimestamp": status_fields.format_time(now),
    }
    stored = {**body, "metadata": metadata}
    if kind == "HorizontalPodAutoscaler":
        stored["status"] = {"conditions": [{"type": "ScalingActive", "status": "True"}]}
    return stored


def _merged(body: Body, existing: Body | None) -> Body:
    """Return the existing object with the applied fields; fields of other owners stay, above all replicas."""
    if existing is None:
        return body
    spec = {**(existing.get("spec") or {}), **(body.get("spec") or {})}
    return {**existing, **body, "metadata": {**existing["metadata"], **body["metadata"]}, "spec": spec}


def _with_answer(cluster: SimulatedCluster, action: actions.AnswerDecision) -> SimulatedCluster:
    decision = cluster.get(names.DECISION_KIND, action.name)
    if decision is None:
        return cluster
    status = {
        "phase": str(action.phase),
        "message": action.message,
        "at": status_fields.format_time(action.at),
    }
    return cluster.with_objects({**decision, "status": status})
