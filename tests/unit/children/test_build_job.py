"""The Job of a build, when what it was made with has gone."""

from __future__ import annotations

from dataclasses import replace

from seatrial import planner
from seatrial.api import settings
from seatrial.children.actions import Create
from seatrial.observation.observed import Platform
from seatrial.planner import Plan
from seatrial.simulation import cluster, observer
from seatrial.simulation.cluster import SimulatedCluster
from tests.builders import NOW, PARTS
from tests.builders import world as world_of

BUILT = {"model": {"uri": "s3://models/churn/1/", "format": "sklearn"}}
EMPTIED = replace(PARTS, settings=settings.Settings(registry=PARTS.settings.registry))


def _planned(here: SimulatedCluster, parts: Platform = PARTS) -> Plan:
    wanted = observer.deployment_in(here, "churn")
    return planner.plan(wanted, observer.observe(here, wanted, parts), parts, now=NOW)


def _jobs_in(plan: Plan) -> list[str]:
    bodies = [one.body for one in plan.actions if isinstance(one, Create)]
    return [body["metadata"]["name"] for body in bodies if body["kind"] == "Job"]


def _begun() -> tuple[SimulatedCluster, Plan]:
    here = world_of(**BUILT)
    first = _planned(here)
    return cluster.with_status(here, "churn", first.status.to_dict()), first


def test_a_build_that_runs_is_followed_when_its_runtime_leaves_the_catalogue() -> None:
    here, first = _begun()
    assert len(_jobs_in(first)) == 1
    later = _planned(cluster.apply_actions(here, first.actions, NOW), EMPTIED)
    assert later.status.build is not None
    assert (later.status.build.phase, _jobs_in(later)) == ("Pending", [])


def test_a_build_without_a_job_fails_when_its_runtime_leaves_the_catalogue() -> None:
    here, _ = _begun()
    later = _planned(here, EMPTIED)
    assert later.status.build is not None
    assert (later.status.build.reason, _jobs_in(later)) == ("RuntimeUnknown", [])
