"""The /scale subresource: reads and writes an object's replicas as a Scale."""

from __future__ import annotations

import copy
from typing import Any

from seatrial.api.objects import Body
from seatrial.kube import failures
from tests.apiserver import selectors
from tests.apiserver.served_resources import Resource, ScalePaths


def scale_of(resource: Resource, body: Body) -> Body:
    """Return the Scale of `body`."""
    paths = _paths(resource)
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    desired, current = _at(body, paths.spec_replicas), _at(body, paths.status_replicas)
    scale: Body = {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {name: body["metadata"][name] for name in names},
        "spec": {"replicas": desired} if desired else {},
        "status": {"replicas": current or 0},
    }
    selector = _at(body, paths.selector) if paths.selector else None
    if selector:
        scale["status"]["selector"] = selector if isinstance(selector, str) else selectors.to_query(selector)
    return scale


def with_scale(resource: Resource, body: Body, scale: Body) -> Body:
    """Return `body` with the replicas, resourceVersion and uid of `scale`."""
    number = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(number, int) or number < 0:
        message = f"spec.replicas: Invalid value: {number}: must be greater than or equal to 0"
        raise failures.Invalid(422, "Invalid", f'Scale "{body["metadata"]["name"]}" is invalid: {message}')
    after = copy.deepcopy(body)
    sent = scale.get("metadata") or {}
    for name in ("resourceVersion", "uid"):
        if sent.get(name):
            after["metadata"][name] = sent[name]
    *parents, last = _paths(resource).spec_replicas.split(".")
    target = after
    for name in parents:
        target = target.setdefault(name, {})
    target[last] = number
    return after


def _paths(resource: Resource) -> ScalePaths:
    if resource.scale is None:
        raise failures.NotFound(404, "NotFound", "the server could not find the requested resource")
    return resource.scale


def _at(body: Body, path: str) -> Any:
    value: Any = body
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
