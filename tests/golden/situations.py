"""The register of situations that golden folders show, and what most of them begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seatrial.api.objects import Body
from tests.golden.play import V1, V2, Play

Situation = Callable[[], Play]
SITUATIONS: dict[str, Situation] = {}
"""Name of the golden folder → what makes the situation."""

URI = {"uri": "s3://models/churn/7/"}
STEPS = [{"weight": 20, "hold": "2m"}, {"weight": 50, "hold": "5m"}]


def situation(make: Situation) -> Situation:
    """Registers a situation by its name."""
    SITUATIONS[make.__name__.replace("_", "-")] = make
    return make


def serving(image: str = V1, **spec: Any) -> Play:
    """A revision that is stable and has three pods, unless told otherwise."""
    given = {"model": {"image": image}, "scaling": {"replicas": 3}, "rollout": {"steps": STEPS}, **spec}
    return Play().apply(**given).rest()


def canary(**spec: Any) -> Play:
    """Another revision has been applied an hour later; nobody has looked yet."""
    return serving(**spec).wait(3600).apply(model={"image": V2})


def with_users(**spec: Any) -> Play:
    """The canary has its first share since 30 seconds."""
    return canary(**spec).later(45)


def scaled(count: int) -> Callable[[Body], Body]:
    """Somebody has set so many replicas."""
    return lambda body: {**body, "spec": {**body["spec"], "replicas": count}}
