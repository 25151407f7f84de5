"""The simulated controllers: pods follow Deployments, replicas stay in an autoscaler's bounds, time passes."""

from __future__ import annotations

import pytest

from seatrial.children import actions
from seatrial.observation import pod_diagnosis
from seatrial.simulation.cluster import SimulatedCluster
from seatrial.simulation.controllers import Timings, advance_time, next_event
from tests.golden import play
from tests.unit.simulation.objects import NOON, TIMINGS, apply, autoscaler, deployment, ready_cluster

LATER = NOON + TIMINGS.ready_after


def scale(replicas: int) -> actions.Scale:
    return actions.Scale(namespace="shop", name="churn-aaaaaaaaaa", replicas=replicas)


def pod_names(cluster: SimulatedCluster, *, ready_only: bool = False) -> set[str]:
    pods = cluster.of_kind("Pod")
    return {pod["metadata"]["name"] for pod in pods if not ready_only or pod_diagnosis.is_ready(pod)}


def test_a_cluster_is_never_changed_in_place() -> None:
    before = ready_cluster(deployment(2), autoscaler(1, 3))
    text = repr(before)
    advance_time(apply(scale(0), start=before), LATER, TIMINGS)
    assert repr(before) == text


def test_pods_are_created_at_once_and_become_ready_later() -> None:
    created = advance_time(apply(actions.Create(deployment(3))), NOON, TIMINGS)
    assert (len(pod_names(created)), next_event(created, NOON, TIMINGS)) == (3, LATER)
    assert pod_names(created, ready_only=True) == set()
    started = advance_time(created, LATER, TIMINGS)
    assert len(pod_names(started, ready_only=True)) == 3
    assert next_event(started, LATER, TIMINGS) is None


@pytest.mark.parametrize("replicas", [0, 1, 2, 5])
def test_a_deployment_has_as_many_pods_as_replicas_and_keeps_ready_ones(replicas: int) -> None:
    before = ready_cluster(deployment(2))
    after = advance_time(apply(scale(replicas), start=before), LATER, TIMINGS)
    assert len(pod_names(after)) == replicas
    assert len(pod_names(before, ready_only=True) & pod_names(after)) == min(replicas, 2)


def test_advancing_to_the_same_time_twice_changes_nothing() -> None:
    cluster = ready_cluster(deployment(3), autoscaler(1, 5))
    assert advance_time(cluster, LATER, TIMINGS) == cluster


@pytest.mark.parametrize(
    ("replicas", "minimum", "maximum", "pods"),
    [
        pytest.param(2, 3, 5, 3, id="raised to the minimum"),
        pytest.param(7, 3, 5, 5, id="lowered to the maximum"),
        pytest.param(4, 3, 5, 4, id="unchanged between them, because the load is constant"),
        pytest.param(0, 3, 5, 0, id="zero disables the autoscaler"),
    ],
)
def test_an_autoscaler_keeps_the_replicas_in_its_bounds(
    replicas: int, minimum: int, maximum: int, pods: int
) -> None:
    assert len(pod_names(ready_cluster(deployment(replicas), autoscaler(minimum, maximum)))) == pods


def test_an_autoscaler_without_its_deployment_does_nothing() -> None:
    cluster = apply(actions.Create(autoscaler(1, 3)))
    assert advance_time(cluster, NOON, TIMINGS) == cluster


def test_the_golden_folders_use_the_default_timings_of_the_command() -> None:
    """Otherwise the reviewed timelines would differ from those that users see."""
    assert Timings() == play.TIMINGS
