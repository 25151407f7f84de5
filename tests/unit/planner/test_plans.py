"""Whole rollouts on a simulated cluster: what holds after every pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from seatrial import planner
from seatrial.api import names
from seatrial.api.conditions import ConditionType
from seatrial.api.phases import DisplayPhase
from seatrial.api.reasons import Reason
from seatrial.children import actions
from seatrial.core.references import Reference, ReferencedData
from seatrial.core.snapshot import ApplyError, Bodies
from seatrial.simulation import cluster, observer
from seatrial.simulation.run import Pass
from tests.builders import NOW, PARTS, desired
from tests.builders import world as world_of
from tests.golden import play, stories
from tests.golden.play import Play

SAMPLE = (
    "first-deploy-to-build",
    "canary-holds-its-share",
    "canary-crashes-before-it-has-users",
    "superseded-under-users",
    "aborted-by-a-decision",
    "recreated",
    "autoscaled-canary-follows-the-pods-of-stable",
    "status-lost-under-users",
    "stable-dies-while-the-canary-answers",
    "rolled-back-by-a-decision",
)


def _passes(name: str) -> list[Pass]:
    scene: Play = stories.SITUATIONS[name]()
    return list(play.simulation(scene.world).passes(scene.world, scene.now))


@pytest.fixture(scope="module", params=SAMPLE)
def passes(request: pytest.FixtureRequest) -> list[Pass]:
    """Return every pass from a situation until nothing changes any more."""
    return _passes(request.param)


def test_a_plan_on_its_own_outcome_has_no_actions(passes: list[Pass]) -> None:
    for one in passes:
        after = cluster.with_status(one.before, play.NAME, one.plan.status.to_dict())
        done = cluster.apply_actions(after, one.plan.actions, one.time)
        again = play.simulation(done).step(done, one.time).plan
        assert [a for a in again.actions if not _needs_another_pass(a)] == []


def _needs_another_pass(action: actions.Action) -> bool:
    """Return whether only the next snapshot can ask for the action: an autoscaler reports that it works."""
    return isinstance(action, actions.Apply) and action.body["kind"] == "HorizontalPodAutoscaler"


def test_weights_add_up_to_100(passes: list[Pass]) -> None:
    for one in passes:
        status = one.plan.status
        if status.stable is not None:
            canary = 0 if status.canary is None else status.canary.weight
            assert status.stable.weight + canary == 100


def test_a_canary_without_ready_pods_receives_no_traffic(passes: list[Pass]) -> None:
    for one in passes:
        canary = one.plan.status.canary
        assert canary is None or canary.weight == 0 or canary.ready_replicas > 0


def test_no_plan_writes_the_model_deployment_itself(passes: list[Pass]) -> None:
    for one in passes:
        bodies = [a.body for a in one.plan.actions if isinstance(a, actions.Create | actions.Apply)]
        assert all(body["kind"] != names.KIND for body in bodies)


def test_every_created_object_has_its_owner(passes: list[Pass]) -> None:
    for one in passes:
        for action in one.plan.actions:
            if isinstance(action, actions.Create):
                assert action.body["metadata"]["ownerReferences"][0]["uid"] == play.UID


def test_wake_up_times_are_in_the_future(passes: list[Pass]) -> None:
    assert all(one.plan.wake_at is None or one.plan.wake_at > one.time for one in passes)


def test_a_plan_at_rest_writes_nothing(passes: list[Pass]) -> None:
    last = passes[-1]
    assert last.plan.actions == ()
    later = play.simulation(last.after).step(last.after, last.time + timedelta(days=3)).plan
    assert (later.actions, later.status) == ((), last.plan.status)


def test_an_object_that_is_being_deleted_has_no_actions() -> None:
    here = world_of()
    body = here.objects[(names.KIND, "churn")]
    going = {**body["metadata"], "deletionTimestamp": "2026-11-21T12:00:00Z"}
    wanted = observer.deployment_in(here.with_objects({**body, "metadata": going}), "churn")
    assert planner.plan(wanted, observer.observe(here, wanted, PARTS), PARTS, now=NOW).actions == ()


def test_an_apply_error_comes_first_in_the_message() -> None:
    here, wanted = world_of(), desired()
    observed = observer.observe(here, wanted, PARTS)
    conflict = ApplyError(reason="NameConflict", message="Service churn belongs to somebody else; rename it")
    plan = planner.plan(wanted, replace(observed, apply_errors=(conflict,)), PARTS, now=NOW)
    assert plan.status.message.startswith(f"{conflict.message}; ")
    assert plan.status.phase is DisplayPhase.FAILED


class _Faulty(Mapping[Reference, ReferencedData]):
    """References that nobody can look at: a bug that only a plan with the spec runs into."""

    def __getitem__(self, reference: Reference) -> ReferencedData:
        raise ZeroDivisionError("a bug")

    def __iter__(self) -> Iterator[Reference]:
        raise ZeroDivisionError("a bug")

    def __len__(self) -> int:
        return 1


def test_a_plan_that_is_a_bug_is_made_without_the_spec() -> None:
    here, wanted = world_of(), desired(serving={"envFrom": [{"configMapRef": {"name": "settings"}}]})
    observed = replace(observer.observe(here, wanted, PARTS), references=_Faulty())
    plans = [planner.plan(wanted, observed, PARTS, now=NOW) for _ in range(2)]
    assert [type(plan.bug.error) for plan in plans if plan.bug] == [ZeroDivisionError] * 2
    assert plans[0].status == plans[1].status
    stalled = plans[0].status.condition(ConditionType.STALLED)
    assert stalled is not None
    assert (stalled.status, stalled.reason) == ("True", Reason.INTERNAL_ERROR)
    assert [event.reason for event in plans[0].events] == [Reason.INTERNAL_ERROR]
    assert (plans[0].hold, plans[0].actions) == ("", ())


def test_a_plan_that_is_a_bug_without_the_spec_too_only_reports_it() -> None:
    here, wanted = world_of(), desired()
    observed = replace(observer.observe(here, wanted, PARTS), children=cast("Mapping[str, Bodies]", None))
    plan = planner.plan(wanted, observed, PARTS, now=NOW)
    assert plan.bug is not None
    assert (plan.status, plan.actions, plan.hold_reason) == (wanted.status, (), Reason.INTERNAL_ERROR)
    assert plan.bug.id in plan.hold


def _kinds_of(plan: planner.Plan) -> list[str]:
    written = actions.Create | actions.Apply
    return [a.body["kind"] if isinstance(a, written) else type(a).__name__ for a in plan.actions]


def test_a_decision_is_answered_before_a_child_is_created() -> None:
    retried = _kinds_of(_passes("retried-by-a-decision")[0].plan)
    assert retried == ["AnswerDecision", "Deployment", "ControllerRevision"]


def test_traffic_returns_to_stable_before_an_abort_is_answered() -> None:
    aborted = _kinds_of(_passes("aborted-by-a-decision")[0].plan)
    assert aborted[:2] == ["Service", "AnswerDecision"]
