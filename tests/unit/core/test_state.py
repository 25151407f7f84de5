"""What a rollout leaves behind, and what it may not do."""

from __future__ import annotations

import pytest

from seatrial.api import phases, reasons
from seatrial.core import rollout, transitions
from seatrial.core.state import HistoryEntry, Rejection, RolloutState
from seatrial.core.transitions import Phase
from tests.builders import NEW, NEWER, OLD, after, revision, seen, shifting, state
from tests.builders import rollout as staged
from tests.unit.core.rollouts import NONE, going_back, promoting

Reason = reasons.Reason


def test_a_promoted_revision_is_stable_and_in_history() -> None:
    then = rollout.advance(promoting(), seen().stable().canary(ready=3).at(after(minutes=9)))
    assert then.stable is not None
    assert (then.stable.revision, then.stable.since, then.canary) == (NEW, after(minutes=9), None)
    assert [(h.revision, h.outcome) for h in then.history] == [(NEW, phases.Outcome.PROMOTED)]


def test_a_rejection_remembers_why() -> None:
    then = rollout.advance(going_back(), seen().stable().at(after(minutes=1)))
    entry = then.rejection_of(NEW)
    assert entry is not None
    assert (entry.reason, entry.message, entry.at) == (Reason.CRASH_LOOP, "it crashes", after(minutes=1))


def test_zero_replicas_are_promoted_at_once_and_history_says_that_checks_were_skipped() -> None:
    then = rollout.advance(state(), seen().stable(ready=0).planned(replica_plan=NONE).at())
    assert then.stable is not None
    assert then.stable.revision == NEW
    assert "checks were skipped" in then.history[0].message


def test_asking_for_stable_again_forgets_the_canary_that_was_rejected() -> None:
    failed = state(staged(Phase.REJECTED))
    assert rollout.advance(failed, seen().stable().at(revision=OLD)).canary is None


def test_a_return_to_a_revision_of_history_takes_no_steps() -> None:
    entry = HistoryEntry(revision=NEW, outcome=phases.Outcome.PROMOTED)
    then = rollout.advance(state(history=(entry,)), seen().stable().canary().at())
    assert then.rollout is not None
    assert (then.rollout.steps, then.rollout.fast_track, then.rollout.phase) == (0, True, Phase.STARTING)


def test_the_way_back_that_a_person_chose_is_not_called_off_by_the_rejected_spec() -> None:
    rejected = (Rejection(revision=OLD, reason=Reason.ROLLED_BACK),)
    on_its_way = state(staged(Phase.STARTING, steps=0, fast_track=True), rejected=rejected)
    then = rollout.advance(on_its_way, seen().stable().canary(ready=1).at(revision=OLD))
    assert then.rollout is not None
    assert then.rollout.phase is Phase.STARTING


def test_a_canary_is_called_off_when_the_spec_asks_for_a_rejected_revision() -> None:
    rejected = (Rejection(revision=NEWER, reason=Reason.CRASH_LOOP),)
    under_users = RolloutState(
        stable=revision(OLD), canary=revision(NEW), rollout=shifting().rollout, rejected=rejected
    )
    then = rollout.advance(under_users, seen().stable().canary().at(after(seconds=1), revision=NEWER))
    assert then.rollout is not None
    assert (then.rollout.phase, then.rollout.reason) == (Phase.ROLLING_BACK, Reason.SUPERSEDED)


def test_a_move_outside_the_table_is_refused() -> None:
    with pytest.raises(transitions.IllegalTransition, match="Stable → Promoting"):
        transitions.transition(staged(Phase.STABLE), Phase.PROMOTING)
