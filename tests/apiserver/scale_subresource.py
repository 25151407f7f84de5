"""The /scale subresource: one number of an object, seen and changed as a Scale."""

from __future__ import annotations

import copy
from typing import Any

from seatrial.api.objects import Body
from seatrial.kube import failures
from tests.apiserver import selectors
from tests.apiserver.served_resources import Resource, ScalePaths


def shown(resource: Resource, body: Body) -> Body:
    """`body` as a Scale."""
    paths = _paths(resource)
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    wanted, present = _at(body, paths.wanted), _at(body, paths.present)
    scale: Body = {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {name: body["metadata"][name] for name in names},
        "spec": {"replicas": wanted} if wanted else {},
        "status": {"replicas": present or 0},
    }
    selector = _at(body, paths.selector) if paths.selector else None
    if selector:
        scale["status"]["selector"] = selector if isinstance(selector, str) else selectors.in_words(selector)
    return scale


def changed(resource: Resource, body: Body, scale: Body) -> Body:
    """`body` with the number that `scale` wants, guarded by the versions that `scale` names."""
    number = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(number, int) or number < 0:
        told = f"spec.replicas: Invalid value: {number}: must be greater than or equal to 0"
        raise failures.Invalid(422, "Invalid", f'Scale "{body["metadata"]["name"]}" is invalid: {told}')
    after = copy.deepcopy(body)
    sent = scale.get("metadata") or {}
    for name in ("resourceVersion", "uid"):
        if sent.get(name):
            after["metadata"][name] = sent[name]
    *parents, last = _paths(resource).wanted.split(".")
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
