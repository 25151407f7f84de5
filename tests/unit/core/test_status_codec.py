"""The stored state: every state survives the status, which alone truncates texts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.api import base, phases, reasons, tracks
from seatrial.api import status as api
from seatrial.core.state import Build, Failure, HistoryEntry, ModelRevision, Rejection, Rollout, RolloutState
from seatrial.core.status_codec import encode, state_of
from tests.builders import NEW, after, rollout, state
from tests.unit.core.rollouts import rolling_back

texts = st.text(max_size=40)
names = st.text("abc", min_size=1, max_size=10)
revisions = st.text("0123456789abcdef", min_size=10, max_size=10)
counts = st.integers(0, 100_000)
maybe_counts = st.none() | counts
times = st.integers(0, 10**8).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
maybe_times = st.none() | times
known_reasons = st.sampled_from(["", *(str(reason) for reason in reasons.Reason)])


def one_of(*options: object) -> st.SearchStrategy[object]:
    """Return a strategy for None and each of the options."""
    return st.sampled_from([None, *options])


failures = st.builds(
    Failure,
    reason=names,
    message=texts,
    pod=texts,
    exit_code=st.none() | st.integers(0, 255),
    restarts=counts,
)
model_revisions = st.builds(
    ModelRevision,
    revision=revisions,
    image=texts,
    model_digest=texts,
    format=texts,
    build_id=texts,
    since=maybe_times,
    failure=st.none() | failures,
)
rollouts = st.builds(
    Rollout,
    revision=revisions,
    phase=st.sampled_from(phases.RolloutPhase),
    step=counts,
    steps=counts,
    step_started_at=maybe_times,
    paused_seconds=maybe_counts,
    started_at=maybe_times,
    attempt=counts,
    weight=st.integers(0, 100),
    users_since=maybe_times,
    exits_before=st.dictionaries(names, counts, max_size=3),
    waiting_for=one_of(*phases.WaitingFor),
    paused_at=maybe_times,
    paused_by=one_of(*phases.PausedBy),
    progressed_at=maybe_times,
    high_water=counts,
    fast_track=st.booleans(),
    reason=known_reasons,
    message=texts,
    decided_by=texts,
    decisions=st.lists(names, max_size=20).map(tuple),
)
builds = st.builds(
    Build,
    id=names,
    phase=st.sampled_from(phases.BuildPhase),
    job=texts,
    attempt=counts,
    lost=maybe_counts,
    image=texts,
    model_digest=texts,
    format=texts,
    runtime=texts,
    inputs=texts,
    source=st.dictionaries(names, names, max_size=3),
    reason=known_reasons,
    message=texts,
    log_tail=texts,
    started_at=maybe_times,
    finished_at=maybe_times,
    seconds=st.dictionaries(names, st.floats(0, 1e6), max_size=3),
)
rejections = st.builds(
    Rejection,
    revision=revisions,
    reason=texts,
    message=texts,
    at=maybe_times,
    attempt=counts,
    decided_by=texts,
)
entries = st.builds(
    HistoryEntry,
    revision=revisions,
    outcome=st.sampled_from(phases.Outcome),
    image=texts,
    reason=texts,
    message=texts,
    started_at=maybe_times,
    finished_at=maybe_times,
    decided_by=texts,
)
states = st.builds(
    RolloutState,
    stable=st.none() | model_revisions.map(lambda stable: replace(stable, failure=None)),
    canary=st.none() | model_revisions,
    rollout=st.none() | rollouts,
    build=st.none() | builds,
    rejected=st.lists(rejections, max_size=3).map(tuple),
    history=st.lists(entries, max_size=3).map(tuple),
)


def track_of(model: type[tracks.TrackStatus], revision: ModelRevision) -> tracks.TrackStatus:
    """Return the part of the status that a revision becomes."""
    failure = None if revision.failure is None else encode(tracks.Failure, revision.failure)
    return encode(model, revision, failure=failure)


def status_of(state: RolloutState) -> api.Status:
    """Return the status that holds a state, without what is only reported."""
    return api.Status.model_validate(
        {
            "stable": state.stable and track_of(tracks.TrackStatus, state.stable),
            "canary": state.canary and track_of(tracks.CanaryStatus, state.canary),
            "rollout": state.rollout and encode(api.RolloutStatus, state.rollout),
            "build": state.build and encode(api.BuildStatus, state.build),
            "rejected": tuple(encode(api.Rejected, entry) for entry in state.rejected),
            "history": tuple(encode(api.HistoryEntry, entry) for entry in state.history),
        }
    )


@settings(max_examples=100, deadline=None)
@given(state=states)
def test_a_state_is_the_same_after_it_was_stored_and_read(state: RolloutState) -> None:
    stored = status_of(state).to_dict()
    assert state_of(api.parse_status(stored)) == state


@pytest.mark.parametrize(
    ("value", "model"),
    [
        (Failure, tracks.Failure),
        (ModelRevision, tracks.CanaryStatus),
        (Rollout, api.RolloutStatus),
        (Build, api.BuildStatus),
        (Rejection, api.Rejected),
        (HistoryEntry, api.HistoryEntry),
    ],
)
def test_every_field_of_the_state_is_a_field_of_the_status(
    value: type, model: type[base.StatusModel]
) -> None:
    assert set(value.__dataclass_fields__) <= set(model.model_fields)  # type: ignore[attr-defined]


def test_a_state_keeps_long_texts_and_the_status_truncates_them() -> None:
    long = "x" * 5000
    before = rolling_back(message=long)
    assert before.rollout is not None
    assert before.rollout.message == long
    stored = state_of(status_of(before)).rollout
    assert stored is not None
    assert (len(stored.message), stored.message[-1]) == (1024, "…")


def test_the_end_of_a_long_log_is_stored() -> None:
    build = Build(id="b1", phase=phases.BuildPhase.FAILED, log_tail="x" * 5000 + "the cause")
    stored = state_of(status_of(RolloutState(build=build))).build
    assert stored is not None
    assert len(stored.log_tail) == 4096
    assert stored.log_tail.endswith("the cause")


def test_only_the_newest_accepted_decisions_are_stored() -> None:
    decisions = tuple(f"d-{number}" for number in range(100))
    stored = state_of(status_of(state(rollout(phases.RolloutPhase.STABLE, decisions=decisions)))).rollout
    assert stored is not None
    assert stored.decisions == decisions[-64:]


def test_the_diagnosis_of_stable_is_reported_and_is_no_part_of_the_state() -> None:
    failing = ModelRevision(revision=NEW, since=after(), failure=Failure(reason="CrashLoop"))
    stored = state_of(status_of(RolloutState(stable=failing)))
    assert stored.stable == replace(failing, failure=None)
