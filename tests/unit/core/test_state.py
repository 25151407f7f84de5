"""What a rollout leaves behind in the state."""

from __future__ import annotations

from seatrial.api import phases, reasons
from seatrial.core.rollout import advance
from seatrial.core.state import HistoryEntry, Rejection, RolloutState
from seatrial.core.transitions import Phase
from tests.builders import NEW, NEWER, OLD, after, revision, rollout, seen, shifting, state
from tests.unit.core.rollouts import ZERO_REPLICAS, promoting, rolling_back

Reason = reasons.Reason


def test_a_promoted_revision_is_stable_and_in_history() -> None:
    promoted = advance(promoting(), seen().stable().canary(ready=3).at(after(minutes=9)))
    assert promoted.stable is not None
    assert (promoted.stable.revision, promoted.stable.since) == (NEW, after(minutes=9))
    assert promoted.canary is None
    assert [(h.revision, h.outcome) for h in promoted.history] == [(NEW, phases.Outcome.PROMOTED)]


def test_a_rejection_records_reason_message_and_time() -> None:
    rejected = advance(rolling_back(), seen().stable().at(after(minutes=1)))
    rejection = rejected.rejection_of(NEW)
    assert rejection is not None
    assert (rejection.reason, rejection.message) == (Reason.CRASH_LOOP, "it crashes")
    assert rejection.at == after(minutes=1)


def test_zero_replicas_are_promoted_at_once_and_history_says_that_there_were_no_checks() -> None:
    promoted = advance(state(), seen().stable(ready=0).planned(replica_plan=ZERO_REPLICAS).at())
    assert promoted.stable is not None
    assert promoted.stable.revision == NEW
    assert "checks" in promoted.history[0].message


def test_a_spec_that_asks_for_stable_again_removes_the_rejected_canary() -> None:
    rejected = state(rollout(Phase.REJECTED))
    assert advance(rejected, seen().stable().at(revision=OLD)).canary is None


def test_a_return_to_a_revision_of_history_takes_no_steps() -> None:
    entry = HistoryEntry(revision=NEW, outcome=phases.Outcome.PROMOTED)
    returning = advance(state(history=(entry,)), seen().stable().canary().at()).rollout
    assert returning is not None
    assert (returning.steps, returning.fast_track, returning.phase) == (0, True, Phase.STARTING)


def test_a_rollback_that_a_person_chose_continues_while_the_spec_asks_for_the_rejected_revision() -> None:
    rejected = (Rejection(revision=OLD, reason=Reason.ROLLED_BACK),)
    chosen = state(rollout(Phase.STARTING, steps=0, fast_track=True), rejected=rejected)
    continued = advance(chosen, seen().stable().canary(ready=1).at(revision=OLD)).rollout
    assert continued is not None
    assert continued.phase is Phase.STARTING


def test_a_canary_is_superseded_when_the_spec_asks_for_a_rejected_revision() -> None:
    rejected = (Rejection(revision=NEWER, reason=Reason.CRASH_LOOP),)
    under_traffic = RolloutState(
        stable=revision(OLD), canary=revision(NEW), rollout=shifting().rollout, rejected=rejected
    )
    asked_for_newer = seen().stable().canary().at(after(seconds=1), revision=NEWER)
    superseded = advance(under_traffic, asked_for_newer).rollout
    assert superseded is not None
    assert (superseded.phase, superseded.reason) == (Phase.ROLLING_BACK, Reason.SUPERSEDED)
