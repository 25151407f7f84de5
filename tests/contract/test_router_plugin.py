"""A router of a third party is planned with as the operator's own: nothing outside its file knows it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from seatrial import planner
from seatrial.api import names
from seatrial.api.objects import Body
from seatrial.core.traffic import Split
from seatrial.planner import platform_for
from seatrial.routers import base
from seatrial.simulation import cluster, controllers, observer
from seatrial.simulation.cluster import SimulatedCluster
from tests.builders import DIGEST, NOW, SETTINGS, body
from tests.contract.header_router import HTTP_ROUTE, NAME, HeaderRouter

PLUGINS: base.Plugins = {**base.routers(), NAME: HeaderRouter}
OTHER_IMAGE = DIGEST.replace("1" * 64, "2" * 64)
PASS_EVERY = timedelta(seconds=5)
STEPS = {"steps": [{"weight": 20, "hold": "10m"}]}
TRAFFIC = {"plugin": {"name": NAME, "config": {"gateway": "public"}}}


class Deployment:
    """A ModelDeployment in a simulated cluster, planned again and again."""

    def __init__(self, **spec: Any) -> None:
        self.cluster = SimulatedCluster({(names.KIND, "churn"): body(rollout=STEPS, traffic=TRAFFIC, **spec)})
        self.now: datetime = NOW

    def change(self, **spec: Any) -> None:
        """Change fields of the spec."""
        present = self.cluster.objects[(names.KIND, "churn")]
        head = {**present["metadata"], "generation": present["metadata"]["generation"] + 1}
        self.cluster = self.cluster.with_objects(
            {**present, "metadata": head, "spec": {**present["spec"], **spec}}
        )

    def run(self, duration: timedelta) -> None:
        """Plan and apply every few seconds for this long."""
        end = self.now + duration
        while self.now < end:
            self.now += PASS_EVERY
            self.plan_once()
            self.cluster = controllers.advance_time(self.cluster, self.now, controllers.Timings())

    def plan_once(self) -> planner.Plan:
        """Store and apply the plan of one pass, and return it."""
        deployment, platform = platform_for(observer.deployment_in(self.cluster, "churn"), PLUGINS, SETTINGS)
        observed = observer.observe(self.cluster, deployment, platform)
        plan = planner.plan(deployment, observed, platform, now=self.now)
        stored = cluster.with_status(self.cluster, "churn", plan.status.to_dict())
        self.cluster = cluster.apply_actions(stored, plan.actions, self.now)
        return plan

    @property
    def split(self) -> Split | None:
        """Return the split that the objects of the cluster express."""
        _, platform = platform_for(observer.deployment_in(self.cluster, "churn"), PLUGINS, SETTINGS)
        return platform.router.read(
            tuple(body for kind in platform.router.kinds for body in self.cluster.of_kind(kind.kind))
        )

    def names_of(self, kind: str) -> set[str]:
        """Return the names of the objects of a kind."""
        return {child["metadata"]["name"] for child in self.cluster.of_kind(kind)}

    @property
    def status(self) -> Body:
        """Return the stored status."""
        status: Body = self.cluster.objects[(names.KIND, "churn")]["status"]
        return status


@pytest.fixture
def stable() -> Deployment:
    """Return a deployment whose first revision serves."""
    deployment = Deployment()
    deployment.run(timedelta(minutes=2))
    assert deployment.status["phase"] == "Healthy"
    return deployment


def test_the_objects_of_the_router_are_rendered_and_read_back(stable: Deployment) -> None:
    revision = stable.status["stable"]["revision"]
    assert stable.split == Split(stable=revision)
    assert stable.names_of("Service") == {f"churn-{revision}"}
    assert stable.names_of(HTTP_ROUTE.kind) == {"churn"}


def test_a_canary_receives_the_weight_of_its_step_through_the_router(stable: Deployment) -> None:
    before = stable.status["stable"]["revision"]
    stable.change(model={"image": OTHER_IMAGE})
    stable.run(timedelta(minutes=2))
    canary = stable.status["canary"]
    assert (canary["weight"], canary["actualWeight"]) == (20, 20)
    assert stable.split == Split(stable=before, canary=canary["revision"], weight=20)


def test_a_second_pass_has_no_actions(stable: Deployment) -> None:
    stable.change(model={"image": OTHER_IMAGE})
    stable.run(timedelta(minutes=2))
    stable.plan_once()
    assert stable.plan_once().actions == ()


def test_the_objects_of_a_promoted_rollout_name_only_the_new_stable(stable: Deployment) -> None:
    stable.change(model={"image": OTHER_IMAGE})
    stable.run(timedelta(minutes=15))
    revision = stable.status["stable"]["revision"]
    assert stable.split == Split(stable=revision)
    assert stable.names_of("Service") == {f"churn-{revision}"}


def test_the_objects_of_the_router_are_deleted_when_the_spec_returns_to_replicas(stable: Deployment) -> None:
    stable.change(traffic={"replicas": {}})
    stable.run(timedelta(minutes=1))
    assert stable.split == Split(stable=stable.status["stable"]["revision"])
    assert stable.names_of("Service") == {"churn"}
    assert stable.names_of(HTTP_ROUTE.kind) == set()


def test_the_objects_of_replicas_are_deleted_when_the_spec_chooses_the_router(stable: Deployment) -> None:
    stable.change(traffic={"replicas": {}})
    stable.run(timedelta(minutes=1))
    stable.change(traffic=TRAFFIC)
    stable.run(timedelta(minutes=1))
    assert stable.names_of("Service") == {f"churn-{stable.status['stable']['revision']}"}
    assert stable.names_of(HTTP_ROUTE.kind) == {"churn"}


def test_stable_is_recovered_from_the_objects_of_the_router_when_the_status_is_lost(
    stable: Deployment,
) -> None:
    revision = stable.status["stable"]["revision"]
    stable.change(model={"image": OTHER_IMAGE})
    stable.run(timedelta(minutes=2))
    stable.cluster = cluster.with_status(stable.cluster, "churn", {})
    stable.plan_once()
    assert stable.status["stable"]["revision"] == revision


def test_an_invalid_configuration_is_reported_and_keeps_what_serves(stable: Deployment) -> None:
    stable.change(traffic={"plugin": {"name": NAME, "config": {"gatewya": "public"}}})
    stable.run(timedelta(minutes=1))
    (stalled,) = [c for c in stable.status["conditions"] if c["type"] == "Stalled"]
    assert "spec.traffic.plugin.config.gatewya" in stalled["message"]
    assert stable.names_of("Deployment") == {f"churn-{stable.status['stable']['revision']}"}


def test_the_kinds_of_the_router_are_declared_to_the_operator() -> None:
    assert HTTP_ROUTE in base.kinds_of(PLUGINS)
