"""The registry of the situations with a golden file, and what most of them begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seatrial.api.objects import Body
from tests.golden.play import V1, V2, Play

Situation = Callable[[], Play]
SITUATIONS: dict[str, Situation] = {}
"""By name of the golden file."""

URI = {"uri": "s3://models/churn/7/"}
STEPS = [{"weight": 20, "hold": "2m"}, {"weight": 50, "hold": "5m"}]


def situation(make: Situation) -> Situation:
    """Register a situation under its name."""
    SITUATIONS[make.__name__.replace("_", "-")] = make
    return make


def serving(image: str = V1, **spec: Any) -> Play:
    """Return a cluster with a stable revision, of three pods unless `spec` says otherwise."""
    given = {"model": {"image": image}, "scaling": {"replicas": 3}, "rollout": {"steps": STEPS}, **spec}
    return Play().apply(**given).rest()


def canary(**spec: Any) -> Play:
    """Return a cluster in which another revision was applied an hour later; the operator has not run yet."""
    return serving(**spec).wait(3600).apply(model={"image": V2})


def with_users(**spec: Any) -> Play:
    """Return a cluster whose canary has received traffic for 30 seconds."""
    return canary(**spec).later(45)


def scaled(count: int) -> Callable[[Body], Body]:
    """Return the change that sets this many replicas."""
    return lambda body: {**body, "spec": {**body["spec"], "replicas": count}}
