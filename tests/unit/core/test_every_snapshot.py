"""Every phase under every fact: no decision leaves the table, goes in a circle, or sends users where nobody answers."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.api import phases, reasons
from seatrial.api import status as api
from seatrial.core import rollout, transitions
from seatrial.core.snapshot import AbnormalExit, BuildResult, Diagnosis, ReplicaPlan, Snapshot, Track
from seatrial.core.state import RolloutState
from seatrial.core.transitions import NEXT, Phase
from tests.builders import NEW, NEWER, NOW, OLD, image, track, wish
from tests.builders import rollout as staged

times = st.integers(-1000, 1000).map(lambda seconds: NOW + timedelta(seconds=seconds))
maybe = st.none() | times
words = st.sampled_from(list(reasons.TERMINAL | reasons.TRANSIENT))


@st.composite
def memories(draw: st.DrawFn) -> RolloutState:
    phase = draw(st.sampled_from(list(Phase)))
    users = draw(maybe) if phase not in {Phase.BUILDING, Phase.STARTING} else None
    stable = draw(st.sampled_from([None, OLD]))
    rolled = staged(
        phase,
        step=draw(st.integers(1, 2)),
        steps=draw(st.sampled_from([0, 2])),
        weight=draw(st.sampled_from([0, 20, 50, 100])) if users and stable else 0,
        users_since=users,
        step_started_at=draw(maybe),
        progressed_at=draw(maybe),
        paused_at=draw(maybe),
        paused_by=draw(st.sampled_from([None, *phases.PausedBy])),
        fast_track=draw(st.booleans()),
        reason=draw(st.sampled_from(["", reasons.Reason.SUPERSEDED, reasons.Reason.CRASH_LOOP])),
    )
    rejected = draw(st.sampled_from([(), (api.Rejected(revision=NEW),), (api.Rejected(revision=NEWER),)]))
    return RolloutState(
        stable=None if stable is None else track(stable),
        canary=None if phase in {Phase.BUILDING, Phase.STABLE} else track(NEW),
        rollout=rolled,
        rejected=rejected,
    )


@st.composite
def tracks(draw: st.DrawFn, revision: str) -> Track:
    pods = draw(st.integers(0, 4))
    ready = draw(st.integers(0, pods))
    evicted = draw(st.sampled_from(["", "it used too much"]))
    ends = draw(st.lists(times, max_size=2))
    exits = [AbnormalExit(at=at, pod="p", code=1, restarts=1, eviction=evicted) for at in ends]
    trouble = draw(st.none() | words.map(lambda reason: Diagnosis(reason=reason, message="why")))
    return Track(
        revision=revision,
        exists=pods > 0,
        wanted=pods,
        pods=pods,
        ready=ready,
        available=ready,
        exits=tuple(exits),
        trouble=trouble,
    )


@st.composite
def situations(draw: st.DrawFn) -> Snapshot:
    now: datetime = draw(times)
    full = draw(st.integers(0, 4))
    built = st.sampled_from(
        [
            BuildResult(),
            BuildResult(image=image(NEW)),
            BuildResult(reason="BuildFailed", terminal=True),
            BuildResult(reason="SourceNotFound"),
        ]
    )
    wanted = wish(
        draw(st.sampled_from([NEW, OLD, NEWER])),
        paused=draw(st.booleans()),
        recreate=draw(st.booleans()),
        image=draw(st.sampled_from(["", "given"])),
        hold_when_too_few=draw(st.booleans()),
        max_restarts=draw(st.integers(0, 1)),
    )
    return Snapshot(
        wish=wanted,
        counts=ReplicaPlan(at_step=(min(full, 1), full), full=full, too_few=(draw(st.booleans()), False)),
        now=now,
        tracks={revision: draw(tracks(revision)) for revision in (OLD, NEW, NEWER)},
        narrow=draw(st.booleans()),
        build=draw(built),
    )


@settings(max_examples=600, deadline=None)
@given(before=memories(), snapshot=situations())
def test_no_decision_leaves_the_table_or_goes_in_a_circle(before: RolloutState, snapshot: Snapshot) -> None:
    once = rollout.advance(before, snapshot)
    assert rollout.advance(once, snapshot) == once


@settings(max_examples=600, deadline=None)
@given(before=memories(), snapshot=situations())
def test_no_canary_without_pods_has_users_once_it_was_decided_about(
    before: RolloutState, snapshot: Snapshot
) -> None:
    then = rollout.advance(before, snapshot)
    with_users = then.rollout is not None and then.rollout.phase in {
        Phase.SHIFTING,
        Phase.PAUSED,
        Phase.PROMOTING,
        Phase.ROLLING_BACK,
    }
    if with_users and then.rollout is not None and then.rollout.weight:
        assert snapshot.canary(then).available > 0


@settings(max_examples=300, deadline=None)
@given(before=memories(), snapshot=situations())
def test_stable_changes_only_by_a_promotion_that_history_knows(
    before: RolloutState, snapshot: Snapshot
) -> None:
    then = rollout.advance(before, snapshot)
    if then.stable != before.stable:
        assert then.history[0].outcome is phases.Outcome.PROMOTED
        assert then.stable is not None
        assert then.history[0].revision == then.stable.revision


def test_every_phase_has_its_row_and_every_row_leads_somewhere() -> None:
    assert set(NEXT) == set(Phase)
    assert all(NEXT.values())
    assert all(phase in transitions.AT_REST or Phase.ROLLING_BACK in NEXT[phase] | {phase} for phase in Phase)
