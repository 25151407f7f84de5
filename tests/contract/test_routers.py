"""The contract of routers, tested on every installed router."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.owner import Owner
from seatrial.api.traffic import Traffic
from seatrial.core.traffic import Ready, Router, Split
from seatrial.routers import base

OWNER = Owner(namespace="shop", name="churn", uid="u-1")
INSTALLED = base.routers()
revisions = st.text("0123456789abcdef", min_size=10, max_size=10)
weights = st.integers(1, 100)
pods = st.integers(0, 500)


@pytest.fixture(params=sorted(INSTALLED), scope="module")
def router(request: pytest.FixtureRequest) -> Router:
    """Return one installed router."""
    plugin = INSTALLED[request.param]
    return plugin(plugin.config())


@st.composite
def splits(draw: st.DrawFn) -> Split:
    stable = draw(revisions)
    canary = draw(revisions.filter(lambda name: name != stable))
    return draw(
        st.sampled_from(
            [
                Split(stable=stable),
                Split(stable=stable, canary=canary),
                Split(stable=stable, canary=canary, weight=draw(weights)),
            ]
        )
    )


@given(split=splits())
def test_rendered_split_is_read_back(router: Router, split: Split) -> None:
    assert router.read(router.render(OWNER, split)) == split


@given(split=splits())
def test_rendering_is_deterministic(router: Router, split: Split) -> None:
    assert router.render(OWNER, split) == router.render(OWNER, split)


def test_no_split_is_read_without_objects(router: Router) -> None:
    assert router.read(()) is None


@pytest.mark.parametrize(
    "selector",
    [{}, {"app": "mine"}, {"seatrial.dev/server": "churn", "app": "mine"}, {"seatrial.dev/server": "x"}],
)
@pytest.mark.parametrize("weight", [0, 20])
def test_manually_edited_selector_is_not_a_split(
    router: Router, selector: dict[str, str], weight: int
) -> None:
    documents = router.render(OWNER, Split(stable="a" * 10, canary="b" * 10, weight=weight))
    edited = tuple({**d, "spec": {**d["spec"], "selector": selector}} for d in documents)
    assert router.read(edited) is None


@pytest.mark.parametrize("note", ["", "abc", "0", "101", "-5", "٣"])
def test_manually_edited_weight_is_not_a_split(router: Router, note: str) -> None:
    (document,) = router.render(OWNER, Split(stable="a" * 10, canary="b" * 10, weight=20))
    notes = {**document["metadata"]["annotations"], "seatrial.dev/weight": note}
    assert router.read(({**document, "metadata": {**document["metadata"], "annotations": notes}},)) is None


@given(weight=weights, stable=pods)
def test_canary_has_at_least_one_pod_and_never_more_than_stable(
    router: Router, weight: int, stable: int
) -> None:
    count = router.canary_replicas(weight, stable=stable)
    assert (count == 0) == (stable == 0)
    assert count <= stable


@given(first=weights, second=weights, stable=pods)
def test_larger_weight_never_has_fewer_pods(router: Router, first: int, second: int, stable: int) -> None:
    small, large = sorted((first, second))
    assert router.canary_replicas(small, stable=stable) <= router.canary_replicas(large, stable=stable)


@given(weight=weights, stable=st.integers(1, 500))
def test_actual_weight_is_close_to_the_requested_weight_unless_pods_are_too_few(
    router: Router, weight: int, stable: int
) -> None:
    canary = router.canary_replicas(weight, stable=stable)
    split = Split(stable="a" * 10, canary="b" * 10, weight=weight)
    share = router.actual_weight(split, Ready(stable=stable, canary=canary))
    is_too_few = 100 / (stable + 1) > weight  # a single canary pod already receives more
    if not is_too_few:
        assert share <= weight
    if weight <= 50:
        assert share >= weight - 100 / (stable + canary) - 1 or is_too_few


@given(weight=weights, stable=pods, canary=pods)
def test_actual_weight_is_between_0_and_100(router: Router, weight: int, stable: int, canary: int) -> None:
    share = router.actual_weight(
        Split(stable="a", canary="b", weight=weight), Ready(stable=stable, canary=canary)
    )
    assert 0 <= share <= 100
    assert share == 0 or canary > 0


@given(canary=pods)
def test_canary_without_weight_has_no_actual_weight(router: Router, canary: int) -> None:
    assert router.actual_weight(Split(stable="a", canary="b"), Ready(stable=1, canary=canary)) == 0


def test_unknown_router_is_an_error_that_lists_the_known_routers() -> None:
    unknown = Traffic.model_validate({"plugin": {"name": "istoi"}})
    with pytest.raises(base.UnknownRouter, match="unknown router 'istoi'; known: replicas"):
        base.configured(unknown, INSTALLED)


@pytest.mark.parametrize("weight", [-1, 20, 101])
def test_weight_without_canary_or_outside_0_to_100_is_rejected(weight: int) -> None:
    with pytest.raises(ValueError, match="is no split"):
        Split(stable="a" * 10, canary="" if weight == 20 else "b", weight=weight)
