"""`--assume-stable`: an assumed earlier revision that serves, so that a plan without a snapshot shows an update."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from seatrial.api import names
from seatrial.api.objects import Body
from seatrial.cli.errors import CommandError
from seatrial.cli.starting_point import StartingPoint, starting_point
from seatrial.observation.observed import Platform
from seatrial.simulation.controllers import Timings
from seatrial.simulation.run import Simulation

MODEL: Final = {"image": f"registry.invalid/earlier@sha256:{'0' * 64}"}
AGE: Final = timedelta(hours=1)
IMMEDIATE: Final = Timings(ready_after=timedelta(0), build=timedelta(0))


def with_assumed_stable(
    deployment: Body, platform: Platform, now: datetime, *, others: tuple[Body, ...]
) -> StartingPoint:
    """Return the cluster in which `deployment` is applied to one that has served another model for an hour."""
    existing = tuple(body for body in others if body["kind"] != names.DECISION_KIND)
    start = starting_point(_with_another_model(deployment), (), now - AGE, others=existing)
    simulation = Simulation(name=start.key.name, platform=platform, timings=IMMEDIATE)
    *_, last = simulation.passes(start.cluster, now - AGE, until=now)
    if last.plan.status.stable is None:
        raise CommandError(f"the assumed earlier revision does not become stable: {last.plan.status.message}")
    return starting_point(deployment, tuple(last.after.objects.values()), now, others=others)


def _with_another_model(deployment: Body) -> Body:
    spec = {key: value for key, value in deployment["spec"].items() if key not in ("build", "paused")}
    return {**deployment, "spec": {**spec, "model": MODEL}}
