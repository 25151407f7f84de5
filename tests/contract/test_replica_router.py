"""The replica router: edits by hand are not read as a split, and the actual weight is near the weight."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.objects import Body
from seatrial.api.traffic import ReplicaTraffic, WhenTooFew
from seatrial.core.traffic import Ready, Split
from seatrial.routers.replicas import ReplicaRouter
from tests.builders import NEW, OLD, OWNER

ROUTER = ReplicaRouter()
HOLDING = ReplicaRouter(ReplicaTraffic(when_too_few=WhenTooFew.HOLD))


def service(weight: int) -> Body:
    """Return the Service that is rendered for this weight."""
    (rendered,) = ROUTER.render(OWNER, Split(stable=OLD, canary=NEW, weight=weight))
    return rendered


@pytest.mark.parametrize(
    "selector",
    [{}, {"app": "mine"}, {"seatrial.dev/server": "churn", "app": "mine"}, {"seatrial.dev/server": "x"}],
)
@pytest.mark.parametrize("weight", [0, 20])
def test_a_service_whose_selector_was_edited_has_no_split(selector: dict[str, str], weight: int) -> None:
    rendered = service(weight)
    assert ROUTER.read(({**rendered, "spec": {**rendered["spec"], "selector": selector}},)) is None


@pytest.mark.parametrize("weight", ["", "abc", "0", "101", "-5", "٣"])
def test_a_service_whose_weight_was_edited_has_no_split(weight: str) -> None:
    rendered = service(20)
    annotations = {**rendered["metadata"]["annotations"], "seatrial.dev/weight": weight}
    edited = {**rendered, "metadata": {**rendered["metadata"], "annotations": annotations}}
    assert ROUTER.read((edited,)) is None


@given(weight=st.integers(1, 100), stable=st.integers(1, 500))
def test_the_actual_weight_is_near_the_weight_unless_there_are_too_few_replicas(
    weight: int, stable: int
) -> None:
    canary = ROUTER.canary_replicas(weight, stable=stable)
    split = Split(stable=OLD, canary=NEW, weight=weight)
    actual = ROUTER.actual_weight(split, Ready(stable=stable, canary=canary))
    too_few = HOLDING.waits_for_replicas(weight, stable=stable)
    if not too_few:
        assert actual <= weight
    if weight <= 50:
        assert actual >= weight - 100 / (stable + canary) - 1 or too_few


@given(weight=st.integers(1, 100), stable=st.integers(1, 500))
def test_a_rollout_waits_for_replicas_only_where_the_spec_says_hold(weight: int, stable: int) -> None:
    assert not ROUTER.waits_for_replicas(weight, stable=stable)


def test_one_pod_beside_one_pod_receives_half_and_is_too_much_for_a_small_weight() -> None:
    split = Split(stable=OLD, canary=NEW, weight=10)
    assert ROUTER.actual_weight(split, Ready(stable=1, canary=1)) == 50
    assert HOLDING.waits_for_replicas(10, stable=1)
    assert not HOLDING.waits_for_replicas(10, stable=9)
