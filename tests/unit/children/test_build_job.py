"""The Job of a build whose runtime is removed from the catalogue."""

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
WITHOUT_RUNTIMES = replace(PARTS, settings=settings.Settings(registry=PARTS.settings.registry))


def _planned(here: SimulatedCluster, parts: Platform = PARTS) -> Plan:
    wanted = observer.deployment_in(here, "churn")
    return planner.plan(wanted, observer.observe(here, wanted, parts), parts, now=NOW)


def _jobs_in(plan: Plan) -> list[str]:
    bodies = [action.body for action in plan.actions if isinstance(action, Create)]
    return [body["metadata"]["name"] for body in bodies if body["kind"] == "Job"]


def _first_pass() -> tuple[SimulatedCluster, Plan]:
    here = world_of(**BUILT)
    first = _planned(here)
    return cluster.with_status(here, "churn", first.status.to_dict()), first


def test_a_running_build_continues_when_its_runtime_is_removed_from_the_catalogue() -> None:
    here, first = _first_pass()
    assert len(_jobs_in(first)) == 1
    later = _planned(cluster.apply_actions(here, first.actions, NOW), WITHOUT_RUNTIMES)
    assert later.status.build is not None
    assert (later.status.build.phase, _jobs_in(later)) == ("Pending", [])


def test_a_build_without_a_job_fails_when_its_runtime_is_removed_from_the_catalogue() -> None:
    here, _ = _first_pass()
    later = _planned(here, WITHOUT_RUNTIMES)
    assert later.status.build is not None
    assert (later.status.build.reason, _jobs_in(later)) == ("RuntimeUnknown", [])
