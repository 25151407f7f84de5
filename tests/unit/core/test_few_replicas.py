"""When so few pods give the canary so much more traffic than a step asks for that a person should know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.scaling import Scaling
from seatrial.api.traffic import ReplicaTraffic, WhenTooFew
from seatrial.core.replicas import enough_replicas, far_exceeds, replica_plan
from seatrial.core.target import Workload
from seatrial.routers.replicas import ReplicaRouter
from tests.builders import target


@pytest.mark.parametrize(
    ("share", "weight", "exceeds"), [(50, 10, True), (20, 10, True), (17, 10, False), (50, 30, False)]
)
def test_twice_the_weight_and_ten_points_more_is_far(share: int, weight: int, exceeds: bool) -> None:
    assert far_exceeds(share, weight) is exceeds


@given(weight=st.integers(1, 49))
def test_the_named_number_of_replicas_is_the_smallest_at_which_hold_does_not_wait(weight: int) -> None:
    holding = ReplicaRouter(ReplicaTraffic(when_too_few=WhenTooFew.HOLD))
    enough = enough_replicas(ReplicaRouter(), weight)
    assert enough is not None
    assert not holding.waits_for_replicas(weight, stable=enough)
    assert holding.waits_for_replicas(weight, stable=enough - 1)


@given(replicas=st.integers(0, 200))
def test_the_shares_of_a_plan_are_what_its_pods_give(replicas: int) -> None:
    workload = Workload(scaling=Scaling(replicas=replicas))
    plan = replica_plan(target(workload=workload), None, autoscaled=False)
    shares = [round(100 * n / (n + replicas)) if n else 0 for n in plan.at_step]
    assert list(plan.shares) == shares
