"""Each guard by its name: when it applies, what follows, and when it does not apply."""

from __future__ import annotations

import pytest

from seatrial.api import phases
from seatrial.api.phases import Verdict
from seatrial.api.reasons import Reason
from seatrial.core import rules
from seatrial.core.inputs import Inputs
from seatrial.core.rules import GUARDS, Rule
from seatrial.core.state import CheckResult, Rejection, Rollout, RolloutState
from seatrial.core.transitions import Phase
from tests.builders import NEW, NEWER, NOW, OLD, after, rollout, seen, shifting, state
from tests.unit.core import rollouts
from tests.unit.core.rollouts import ZERO_REPLICAS, building, promoting, starting


def apply(rule: Rule, before: RolloutState, inputs: Inputs) -> Rollout | None:
    """Return the rollout that follows from a rule; None when the rule does not apply."""
    assert before.rollout is not None
    after_rule = rule(before, before.rollout, inputs)
    return None if after_rule is None else after_rule.rollout


def outcome(rule: Rule, before: RolloutState, inputs: Inputs) -> tuple[Phase, str, int]:
    """Return phase, reason and weight that follow from a rule that has to apply."""
    followed = apply(rule, before, inputs)
    assert followed is not None
    return followed.phase, followed.reason, followed.weight


def test_every_guard_of_a_phase_has_a_test_of_its_name() -> None:
    names = {rule.__name__ for guards in GUARDS.values() for rule in guards}
    untested = [name for name in names if not any(test.startswith(f"test_{name}_") for test in globals())]
    assert untested == []


@pytest.mark.parametrize("before", [building(), starting(), shifting(), rollouts.paused(), promoting()])
def test_target_changed_rolls_back_without_blame_in_every_phase_in_progress(before: RolloutState) -> None:
    phase, reason, _ = outcome(rules.target_changed, before, seen().stable().canary().at(revision=NEWER))
    assert (phase, reason) == (Phase.ROLLING_BACK, Reason.SUPERSEDED)


def test_target_changed_does_not_apply_while_the_spec_asks_for_the_same_revision() -> None:
    assert apply(rules.target_changed, shifting(), seen().stable().canary().at(revision=NEW)) is None


def test_target_changed_does_not_apply_to_a_rollback_from_the_rejected_revision_of_the_spec() -> None:
    rejected = (Rejection(revision=OLD, reason=Reason.ROLLED_BACK),)
    before = state(rollout(Phase.STARTING, fast_track=True), rejected=rejected)
    assert apply(rules.target_changed, before, seen().stable().canary().at(revision=OLD)) is None


def test_canary_crashed_rolls_back_a_canary_whose_container_exited_under_traffic() -> None:
    inputs = seen().stable().exits(after(seconds=10)).at(after(seconds=30))
    phase, reason, weight = outcome(rules.canary_crashed, shifting(), inputs)
    assert (phase, reason, weight) == (Phase.ROLLING_BACK, Reason.CANARY_RESTARTED, 20)


def test_canary_crashed_rolls_back_a_canary_with_a_terminal_diagnosis() -> None:
    inputs = seen().stable().failing(Reason.MODEL_LOAD_FAILED).at(after(seconds=30))
    phase, reason, _ = outcome(rules.canary_crashed, shifting(), inputs)
    assert (phase, reason) == (Phase.ROLLING_BACK, Reason.MODEL_LOAD_FAILED)


def test_canary_crashed_does_not_apply_before_the_canary_received_traffic() -> None:
    assert apply(rules.canary_crashed, starting(), seen().stable().crashing().at()) is None


def test_canary_crashed_does_not_apply_to_a_transient_diagnosis() -> None:
    inputs = seen().stable().failing(Reason.UNSCHEDULABLE).at(after(seconds=30))
    assert apply(rules.canary_crashed, shifting(), inputs) is None


def test_paused_stops_the_clocks_when_the_spec_is_paused() -> None:
    held = apply(rules.paused, shifting(), seen().stable().canary().at(after(seconds=30), paused=True))
    assert held is not None
    assert (held.phase, held.weight) == (Phase.PAUSED, 20)
    assert (held.paused_at, held.paused_by) == (after(seconds=30), phases.PausedBy.SPEC)


def test_paused_does_not_apply_to_a_spec_that_is_not_paused() -> None:
    assert apply(rules.paused, shifting(), seen().stable().canary().at()) is None


def test_other_revisions_have_pods_waits_and_stops_the_progress_deadline() -> None:
    waiting = apply(
        rules.other_revisions_have_pods,
        starting(progressed_at=NOW),
        seen().stable().canary().other_revision().at(after(seconds=5)),
    )
    assert waiting is not None
    assert (waiting.phase, waiting.waiting_for) == (Phase.STARTING, phases.WaitingFor.CAPACITY)
    assert waiting.progressed_at is None


def test_other_revisions_have_pods_does_not_apply_when_only_stable_and_canary_have_pods() -> None:
    assert apply(rules.other_revisions_have_pods, starting(), seen().stable().canary().at()) is None


def test_stable_unavailable_promotes_a_canary_that_alone_has_an_available_pod() -> None:
    inputs = seen().stable(ready=0).canary().at()
    assert outcome(rules.stable_unavailable, shifting(), inputs) == (Phase.PROMOTING, "", 100)


def test_stable_unavailable_promotes_when_the_spec_asks_for_zero_replicas() -> None:
    inputs = seen().stable(ready=0).planned(replica_plan=ZERO_REPLICAS).at()
    assert outcome(rules.stable_unavailable, shifting(), inputs) == (Phase.PROMOTING, "", 100)


@pytest.mark.parametrize(("stable", "canary"), [(1, 1), (1, 0), (0, 0)])
def test_stable_unavailable_does_not_apply_otherwise(stable: int, canary: int) -> None:
    inputs = seen().stable(ready=stable).canary(ready=canary).at()
    assert apply(rules.stable_unavailable, shifting(), inputs) is None


def test_canary_unavailable_takes_the_traffic_of_a_canary_without_pods() -> None:
    inputs = seen().stable().canary(ready=0).at()
    assert outcome(rules.canary_unavailable, shifting(), inputs) == (Phase.SHIFTING, "", 0)


def test_canary_unavailable_does_not_apply_to_a_canary_with_pods_or_without_traffic() -> None:
    assert apply(rules.canary_unavailable, shifting(), seen().stable().canary().at()) is None
    assert apply(rules.canary_unavailable, shifting(weight=0), seen().stable().canary(ready=0).at()) is None


def test_only_canary_serves_gives_all_traffic_to_a_canary_that_is_being_promoted() -> None:
    inputs = seen().stable(ready=0).canary().at()
    assert outcome(rules.only_canary_serves, promoting(), inputs) == (Phase.PROMOTING, "", 100)


def test_only_canary_serves_does_not_apply_while_stable_serves_or_with_recreate() -> None:
    assert apply(rules.only_canary_serves, promoting(), seen().stable().canary().at()) is None
    recreate = seen().stable(ready=0).canary().at(recreate=True)
    assert apply(rules.only_canary_serves, promoting(), recreate) is None


def test_the_first_guard_that_applies_decides() -> None:
    crashing_and_superseded = seen().stable().crashing().at(after(seconds=30), revision=NEWER)
    before = shifting()
    assert before.rollout is not None
    followed = rules.first_applicable(before, before.rollout, crashing_and_superseded)
    assert followed is not None
    assert followed.rollout is not None
    assert followed.rollout.reason == Reason.SUPERSEDED


def test_check_failed_rolls_back_a_canary_that_receives_traffic() -> None:
    failed = shifting(checks=(CheckResult(name="errors", verdict=Verdict.FAIL),))
    phase, reason, _ = outcome(rules.check_failed, failed, seen().stable().canary().sharing(20).at())
    assert (phase, reason) == (Phase.ROLLING_BACK, Reason.CHECK_FAILED)


def test_check_failed_does_not_apply_to_a_dry_run() -> None:
    failed = shifting(checks=(CheckResult(name="errors", verdict=Verdict.FAIL, dry_run=True),))
    assert apply(rules.check_failed, failed, seen().stable().canary().sharing(20).at()) is None
