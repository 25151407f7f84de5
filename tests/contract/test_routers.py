"""The contract of routers, held against every registered router and against one of a third party."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api import kinds, traffic, validation
from seatrial.api.owner import Owner
from seatrial.core.traffic import Ready, Router, Split
from seatrial.routers import base
from tests.contract.header_router import NAME, HeaderRouter

OWNER = Owner(namespace="shop", name="churn", uid="u-1")
PLUGINS: base.Plugins = {**base.routers(), NAME: HeaderRouter}
CONFIGS = {NAME: {"gateway": "public"}}
"""The configuration of routers that need one."""

revisions = st.text("0123456789abcdef", min_size=10, max_size=10)
weights = st.integers(1, 100)
replicas = st.integers(0, 500)


def configured(name: str, config: Mapping[str, object]) -> Router:
    """Return the router of this name and configuration, as a spec asks for it."""
    raw = {"plugin": {"name": name, "config": dict(config)}}
    return base.configured(validation.validate(traffic.Traffic, raw, at="spec.traffic"), PLUGINS)


@pytest.fixture(params=sorted(PLUGINS), scope="module")
def name(request: pytest.FixtureRequest) -> str:
    """Return the name of one router."""
    return str(request.param)


@pytest.fixture(scope="module")
def router(name: str) -> Router:
    """Return the router of this name."""
    return configured(name, CONFIGS.get(name, {}))


@st.composite
def splits(draw: st.DrawFn) -> Split:
    """Return a split of stable alone, with an idle canary, or with one that receives traffic."""
    stable = draw(revisions)
    canary = draw(revisions.filter(lambda revision: revision != stable))
    without_traffic = [Split(stable=stable), Split(stable=stable, canary=canary)]
    return draw(
        st.sampled_from([*without_traffic, Split(stable=stable, canary=canary, weight=draw(weights))])
    )


@given(split=splits())
def test_a_rendered_split_is_read_back(router: Router, split: Split) -> None:
    assert router.read(router.render(OWNER, split)) == split


@given(split=splits())
def test_rendering_the_same_split_twice_gives_the_same_objects(router: Router, split: Split) -> None:
    assert router.render(OWNER, split) == router.render(OWNER, split)


def test_without_objects_there_is_no_split(router: Router) -> None:
    assert router.read(()) is None


@given(split=splits())
def test_every_rendered_object_is_of_a_declared_kind(router: Router, split: Split) -> None:
    declared = {(kind.api_version, kind.kind) for kind in router.kinds}
    assert {(body["apiVersion"], body["kind"]) for body in router.render(OWNER, split)} <= declared


@given(split=splits())
def test_every_rendered_object_belongs_to_the_owner(router: Router, split: Split) -> None:
    heads = [body["metadata"] for body in router.render(OWNER, split)]
    assert all(head["namespace"] == OWNER.namespace for head in heads)
    assert all(head["ownerReferences"] == [OWNER.reference()] for head in heads)


def test_the_kinds_of_a_router_are_those_of_its_plugin(router: Router, name: str) -> None:
    assert router.kinds == PLUGINS[name].kinds
    assert set(router.kinds) <= set(base.kinds_of(PLUGINS))


def test_the_kinds_of_all_routers_have_each_kind_once() -> None:
    all_kinds = base.kinds_of(PLUGINS)
    assert kinds.SERVICE in all_kinds
    assert len(all_kinds) == len(set(all_kinds))


@given(weight=weights, stable=replicas)
def test_a_canary_has_replicas_for_every_weight_and_never_more_than_stable(
    router: Router, weight: int, stable: int
) -> None:
    count = router.canary_replicas(weight, stable=stable)
    assert (count == 0) == (stable == 0)
    assert count <= stable


@given(first=weights, second=weights, stable=replicas)
def test_a_larger_weight_never_has_fewer_replicas(
    router: Router, first: int, second: int, stable: int
) -> None:
    small, large = sorted((first, second))
    assert router.canary_replicas(small, stable=stable) <= router.canary_replicas(large, stable=stable)


@given(weight=weights, stable=replicas, canary=replicas)
def test_the_actual_weight_is_a_percentage_and_zero_without_ready_canary_pods(
    router: Router, weight: int, stable: int, canary: int
) -> None:
    split = Split(stable="a", canary="b", weight=weight)
    actual = router.actual_weight(split, Ready(stable=stable, canary=canary))
    assert 0 <= actual <= 100
    assert actual == 0 or canary > 0


@given(canary=replicas)
def test_without_a_weight_the_canary_receives_nothing(router: Router, canary: int) -> None:
    split = Split(stable="a", canary="b")
    assert router.actual_weight(split, Ready(stable=1, canary=canary)) == 0


def test_an_unknown_router_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(base.UnknownRouter, match="unknown router 'istoi'; known: header, replicas"):
        configured("istoi", {})


def test_an_invalid_configuration_is_an_error_with_the_path_of_the_field(name: str) -> None:
    misspelled = {**CONFIGS.get(name, {}), "weigth": 5}
    with pytest.raises(
        validation.InvalidSpec, match=r'unknown field "spec\.traffic\.plugin\.config\.weigth"'
    ):
        configured(name, misspelled)


def test_an_invalid_configuration_of_the_replica_router_has_its_own_path() -> None:
    with pytest.raises(validation.InvalidSpec, match=r"spec\.traffic\.replicas\.whenTooFew"):
        validation.validate(traffic.Traffic, {"replicas": {"whenTooFew": "No"}}, at="spec.traffic")


def test_each_router_is_made_from_its_own_configuration() -> None:
    assert configured("replicas", {"whenTooFew": "Hold"}).waits_for_replicas(10, stable=1)
    split = Split(stable="a" * 10)
    route = configured(NAME, {"gateway": "internal"}).render(OWNER, split)[-1]
    assert route["spec"]["parentRefs"] == [{"name": "internal"}]


@pytest.mark.parametrize("weight", [-1, 20, 101])
def test_a_split_without_a_canary_or_outside_0_to_100_percent_is_an_error(weight: int) -> None:
    with pytest.raises(ValueError, match="is not a valid split"):
        Split(stable="a" * 10, canary="" if weight == 20 else "b", weight=weight)
