"""Whatever a person or a backup has written into a status, a pass decides something and reports it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.api import phases, reasons
from seatrial.api import status as api
from seatrial.children import chains_for
from seatrial.core.decide import decide
from seatrial.core.snapshot import Snapshot
from seatrial.core.state import Build, HistoryEntry, ModelRevision, Rejection, Rollout, RolloutState
from seatrial.core.status_codec import state_of
from seatrial.core.target import Target
from seatrial.reporting import events, schedule, status
from tests.builders import NEW, NEWER, NOW, OLD, Seen, after, revision, seen, shifting, target
from tests.unit.core.generated import BUILD_ID, maybe_times, snapshots_with_decisions, targets
from tests.unit.core.rollouts import promoting

known = st.sampled_from([OLD, NEW, NEWER])
some_reasons = st.sampled_from(["", *reasons.Reason])
model_revisions = st.none() | st.builds(ModelRevision, revision=known, image=st.sampled_from(["", "r/i:1"]))
rollouts = st.none() | st.builds(
    Rollout,
    revision=known,
    phase=st.sampled_from(phases.RolloutPhase),
    step=st.integers(0, 4),
    steps=st.integers(0, 4),
    step_started_at=maybe_times,
    paused_seconds=st.none() | st.integers(0, 1000),
    started_at=maybe_times,
    attempt=st.integers(0, 2),
    weight=st.sampled_from([0, 1, 20, 99, 100]),
    users_since=maybe_times,
    exits_before=st.dictionaries(st.sampled_from(["p", "q"]), st.integers(0, 3)),
    waiting_for=st.none() | st.sampled_from(phases.WaitingFor),
    paused_at=maybe_times,
    paused_by=st.none() | st.sampled_from(phases.PausedBy),
    progressed_at=maybe_times,
    high_water=st.integers(0, 3),
    fast_track=st.booleans(),
    reason=some_reasons,
)
builds = st.none() | st.builds(
    Build,
    id=st.sampled_from(["", BUILD_ID, "another"]),
    phase=st.sampled_from(phases.BuildPhase),
    attempt=st.integers(0, 3),
    reason=some_reasons,
    runtime=st.sampled_from(["", "sklearn"]),
    started_at=maybe_times,
    finished_at=maybe_times,
)
states = st.builds(
    RolloutState,
    stable=model_revisions,
    canary=model_revisions,
    rollout=rollouts,
    build=builds,
    rejected=st.lists(st.builds(Rejection, revision=known, reason=some_reasons), max_size=2).map(tuple),
    history=st.lists(
        st.builds(
            HistoryEntry, revision=known, outcome=st.sampled_from(phases.Outcome), finished_at=maybe_times
        ),
        max_size=3,
    ).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(stored=states, target=targets(), snapshot=snapshots_with_decisions())
def test_a_pass_on_any_status_decides_and_reports(
    stored: RolloutState, target: Target, snapshot: Snapshot
) -> None:
    decision = decide(stored, target, snapshot, NOW)
    reported = status.status(decision, api.Status())
    chains_for(decision)
    events.events_of(decision, api.Status())
    schedule.wake_at(decision)
    decide(state_of(reported), target, snapshot, NOW)


def _decided(stored: RolloutState, seen_now: Seen, **changes: Any) -> RolloutState:
    return decide(stored, target(**changes), seen_now.at().snapshot, after(minutes=30)).state


@pytest.mark.parametrize("canary", [None, NEWER], ids=["no canary", "another canary"])
def test_a_rollout_whose_canary_was_edited_away_continues_with_its_own_revision(canary: str | None) -> None:
    stored = replace(promoting(), canary=canary and revision(canary))
    after_pass = _decided(stored, seen().stable(ready=3).canary(ready=3).sharing(50))
    assert after_pass.stable is not None
    assert after_pass.stable.revision == NEW


def test_a_rollout_whose_canary_and_image_are_gone_begins_anew() -> None:
    stored = replace(promoting(), canary=None)
    here = seen().stable(ready=3).canary(ready=3).sharing(50).having(images={})
    after_pass = _decided(stored, here, image="", build_id="")
    assert after_pass.rollout is not None
    assert (after_pass.rollout.phase, after_pass.rollout.weight) == (phases.RolloutPhase.BUILDING, 0)


def test_a_step_that_was_edited_to_0_does_not_jump_to_the_last_weight() -> None:
    stored = shifting(step=0, weight=0)
    after_pass = _decided(stored, seen().stable(ready=3).canary(ready=3))
    assert after_pass.rollout is not None
    assert (after_pass.rollout.step, after_pass.rollout.weight) == (1, 20)
