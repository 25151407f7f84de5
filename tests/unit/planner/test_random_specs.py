"""Whatever the CRD accepts: no pass is a bug, nothing is wedged, and the last good spec is soon served again."""

from __future__ import annotations

import functools
import os
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import pytest

from seatrial import planner
from seatrial.api import names
from seatrial.api.objects import Body, label_of
from seatrial.cli import inputs
from seatrial.simulation import observer
from seatrial.simulation.cluster import SimulatedCluster
from seatrial.simulation.run import Pass, Simulation
from tests.golden import play
from tests.random_specs import RandomSpecs, is_accepted, mutations

SEED: Final = int(os.environ.get("SEATRIAL_RANDOM_SEED", "1"))
COUNT: Final = int(os.environ.get("SEATRIAL_RANDOM_SPECS", "150"))
"""Of random specs and of random walks; more of them for a longer run."""
SETTINGS = inputs.read_settings(str(play.FOLDER / "settings.yaml"))
GOOD: Body = {
    "model": {"image": play.V1},
    "scaling": {"replicas": 2},
    "rollout": {"steps": [{"weight": 50, "hold": "30s"}]},
}
ROLLOUT: Final = timedelta(seconds=15 + 30 + 15 + 30)
"""A normal rollout of it: pods start, the step is held, the last pods start, the old ones are kept for a while."""


class Place:
    """A simulated cluster at one time."""

    def __init__(self, world: SimulatedCluster, now: datetime) -> None:
        self.world, self.now = world, now

    def apply(self, spec: Body) -> None:
        """Store the spec, as an API server does that accepts it."""
        body = self.world.objects[(names.KIND, play.NAME)]
        generation = body["metadata"]["generation"] + (spec != body["spec"])
        head = {**body["metadata"], "generation": generation}
        self.world = self.world.with_objects({**body, "metadata": head, "spec": spec})

    def run(self, span: timedelta) -> None:
        """Run the operator for this long."""
        end = self.now + span
        for one in self._passes(end):
            self.world, self.now = one.after, one.time
        self.now = end

    def _passes(self, end: datetime) -> Iterator[Pass]:
        simulation = Simulation(name=play.NAME, platform=self._subject().platform, timings=play.TIMINGS)
        yield from simulation.passes(self.world, self.now, until=end)

    def plan(self) -> planner.Plan:
        """Return the plan of the next pass."""
        subject = self._subject()
        observed = observer.observe(self.world, subject.deployment, subject.platform)
        return planner.plan(subject.deployment, observed, subject.platform, now=self.now)

    def _subject(self) -> planner.Subject:
        body = self.world.objects[(names.KIND, play.NAME)]
        subject = planner.subject_of(body, play.ROUTERS, SETTINGS)
        if subject.bug is not None:
            raise subject.bug.error
        return subject

    @property
    def status(self) -> Body:
        """Return the stored status."""
        status: Body = self.world.objects[(names.KIND, play.NAME)]["status"]
        return status

    def children(self) -> dict[tuple[str, str], Body]:
        """Return what runs and routes; not how many pods, where an autoscaler decides that."""
        kinds = ("Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget")
        found = {(kind, body["metadata"]["name"]): body["spec"] for kind in kinds for body in self._of(kind)}
        if self._of("HorizontalPodAutoscaler"):
            found = {key: {**body, "replicas": None, "minReplicas": None} for key, body in found.items()}
        return found

    def _of(self, kind: str) -> list[Body]:
        return list(self.world.of_kind(kind))


@functools.cache
def _served() -> tuple[SimulatedCluster, datetime]:
    served = play.Play().apply(**GOOD).rest()
    return served.world, served.now


def place() -> Place:
    """Return the place where GOOD has been served for a while."""
    world, now = _served()
    return Place(world, now + timedelta(minutes=10))


def test_no_single_oddity_is_a_bug() -> None:
    for name, spec in mutations(GOOD):
        here = place()
        here.apply(spec)
        assert here.plan().bug is None, f"{name}: {spec}"


@pytest.mark.parametrize("seed", range(SEED, SEED + COUNT))
def test_the_last_good_spec_is_served_again_after_any_spec(seed: int) -> None:
    here, chance = place(), random.Random(seed)
    before = here.children()
    revision = here.status["stable"]["revision"]
    spec = RandomSpecs(seed).spec(GOOD)
    here.apply(spec)
    here.run(timedelta(seconds=chance.choice((0, 5, 20, 50, 90, 600))))
    here.apply(GOOD)
    here.run(ROLLOUT)
    status = here.status
    assert (status["phase"], status["stable"]["revision"]) == ("Healthy", revision), (spec, status["message"])
    here.run(timedelta(minutes=5))
    assert here.children() == before, spec
    assert label_of(here.world.objects[("Service", play.NAME)], names.LABEL_STABLE) == revision


@pytest.mark.parametrize("seed", range(SEED, SEED + COUNT // 3))
def test_a_good_spec_is_served_although_the_first_one_was_odd(seed: int) -> None:
    here, chance = Place(play.Play().apply(**GOOD).world, play.START), random.Random(seed)
    spec = RandomSpecs(seed).spec(GOOD)
    here.apply(spec)
    here.run(timedelta(seconds=chance.choice((0, 5, 20, 600))))
    here.apply(GOOD)
    here.run(ROLLOUT)
    assert here.status["phase"] == "Healthy", (spec, here.status["message"])
    here.run(timedelta(minutes=5))
    assert here.children() == place().children(), spec


LONG: Final = timedelta(days=30 * 365)
"""Longer than every hold that a spec can ask for."""


@pytest.mark.parametrize("seed", range(SEED, SEED + COUNT // 2))
def test_a_walk_over_legal_specs_ends_as_a_fresh_apply_of_the_last_one(seed: int) -> None:
    walk, chance = RandomSpecs(seed), random.Random(seed)
    specs = [walk.spec(GOOD, accepted=True) for _ in range(chance.randint(2, 6))]
    last = {**specs[-1], "paused": False}
    fresh = Place(play.Play().apply(**last).world, play.START)
    fresh.run(LONG)
    here = place()
    for spec in (*specs, last):
        here.apply(spec)
        here.run(timedelta(seconds=chance.choice((0, 3, 20, 60, 600))))
    here.run(LONG)
    if fresh.status["phase"] != "Healthy":
        return  # it cannot start in time, but what runs the same pods already need not start again
    rejected = [entry["revision"] for entry in here.status.get("rejected", ())]
    if fresh.status["stable"]["revision"] in rejected:
        return  # one of the specs before had it rejected by a deadline of its own
    assert here.status["phase"] == "Healthy", (specs, here.status["message"])
    assert here.children() == fresh.children(), specs


def test_a_field_that_is_set_and_removed_leaves_nothing_behind() -> None:
    before = place().children()
    legal = [(name, spec) for name, spec in mutations(GOOD) if is_accepted(spec)]
    for name, spec in random.Random(SEED).sample(legal, min(COUNT // 2, len(legal))):
        here = place()
        here.apply(spec)
        here.run(timedelta(minutes=10))
        here.apply(GOOD)
        here.run(timedelta(minutes=10))
        assert here.children() == before, f"{name}: {spec}"
