"""Builds the situation of a golden file on a simulated cluster: what users, nodes and time do, call by call."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from model_runtime import contract
from seatrial.api import names, status_fields
from seatrial.api.objects import Body, label_of
from seatrial.api.traffic import Traffic
from seatrial.cli import inputs
from seatrial.cli.starting_point import starting_point
from seatrial.observation.observed import Platform
from seatrial.routers import base as routers
from seatrial.simulation import build_jobs, cluster, observer
from seatrial.simulation.cluster import SimulatedCluster
from seatrial.simulation.controllers import Timings, advance_time
from seatrial.simulation.run import Simulation

FOLDER = Path(__file__).parent
START = datetime(2026, 11, 21, 12, tzinfo=UTC)
TIMINGS = Timings(ready_after=timedelta(seconds=15), build=timedelta(seconds=60))
NAME = "churn"
V1, V2, V3 = (f"registry.shop/churn@sha256:{digit * 64}" for digit in "123")
UID = "6f0c2a1e-churn"
ROUTERS = routers.routers()


def simulation(world: SimulatedCluster | None = None) -> Simulation:
    """Return the simulation, with the router that the ModelDeployment in `world` configures or the default one."""
    settings = inputs.read_settings(str(FOLDER / "settings.yaml"))
    traffic = Traffic() if world is None else observer.deployment_in(world, NAME).spec.traffic
    router = routers.configured(traffic, ROUTERS)
    platform = Platform(router=router, router_kinds=routers.kind_names(ROUTERS), settings=settings)
    return Simulation(name=NAME, platform=platform, timings=TIMINGS)


@dataclass(frozen=True, slots=True)
class Story:
    """A situation as input of `seatrial plan`: the applied object, the objects of the cluster, and the time."""

    cr: Body
    observed: tuple[Body, ...]
    now: datetime


class Play:
    """One simulated cluster; every method returns the play, so that calls chain."""

    def __init__(self) -> None:
        self.now = START
        self.world = SimulatedCluster({})
        self._cr: Body = {}

    def apply(self, **spec: Any) -> Self:
        """Apply the spec; the given parts replace their earlier values."""
        before = self._cr.get("spec", {})
        head = {"name": NAME, "namespace": "shop"}
        self._cr = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": head,
            "spec": {**before, **spec},
        }
        snapshot = tuple(self.world.objects.values())
        if self.world.get(names.KIND, NAME) is None:
            self.world = starting_point(self._cr, (), self.now).cluster.with_objects(*snapshot)
            self._change(names.KIND, NAME, lambda b: {**b, "metadata": {**b["metadata"], "uid": UID}})
        else:
            self.world = starting_point(self._cr, snapshot, self.now).cluster
        return self

    def rest(self) -> Self:
        """Run the operator until nothing changes any more."""
        return self._until(None)

    def later(self, seconds: float) -> Self:
        """Run the operator for this many seconds."""
        return self._until(self.now + timedelta(seconds=seconds))

    def _until(self, end: datetime | None) -> Self:
        for one in simulation(self.world).passes(self.world, self.now, until=end):
            self.world, self.now = one.after, one.time
        if end is not None:
            self.now = end
            self.world = advance_time(self.world, self.now, TIMINGS)
        return self

    def wait(self, seconds: float) -> Self:
        """Let time pass without the operator."""
        self.now += timedelta(seconds=seconds)
        self.world = advance_time(self.world, self.now, TIMINGS)
        return self

    def having(self, *bodies: Body) -> Self:
        """Add these objects to the cluster."""
        self.world = self.world.with_objects(*bodies)
        return self

    def without(self, kind: str, name: str) -> Self:
        """Delete an object."""
        self.world = self.world.without((kind, name))
        return self

    def edited(self, kind: str, change: Callable[[Body], Body], name: str = NAME) -> Self:
        """Edit an object by hand."""
        self._change(kind, name, change)
        return self

    def losing_status(self) -> Self:
        """Restore the ModelDeployment without its status."""
        self._change(names.KIND, NAME, lambda body: {**body, "status": {}})
        return self

    def decide(self, action: str, **more: Any) -> Self:
        """Create a RolloutDecision, about the revision that is rolled out unless another one is given."""
        status = self._status()
        revision = more.pop("revision", None) or (status.get("rollout") or {}).get("revision")
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.DECISION_KIND,
            "metadata": {
                "name": f"{NAME}-{action.lower()}",
                "namespace": "shop",
                "uid": f"decision-{action.lower()}",
                "creationTimestamp": status_fields.format_time(self.now),
            },
            "spec": {
                "deployment": NAME,
                "revision": revision,
                "action": action,
                "decidedBy": "jo@shop.example",
                "reason": "agreed with the on-call",
                **more,
            },
        }
        return self.having(body)

    def pods(self, track: str, change: Callable[[Body], Body]) -> Self:
        """Change every pod of a track."""
        for pod in self._pods(self.revision(track)):
            self.world = self.world.with_objects(change(copy.deepcopy(pod)))
        return self

    def losing_pods(self, track: str) -> Self:
        """Drain the nodes of a track: new pods, which still start, replace all of its pods."""
        places = [cluster.ref_of(pod) for pod in self._pods(self.revision(track))]
        self.world = advance_time(self.world.without(*places), self.now, TIMINGS)
        return self

    def job_ends(self, report: contract.BuildReport) -> Self:
        """End the running build with this report."""
        for job in self.world.of_kind("Job"):
            for body in build_jobs.job_and_pod_at(
                job, self.world.of_kind("Pod"), now=self.now, duration=timedelta(0)
            ):
                self.world = self.world.with_objects(_reporting(body, report))
        return self

    def revision(self, track: str) -> str:
        """Return the revision of a track, from the status."""
        found = self._status().get(track) or self._status()["rollout"]
        return str(found["revision"])

    def _status(self) -> Mapping[str, Any]:
        status: Mapping[str, Any] = self.world.objects[(names.KIND, NAME)]["status"]
        return status

    def _pods(self, revision: str) -> list[Body]:
        serving = (p for p in self.world.of_kind("Pod") if label_of(p, names.LABEL_SERVER))
        return [p for p in serving if label_of(p, names.LABEL_REVISION) == revision]

    def _change(self, kind: str, name: str, change: Callable[[Body], Body]) -> None:
        self.world = self.world.with_objects(change(copy.deepcopy(self.world.objects[(kind, name)])))

    def story(self) -> Story:
        """Return the present situation."""
        bodies = sorted(self.world.objects.items())
        return Story(cr=self._cr, observed=tuple(body for _, body in bodies), now=self.now)


def _reporting(body: Body, report: contract.BuildReport) -> Body:
    body = copy.deepcopy(body)
    if body["kind"] == "Job" and report.reason:
        body["status"] = {"conditions": [{"type": "Failed", "status": "True", "reason": "PodFailurePolicy"}]}
    for status in (body.get("status") or {}).get("containerStatuses") or ():
        status["state"] = {"terminated": {"exitCode": 1 if report.reason else 0, "message": report.to_json()}}
    return body
