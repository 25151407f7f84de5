"""Runs the operator's planner against a simulated cluster, pass by pass, until nothing changes any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from seatrial import planner
from seatrial.observation.observed import Platform
from seatrial.simulation import observer
from seatrial.simulation.cluster import SimulatedCluster, apply_actions, with_status
from seatrial.simulation.controllers import Timings, advance_time, next_event

MAX_PASSES = 5000
"""A rollout takes dozens of passes; a simulation that exceeds this limit never settles."""


class NeverSettles(Exception):
    """The planner keeps producing changes: a bug in the planner or in the simulation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One plan, with the cluster before it and after it at the same time."""

    time: datetime
    plan: planner.Plan
    before: SimulatedCluster
    after: SimulatedCluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """The rollouts of one ModelDeployment on a given platform, with given timings."""

    name: str
    platform: Platform
    timings: Timings = field(default_factory=Timings)

    def step(self, cluster: SimulatedCluster, now: datetime) -> Pass:
        """Return one pass of the operator and its immediate effect on the cluster."""
        deployment = observer.deployment_in(cluster, self.name)
        observed = observer.observe(cluster, deployment, self.platform, now=now)
        plan = planner.plan(deployment, observed, self.platform, now=now)
        after = with_status(cluster, self.name, plan.status.to_dict())
        after = advance_time(apply_actions(after, plan.actions, now), now, self.timings)
        return Pass(time=now, plan=plan, before=cluster, after=after)

    def passes(
        self, cluster: SimulatedCluster, now: datetime, *, until: datetime | None = None
    ) -> Iterator[Pass]:
        """Yield every pass until nothing changes by itself any more, or the next change comes after `until`.

        Raises NeverSettles after MAX_PASSES.
        """
        cluster = advance_time(cluster, now, self.timings)
        for _ in range(MAX_PASSES):
            step = self.step(cluster, now)
            yield step
            changed, cluster = step.after.objects != cluster.objects, step.after
            if changed:
                continue
            wake_at = self._next_time(step)
            if wake_at is None or (until is not None and wake_at > until):
                return
            now = wake_at
            cluster = advance_time(cluster, now, self.timings)
        raise NeverSettles(f"the simulation of {self.name} does not settle within {MAX_PASSES} passes")

    def _next_time(self, step: Pass) -> datetime | None:
        times = (step.plan.wake_at, next_event(step.after, step.time, self.timings))
        return min((time for time in times if time is not None), default=None)
