"""A cluster as a value: it takes a plan's actions, and its pods and builds get on with time. Nothing is real."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from seatrial.api import names, status_fields
from seatrial.api.objects import Body
from seatrial.children import actions
from seatrial.simulation import controllers

Place = tuple[str, str]
"""Kind and name; one world has one namespace."""


@dataclass(frozen=True, slots=True)
class World:
    """All objects of one namespace, by kind and name; never changed in place."""

    objects: Mapping[Place, Body]

    def of(self, kind: str) -> tuple[Body, ...]:
        """The objects of a kind, in order of name."""
        return tuple(self.objects[place] for place in sorted(self.objects) if place[0] == kind)

    def get(self, kind: str, name: str) -> Body | None:
        """One object, if it is there."""
        return self.objects.get((kind, name))

    def having(self, *bodies: Body) -> World:
        """The world in which these objects are as given."""
        return World({**self.objects, **{place_of(body): body for body in bodies}})

    def without(self, *places: Place) -> World:
        """The world without the objects at these places, nor what belongs to them."""
        gone = {self.objects[p]["metadata"].get("uid") for p in places if p in self.objects}
        kept = {p: b for p, b in self.objects.items() if p not in places and not _belongs(b, gone)}
        return World(kept)


def place_of(body: Body) -> Place:
    """Where an object stands."""
    return body["kind"], body["metadata"]["name"]


def of_bodies(bodies: Iterable[Body], now: datetime) -> World:
    """The world of these objects, complete: Deployments whose pods were not given have them."""
    world = World({place_of(body): copy.deepcopy(body) for body in bodies})
    for deployment in world.of("Deployment"):
        if not controllers.pods_of(world.of("Pod"), deployment):
            world = world.having(*controllers.pods_implied(deployment, now))
    return world


def _belongs(body: Body, owners: set[str | None]) -> bool:
    references = body["metadata"].get("ownerReferences") or ()
    return any(reference.get("uid") in owners for reference in references if reference.get("uid"))


def applied(world: World, todo: Iterable[actions.Action], now: datetime) -> World:
    """The world after the actions, each done as the API server would do it."""
    for action in todo:
        world = _done(world, action, now)
    return world


def _done(world: World, action: actions.Action, now: datetime) -> World:
    match action:
        case actions.Create(body):
            return world if place_of(body) in world.objects else world.having(_new(body, now))
        case actions.Apply(body):
            return world.having(_merged(body, world.get(*place_of(body))))
        case actions.Scale(name=name, replicas=replicas):
            return _scaled(world, name, replicas)
        case actions.Delete(kind=kind, name=name):
            return world.without((kind, name))
        case actions.AnswerDecision():
            return _settled(world, action)
        case _:
            assert_never(action)


def _new(body: Body, now: datetime) -> Body:
    kind, name = place_of(body)
    head = {
        **body["metadata"],
        "uid": f"{kind}-{name}".lower(),
        "resourceVersion": "1",
        "creationTimestamp": status_fields.format_time(now),
    }
    new = {**body, "metadata": head}
    if kind == "HorizontalPodAutoscaler":
        new["status"] = {"conditions": [{"type": "ScalingActive", "status": "True"}]}
    return new


def _merged(body: Body, seen: Body | None) -> Body:
    """What is applied wins; what the server and others own stays, replicas above all."""
    if seen is None:
        return body
    spec = {**(seen.get("spec") or {}), **(body.get("spec") or {})}
    return {**seen, **body, "metadata": {**seen["metadata"], **body["metadata"]}, "spec": spec}


def _scaled(world: World, name: str, replicas: int) -> World:
    deployment = world.get("Deployment", name)
    if deployment is None:
        return world
    return world.having({**deployment, "spec": {**deployment["spec"], "replicas": replicas}})


def _settled(world: World, action: actions.AnswerDecision) -> World:
    decision = world.get(names.DECISION_KIND, action.name)
    if decision is None:
        return world
    answer = {
        "phase": str(action.phase),
        "message": action.message,
        "at": status_fields.format_time(action.at),
    }
    return world.having({**decision, "status": answer})


def lived(world: World, now: datetime, pace: Pace) -> World:
    """The world after its controllers and kubelets have done what is due at `now`."""
    for autoscaler in world.of("HorizontalPodAutoscaler"):
        world = _kept_between_bounds(world, autoscaler)
    for deployment in world.of("Deployment"):
        world = _with_its_pods(world, deployment, now)
    world = world.without(
        *(place_of(pod) for pod in controllers.orphans(world.of("Pod"), world.of("Deployment")))
    )
    for job in world.of("Job"):
        world = world.having(*controllers.built(job, world.of("Pod"), now=now, takes=pace.build))
    return world.having(*(controllers.started(pod, now, pace.ready_after) for pod in world.of("Pod")))


def _kept_between_bounds(world: World, autoscaler: Body) -> World:
    spec = autoscaler["spec"]
    deployment = world.get("Deployment", spec["scaleTargetRef"]["name"])
    if deployment is None or not deployment["spec"].get("replicas"):
        return world
    count = min(max(deployment["spec"]["replicas"], spec["minReplicas"]), spec["maxReplicas"])
    return _scaled(world, deployment["metadata"]["name"], count)


def _with_its_pods(world: World, deployment: Body, now: datetime) -> World:
    wanted = int(deployment["spec"].get("replicas", 1))
    pods = controllers.pods_of(world.of("Pod"), deployment)
    surplus = controllers.first_to_go(pods)[: max(len(pods) - wanted, 0)]
    world = world.without(*(place_of(pod) for pod in surplus))
    return world.having(*controllers.pods_missing(deployment, pods, now=now, count=wanted - len(pods)))


def next_event(world: World, now: datetime, pace: Pace) -> datetime | None:
    """When something happens by itself after `now`."""
    pods = (controllers.starts_at(pod, pace.ready_after) for pod in world.of("Pod"))
    jobs = (controllers.ends_at(job, pace.build) for job in world.of("Job"))
    return min((at for at in (*pods, *jobs) if at is not None and at > now), default=None)


def with_status(world: World, name: str, status: Body) -> World:
    """The world in which the ModelDeployment says this."""
    body = world.objects[(names.KIND, name)]
    return world.having({**body, "status": status})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long pods and builds take; load and everything else stand still."""

    ready_after: timedelta = timedelta(seconds=15)
    """From a pod's creation until it is ready."""
    build: timedelta = timedelta(seconds=60)
    """From a build Job's creation until its image is pushed."""
