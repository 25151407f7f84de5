"""An earlier revision that serves, where no snapshot shows one: so that the steps of an update can be seen."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from seatrial.api import names
from seatrial.api.objects import Body
from seatrial.cli import inputs
from seatrial.cli.inputs import Given
from seatrial.cli.yaml_input import Unusable
from seatrial.observation.observed import Platform
from seatrial.simulation.cluster import Pace
from seatrial.simulation.run import Simulation

MODEL: Final = {"image": f"registry.invalid/earlier@sha256:{'0' * 64}"}
AGE: Final = timedelta(hours=1)
AT_ONCE: Final = Pace(ready_after=timedelta(0), build=timedelta(0))


def stable(wanted: Body, parts: Platform, now: datetime, *, along: tuple[Body, ...]) -> Given:
    """The world in which `wanted` is applied to one that has served another model, with everything else the same."""
    there = tuple(body for body in along if body["kind"] != names.DECISION_KIND)
    start = inputs.given(_of_another_model(wanted), (), now - AGE, along=there)
    simulation = Simulation(name=start.key.name, parts=parts, pace=AT_ONCE)
    *_, last = simulation.passes(start.world, now - AGE, until=now)
    if last.plan.status.stable is None:
        raise Unusable(f"an earlier revision would not have become stable: {last.plan.status.message}")
    return inputs.given(wanted, tuple(last.after.objects.values()), now, along=along)


def _of_another_model(wanted: Body) -> Body:
    kept = {key: part for key, part in wanted["spec"].items() if key not in ("build", "paused")}
    return {**wanted, "spec": {**kept, "model": MODEL}}
