"""Every phase under every snapshot: no decision leaves the table, goes in a circle, or routes traffic to no pod."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.api import phases, reasons
from seatrial.core import rollout
from seatrial.core.inputs import BuildResult, Inputs, ReplicaPlan
from seatrial.core.snapshot import AbnormalExit, Diagnosis, Snapshot, Track
from seatrial.core.state import Rejection, RolloutState
from seatrial.core.traffic import Split
from seatrial.core.transitions import TABLE, Phase
from tests.builders import NEW, NEWER, NOW, OLD, image, revision, target
from tests.builders import rollout as rollout_in

times = st.integers(-1000, 1000).map(lambda seconds: NOW + timedelta(seconds=seconds))
maybe = st.none() | times
terminal_or_transient = st.sampled_from(list(reasons.TERMINAL | reasons.TRANSIENT))


@st.composite
def states(draw: st.DrawFn) -> RolloutState:
    phase = draw(st.sampled_from(list(Phase)))
    users = draw(maybe) if phase not in {Phase.BUILDING, Phase.STARTING} else None
    stable = draw(st.sampled_from([None, OLD]))
    current = rollout_in(
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
    rejected = draw(st.sampled_from([(), (Rejection(revision=NEW),), (Rejection(revision=NEWER),)]))
    return RolloutState(
        stable=None if stable is None else revision(stable),
        canary=None if phase in {Phase.BUILDING, Phase.STABLE} else revision(NEW),
        rollout=current,
        rejected=rejected,
    )


@st.composite
def tracks(draw: st.DrawFn, name: str) -> Track:
    pods = draw(st.integers(0, 4))
    ready = draw(st.integers(0, pods))
    eviction = draw(st.sampled_from(["", "it used too much"]))
    ends = draw(st.lists(times, max_size=2))
    exits = [AbnormalExit(at=at, pod="p", code=1, restarts=1, eviction=eviction) for at in ends]
    diagnosis = draw(st.none() | terminal_or_transient.map(lambda r: Diagnosis(reason=r, message="why")))
    return Track(
        revision=name,
        exists=pods > 0,
        wanted=pods,
        pods=pods,
        ready=ready,
        available=ready,
        exits=tuple(exits),
        diagnosis=diagnosis,
    )


splits = st.none() | st.sampled_from([Split(stable=OLD), Split(stable=OLD, canary=NEW, weight=20)])
builds = st.sampled_from(
    [
        BuildResult(),
        BuildResult(image=image(NEW)),
        BuildResult(reason="BuildFailed", terminal=True),
        BuildResult(reason="SourceNotFound"),
    ]
)


@st.composite
def inputs(draw: st.DrawFn) -> Inputs:
    now: datetime = draw(times)
    full = draw(st.integers(0, 4))
    return Inputs(
        target=target(
            draw(st.sampled_from([NEW, OLD, NEWER])),
            paused=draw(st.booleans()),
            recreate=draw(st.booleans()),
            image=draw(st.sampled_from(["", "given"])),
            max_restarts=draw(st.integers(0, 1)),
        ),
        snapshot=Snapshot(
            tracks={name: draw(tracks(name)) for name in (OLD, NEW, NEWER)},
            split=draw(splits),
        ),
        now=now,
        replica_plan=ReplicaPlan(at_step=(min(full, 1), full), full=full, waits=(draw(st.booleans()), False)),
        build=draw(builds),
    )


@settings(max_examples=600, deadline=None)
@given(before=states(), inputs=inputs())
def test_no_decision_leaves_the_table_or_goes_in_a_circle(before: RolloutState, inputs: Inputs) -> None:
    once = rollout.advance(before, inputs)
    assert rollout.advance(once, inputs) == once


@settings(max_examples=600, deadline=None)
@given(before=states(), inputs=inputs())
def test_no_canary_without_available_pods_receives_traffic(before: RolloutState, inputs: Inputs) -> None:
    then = rollout.advance(before, inputs)
    if then.rollout is not None and TABLE[then.rollout.phase].may_receive_traffic and then.rollout.weight:
        assert inputs.canary(then).available > 0


@settings(max_examples=300, deadline=None)
@given(before=states(), inputs=inputs())
def test_stable_changes_only_by_a_promotion_that_history_records(
    before: RolloutState, inputs: Inputs
) -> None:
    then = rollout.advance(before, inputs)
    stable_before = "" if before.stable is None else before.stable.revision
    if then.stable is not None and then.stable.revision != stable_before:
        assert then.history[0].outcome is phases.Outcome.PROMOTED
        assert then.history[0].revision == then.stable.revision
    assert then.stable is not None or before.stable is None
