"""How a canary is judged by the requests of users: from samples of the pods to what the rollout does."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from seatrial.api.checks import OnNoData
from seatrial.api.phases import Verdict, WaitingFor
from seatrial.api.reasons import Reason
from seatrial.core.clocks import Look, Reading, carried
from seatrial.core.evidence import memory_text
from seatrial.core.evidence.checks import Measure
from seatrial.core.inputs import Inputs
from seatrial.core.rollout import advance
from seatrial.core.state import CheckResult, Rollout, RolloutState
from seatrial.core.transitions import Phase
from tests.builders import NEW, NOW, OLD, after, check, sample, seen, shifting

ERRORS = check()
VERSUS_STABLE = check("versus-stable", against_stable=True, tolerance=0.1)
SLOW = check("slow", measure=Measure.LATENCY, latency=0.25)


def look(
    before: RolloutState, seconds: int, *samples: object, weight: int = 20, **changes: object
) -> RolloutState:
    """Return the state after a pass at this time that sees these samples."""
    return advance(before, inputs(seconds, *samples, weight=weight, **changes))


def inputs(seconds: int, *samples: object, weight: int = 20, **changes: object) -> Inputs:
    pods = seen().stable().canary().sharing(weight).sampled(*samples)  # type: ignore[arg-type]
    return pods.at(after(seconds=seconds), **{"checks": (ERRORS,), **changes})


def rollout_of(state: RolloutState) -> Rollout:
    assert state.rollout is not None
    return state.rollout


def result_of(state: RolloutState, name: str = "errors") -> CheckResult:
    return next(result for result in rollout_of(state).checks if result.name == name)


def test_a_canary_that_fails_for_users_is_rolled_back_before_its_hold_ends() -> None:
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)))
    failed = rollout_of(look(begun, 11, sample(NEW, ok=60, model_error=40, at=after(seconds=11))))
    assert (failed.phase, failed.reason, failed.weight) == (Phase.ROLLING_BACK, Reason.CHECK_FAILED, 0)
    assert failed.message == "check errors: errors 40 % (limit 1 %) in 100 requests"


def test_two_bad_requests_never_fail_a_check() -> None:
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)))
    state = look(begun, 11, sample(NEW, model_error=2, at=after(seconds=11)))
    assert result_of(state).verdict is Verdict.NO_DATA


def test_a_step_ends_with_its_hold_when_every_check_has_passed() -> None:
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)))
    passed = look(begun, 119, sample(NEW, ok=500, at=after(seconds=119)))
    assert (rollout_of(passed).step, result_of(passed).verdict) == (1, Verdict.PASS)
    assert rollout_of(look(passed, 120, sample(NEW, ok=500, at=after(seconds=119)))).step == 2


def test_a_step_without_enough_requests_waits_for_evidence_beyond_its_hold() -> None:
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)))
    waiting = rollout_of(look(begun, 200, sample(NEW, ok=20, at=after(seconds=199))))
    assert (waiting.step, waiting.waiting_for) == (1, WaitingFor.EVIDENCE)
    assert waiting.checks[0].message == "errors 0 % (limit 1 %); about 80 more good requests decide it"


@pytest.mark.parametrize(
    ("policy", "phase", "reason"),
    [
        (OnNoData.HOLD, Phase.SHIFTING, ""),
        (OnNoData.PASS, Phase.SHIFTING, ""),
        (OnNoData.FAIL, Phase.ROLLING_BACK, Reason.NO_DATA_DEADLINE),
    ],
)
def test_the_deadline_without_data_has_the_policy_of_the_check(
    policy: OnNoData, phase: Phase, reason: str
) -> None:
    patient = check(on_no_data=policy, no_data_deadline=timedelta(minutes=5))
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)), checks=(patient,))
    before = rollout_of(look(begun, 419, sample(NEW, at=after(seconds=419)), checks=(patient,)))
    assert (before.phase, before.step, before.waiting_for) == (Phase.SHIFTING, 1, WaitingFor.EVIDENCE)
    at_deadline = rollout_of(look(begun, 420, sample(NEW, at=after(seconds=420)), checks=(patient,)))
    assert (at_deadline.phase, at_deadline.reason) == (phase, reason)
    assert at_deadline.step == (2 if policy is OnNoData.PASS else 1)


def test_a_dry_run_reports_a_failure_and_changes_nothing() -> None:
    trial = check(dry_run=True)
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)), checks=(trial,))
    failed = look(begun, 120, sample(NEW, model_error=99, at=after(seconds=119)), checks=(trial,))
    assert result_of(failed).verdict is Verdict.FAIL
    assert rollout_of(failed).step == 2


def test_invalid_requests_count_only_in_the_comparison_with_stable() -> None:
    checks = (ERRORS, VERSUS_STABLE)
    start = (sample(NEW, at=after(seconds=1)), sample(OLD, at=after(seconds=1)))
    begun = look(shifting(), 1, *start, checks=checks)
    later = (
        sample(NEW, ok=100, client_error=100, at=after(seconds=11)),
        sample(OLD, ok=800, at=after(seconds=11)),
    )
    failed = rollout_of(look(begun, 11, *later, checks=checks))
    assert failed.message.startswith("check versus-stable: errors 50 % (stable 0 %, at most 1 % more)")


def test_an_outage_of_both_tracks_does_not_fail_the_comparison() -> None:
    checks = (VERSUS_STABLE,)
    start = (sample(NEW, at=after(seconds=1)), sample(OLD, at=after(seconds=1)))
    begun = look(shifting(), 1, *start, checks=checks)
    later = (
        sample(NEW, ok=50, model_error=50, at=after(seconds=11)),
        sample(OLD, ok=400, model_error=400, at=after(seconds=11)),
    )
    assert rollout_of(look(begun, 11, *later, checks=checks)).phase is Phase.SHIFTING


def test_slow_answers_fail_a_latency_check() -> None:
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)), checks=(SLOW,))
    failed = rollout_of(look(begun, 11, sample(NEW, ok=80, slow=20, at=after(seconds=11)), checks=(SLOW,)))
    assert failed.message == "check slow: slower than 250 ms: 20 % (limit 1 %) in 100 requests"


def test_metrics_that_cannot_be_read_are_an_error_and_never_fail() -> None:
    unreachable = {NEW: "pod p-1: connection refused"}
    checks = (check(on_no_data=OnNoData.FAIL, no_data_deadline=timedelta(0)),)
    pods = seen().stable().canary().sharing(20).sampled(errors=unreachable)
    state = advance(shifting(), pods.at(after(minutes=30), checks=checks))
    assert (rollout_of(state).phase, rollout_of(state).waiting_for) == (Phase.SHIFTING, WaitingFor.EVIDENCE)
    assert (result_of(state).verdict, result_of(state).message) == (
        Verdict.ERROR,
        "pod p-1: connection refused",
    )


def test_requests_before_the_step_are_not_evidence() -> None:
    before_step = NOW - timedelta(minutes=5)
    old = sample(NEW, ok=10, model_error=90, at=NOW - timedelta(seconds=1), started=before_step)
    assert result_of(look(shifting(), 1, old)).samples == 0
    first = sample(NEW, ok=10, model_error=90, at=after(seconds=1), started=before_step)
    begun = look(shifting(), 1, first)
    assert result_of(begun).samples == 0
    later = sample(NEW, ok=60, model_error=90, at=after(seconds=11), started=before_step)
    assert result_of(look(begun, 11, later)).samples == 50


def test_the_evidence_of_a_step_does_not_leak_into_the_next() -> None:
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)))
    state = look(begun, 120, sample(NEW, ok=500, at=after(seconds=119)))
    assert rollout_of(state).step == 2
    raised = replace(state, rollout=replace(rollout_of(state), weight=50, step_started_at=after(seconds=121)))
    again = look(raised, 130, sample(NEW, ok=900, at=after(seconds=129)), weight=50)
    assert result_of(again).samples == 0


def test_a_restarted_process_is_counted_from_zero_and_nothing_twice() -> None:
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)))
    first = look(begun, 11, sample(NEW, ok=100, at=after(seconds=11)))
    restarted = sample(NEW, ok=30, at=after(seconds=31), started=after(seconds=20))
    second = look(first, 31, restarted)
    assert result_of(second).samples == 130
    assert result_of(look(second, 32, restarted)).samples == 130


def test_an_older_sample_than_another_operator_has_stored_is_not_counted() -> None:
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)))
    newer = look(begun, 21, sample(NEW, ok=200, at=after(seconds=21)))
    older = look(newer, 22, sample(NEW, ok=100, at=after(seconds=11)))
    assert older == newer
    assert result_of(look(older, 31, sample(NEW, ok=300, at=after(seconds=31)))).samples == 300


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_was_set_neither_loses_evidence_nor_counts_it_twice(hours: int) -> None:
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)))
    before = look(begun, 11, sample(NEW, ok=100, at=after(seconds=11)))
    step = timedelta(hours=hours)
    first = Reading(now=after(seconds=11), elapsed=timedelta(seconds=11), watched=timedelta(seconds=11))
    second = Reading(
        now=after(seconds=21) + step, elapsed=timedelta(seconds=21), watched=timedelta(seconds=21)
    )
    moved = carried(before, second, Look(state=before, reading=first), delay=timedelta(seconds=30))
    later = sample(NEW, ok=150, at=after(seconds=21) + step)
    seconds = int((second.now - NOW).total_seconds())
    assert result_of(look(moved, seconds, later)).samples == 150


def test_checks_that_are_removed_hold_no_later_step() -> None:
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)))
    waiting = look(begun, 200, sample(NEW, ok=2, at=after(seconds=199)))
    skipped = replace(
        waiting, rollout=replace(rollout_of(waiting), step=2, weight=50, step_started_at=after(seconds=201))
    )
    later = look(skipped, 220, weight=50, checks=())
    assert (rollout_of(later).evidence, rollout_of(later).checks) == ("", ())
    at_end = rollout_of(look(later, 502, weight=50, checks=()))
    assert at_end.waiting_for is WaitingFor.READINESS, "of the pods of the step, not of evidence"


def test_evidence_that_would_not_fit_into_the_status_is_reported_and_decides_nothing() -> None:
    uids = (str(uuid.uuid5(uuid.NAMESPACE_DNS, str(number))) for number in range(4000))
    pods = [replace(sample(NEW, ok=9, at=after(seconds=11)), pod=uid) for uid in uids]
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)))
    state = look(begun, 11, *pods)
    assert (result_of(state).verdict, rollout_of(state).phase) == (Verdict.ERROR, Phase.SHIFTING)
    assert len(rollout_of(state).evidence) <= 65_536


def test_a_second_look_at_the_same_samples_changes_nothing() -> None:
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)))
    once = look(begun, 11, sample(NEW, ok=77, model_error=1, at=after(seconds=11)))
    assert look(once, 12, sample(NEW, ok=77, model_error=1, at=after(seconds=11))) == once


def test_changed_checks_take_effect_with_the_next_step() -> None:
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)))
    stricter = (check(limit=0.0001),)
    later = look(begun, 11, sample(NEW, ok=990, model_error=10, at=after(seconds=11)), checks=stricter)
    assert result_of(later).threshold == pytest.approx(0.01)


def test_a_failing_check_rolls_back_a_paused_canary() -> None:
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)))
    paused = look(begun, 2, sample(NEW, at=after(seconds=1)), paused=True)
    assert rollout_of(paused).phase is Phase.PAUSED
    failed = look(paused, 12, sample(NEW, model_error=50, at=after(seconds=11)), paused=True)
    assert rollout_of(failed).reason == Reason.CHECK_FAILED


def test_the_evidence_survives_in_the_status_bit_by_bit() -> None:
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)))
    state = look(begun, 11, sample(NEW, ok=123, model_error=1, at=after(seconds=11)))
    memory = memory_text.decode(rollout_of(state).evidence)
    assert memory is not None
    assert memory_text.encode(memory) == rollout_of(state).evidence


@pytest.mark.parametrize("text", ["", "v2:abc", "v1:", "v1:%%%", "v1:eJwDAAAAAAE=", "v1:" + "A" * 400])
def test_evidence_that_cannot_be_read_is_collected_anew(text: str) -> None:
    before = shifting(evidence=text)
    state = look(before, 11, sample(NEW, ok=50, at=after(seconds=11)))
    assert result_of(state).samples == 50


def test_a_rollout_that_ends_keeps_its_verdicts_and_drops_its_evidence() -> None:
    begun = look(shifting(), 1, sample(NEW, at=after(seconds=1)))
    failed = look(begun, 11, sample(NEW, model_error=50, at=after(seconds=11)))
    ended = look(failed, 60, weight=0)
    assert rollout_of(ended).evidence == ""
    assert result_of(ended).verdict is Verdict.FAIL
