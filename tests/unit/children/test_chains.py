"""What of a plan waits for what, over whole rollouts: everything else goes out at the same time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from seatrial.api import names
from seatrial.api.objects import label_of
from seatrial.children import actions
from seatrial.children.actions import Action
from seatrial.children.chains import Chain
from seatrial.core.snapshot import Harm
from seatrial.simulation.run import Pass
from tests.golden import play, stories

Plan = tuple[Chain, ...]


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    """Return every plan from every situation until nothing changes any more."""
    return [one.plan.chains for name in stories.SITUATIONS for one in _passes(name) if one.plan.chains]


def _passes(name: str) -> Iterator[Pass]:
    scene = stories.SITUATIONS[name]()
    return iter(play.simulation(scene.world).passes(scene.world, scene.now))


def subject_of(action: Action) -> tuple[str, str]:
    """Return kind and name of the object that an action writes."""
    match action:
        case actions.Create() | actions.Apply():
            return action.body["kind"], action.body["metadata"]["name"]
        case actions.Scale():
            return "Deployment", action.name
        case actions.Delete():
            return action.kind, action.name
        case actions.AnswerDecision():
            return names.DECISION_KIND, action.name


def waits(chain: Chain, other: Chain) -> bool:
    """Return whether a chain begins only after the other."""
    return other.name in chain.needs | chain.after


def of(plan: Plan, kind: str, *types: type[Action]) -> list[Chain]:
    """Return the chains with actions of these types on objects of this kind."""
    return [c for c in plan for a in c.actions if isinstance(a, types) and subject_of(a)[0] == kind]


def test_no_object_is_written_by_two_chains_at_the_same_time(plans: list[Plan]) -> None:
    for plan in plans:
        for number, chain in enumerate(plan):
            for earlier in plan[:number]:
                shared = {*map(subject_of, chain.actions)} & {*map(subject_of, earlier.actions)}
                assert not shared or waits(chain, earlier), shared


def test_a_chain_waits_only_for_chains_before_it(plans: list[Plan]) -> None:
    for plan in plans:
        for number, chain in enumerate(plan):
            later = {other.name for other in plan[number:]} - {other.name for other in plan[:number]}
            assert not later & (chain.needs | chain.after)


def test_pods_are_created_after_the_copies_that_they_read(plans: list[Plan]) -> None:
    created = 0
    for plan in plans:
        for chain in of(plan, "Deployment", actions.Create):
            (action,) = chain.actions
            assert isinstance(action, actions.Create)
            revision = label_of(action.body, names.LABEL_REVISION)
            copies = [
                c for c in of(plan, "ConfigMap", actions.Create) if revision in subject_of(c.actions[0])[1]
            ]
            assert all(copy.name in chain.needs for copy in copies)
            created += len(copies)
    assert created, "no situation has copies"


def test_a_first_deployment_writes_its_pods_beside_their_record(plans: list[Plan]) -> None:
    together = [
        plan
        for plan in plans
        if of(plan, "ControllerRevision", actions.Create) and of(plan, "Deployment", actions.Create)
    ]
    assert together
    for plan in together:
        (record,) = of(plan, "ControllerRevision", actions.Create)
        assert not any(waits(chain, record) for chain in of(plan, "Deployment", actions.Create))


def test_the_way_back_needs_nothing(plans: list[Plan]) -> None:
    """A Service that selects one revision alone takes traffic from the other, or moves a promoted one in."""
    for plan in plans:
        for chain in of(plan, "Service", actions.Apply):
            (action,) = chain.actions
            assert isinstance(action, actions.Apply)
            assert chain.harm is Harm.TRAFFIC
            if names.LABEL_REVISION in action.body["spec"]["selector"]:
                assert not chain.needs
                assert plan[0] is chain, "nothing overtakes it"
            else:
                assert chain.needs == {"autoscaler"}


def test_nothing_of_other_revisions_is_removed_before_traffic_has_moved(plans: list[Plan]) -> None:
    removed = 0
    for plan in plans:
        for kind in ("Deployment", "HorizontalPodAutoscaler", "ConfigMap", "ControllerRevision"):
            for chain in of(plan, kind, actions.Delete):
                assert "traffic" in chain.needs
                removed += 1
    assert removed


def test_scaling_a_deployment_does_not_need_its_repair(plans: list[Plan]) -> None:
    for plan in plans:
        for chain in of(plan, "Deployment", actions.Scale):
            assert not chain.needs or chain.needs == {"traffic"}
