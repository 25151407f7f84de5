"""Hypothesis strategies for states, targets and snapshots, also for those that a cluster shows rarely."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st

from model_runtime import contract
from seatrial.api import phases, reasons
from seatrial.api.rollout_decision import Action
from seatrial.api.scaling import Scaling
from seatrial.core.inputs import BuildResult, Inputs, ReplicaPlan
from seatrial.core.references import Reference, ReferenceKind
from seatrial.core.snapshot import (
    AbnormalExit,
    ApplyError,
    BuildJob,
    Diagnosis,
    Snapshot,
    Track,
    UserDecision,
)
from seatrial.core.state import Build, HistoryEntry, Rejection, RolloutState
from seatrial.core.target import BuildTarget, Target, Workload
from seatrial.core.traffic import Split
from seatrial.core.transitions import Phase
from tests.builders import NEW, NEWER, NOW, OLD, image, revision, rollout, target

BUILD_ID = "build00001"

runtimes = st.sampled_from(["sklearn", "onnx"])
times = st.integers(-1000, 1000).map(lambda seconds: NOW + timedelta(seconds=seconds))
maybe_times = st.none() | times
diagnosed_reasons = st.sampled_from(list(reasons.TERMINAL | reasons.TRANSIENT))
stored_builds = st.none() | st.builds(
    Build,
    id=st.sampled_from([BUILD_ID, "another"]),
    phase=st.sampled_from(phases.BuildPhase),
    attempt=st.integers(1, 2),
    runtime=runtimes,
    reason=st.sampled_from([reasons.Reason.MODEL_LOAD_FAILED, reasons.Reason.SOURCE_NOT_FOUND]),
    image=st.just("r.shop/models@sha256:1"),
    started_at=maybe_times,
    finished_at=maybe_times,
)
promoted = st.sampled_from(
    [
        (),
        (HistoryEntry(revision=NEWER, outcome=phases.Outcome.PROMOTED),),
        (HistoryEntry(revision=NEW, outcome=phases.Outcome.PROMOTED),),
    ]
)


@st.composite
def states(draw: st.DrawFn) -> RolloutState:
    """Return a state in any phase."""
    phase = draw(st.sampled_from(list(Phase)))
    users = draw(maybe_times) if phase not in {Phase.BUILDING, Phase.STARTING} else None
    stable = draw(st.sampled_from([None, OLD]))
    current = rollout(
        phase,
        step=draw(st.integers(1, 2)),
        steps=draw(st.sampled_from([0, 2])),
        weight=draw(st.sampled_from([0, 20, 50, 100])) if users and stable else 0,
        users_since=users,
        step_started_at=draw(maybe_times),
        progressed_at=draw(maybe_times),
        paused_at=draw(maybe_times),
        paused_by=draw(st.sampled_from([None, *phases.PausedBy])),
        fast_track=draw(st.booleans()),
        reason=draw(st.sampled_from(["", reasons.Reason.SUPERSEDED, reasons.Reason.CRASH_LOOP])),
    )
    rejected = draw(st.sampled_from([(), (Rejection(revision=NEW),), (Rejection(revision=NEWER),)]))
    return RolloutState(
        stable=None if stable is None else revision(stable),
        canary=None if phase in {Phase.BUILDING, Phase.STABLE} else revision(NEW),
        rollout=current,
        build=draw(stored_builds),
        rejected=rejected,
        history=draw(promoted),
    )


@st.composite
def tracks(draw: st.DrawFn, name: str) -> Track:
    """Return the track of a revision."""
    pods = draw(st.integers(0, 4))
    ready = draw(st.integers(0, pods))
    eviction = draw(st.sampled_from(["", "it used too much"]))
    exit_times = draw(st.lists(times, max_size=2))
    exits = [AbnormalExit(at=at, pod="p", code=1, restarts=1, eviction=eviction) for at in exit_times]
    diagnosis = draw(st.none() | diagnosed_reasons.map(lambda r: Diagnosis(reason=r, message="why")))
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
build_results = st.sampled_from(
    [
        BuildResult(),
        BuildResult(image=image(NEW)),
        BuildResult(reason="BuildFailed", terminal=True),
        BuildResult(reason="SourceNotFound"),
    ]
)


@st.composite
def targets(draw: st.DrawFn) -> Target:
    """Return a target: an image that the spec names, or one that is to be built."""
    image_is_named = draw(st.booleans())
    build = BuildTarget(build_id=BUILD_ID, runtime=draw(runtimes), runtimes={"sklearn": "r/sklearn:1"})
    return target(
        draw(st.sampled_from([NEW, OLD, NEWER])),
        paused=draw(st.booleans()),
        recreate=draw(st.booleans()),
        image="named" if image_is_named else "",
        build_id="" if image_is_named else BUILD_ID,
        build=None if image_is_named else build,
        max_restarts=draw(st.integers(0, 1)),
        workload=Workload(scaling=Scaling(replicas=draw(st.integers(0, 4)))),
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Return a snapshot of three revisions, without builds and decisions of people."""
    return Snapshot(
        tracks={name: draw(tracks(name)) for name in (OLD, NEW, NEWER)},
        split=draw(splits),
        images=draw(st.sampled_from([{}, {NEWER: image(NEWER)}])),
        apply_errors=draw(st.sampled_from([(), (ApplyError(reason="QuotaExceeded", message="why"),)])),
    )


@st.composite
def snapshots_with_decisions(draw: st.DrawFn) -> Snapshot:
    """Return a snapshot of three revisions, of build Jobs and of decisions of people."""
    return replace(
        draw(snapshots()),
        jobs=draw(st.dictionaries(st.tuples(st.just(BUILD_ID), st.integers(1, 2)), build_jobs, max_size=2)),
        missing_for_build=draw(st.sampled_from([(), (Reference(ReferenceKind.SECRET, "s3"),)])),
        user_decisions=tuple(draw(st.lists(user_decisions(), max_size=2, unique_by=lambda d: d.uid))),
    )


@st.composite
def inputs(draw: st.DrawFn) -> Inputs:
    """Return what the rollout looks at."""
    full = draw(st.integers(0, 4))
    at_step = (min(full, 1), full)
    return Inputs(
        target=draw(targets()),
        snapshot=draw(snapshots()),
        now=draw(times),
        replica_plan=ReplicaPlan(at_step=at_step, full=full, waits=(draw(st.booleans()), False)),
        build=draw(build_results),
    )


@st.composite
def user_decisions(draw: st.DrawFn) -> UserDecision:
    """Return a decision of a person, also one that does not apply."""
    return UserDecision(
        uid=draw(st.sampled_from(["d-1", "d-2"])),
        name="d",
        action=draw(st.sampled_from(Action)),
        revision=draw(st.sampled_from([NEW, OLD, NEWER])),
        at=draw(times),
        decided_by="jo",
        step=draw(st.none() | st.integers(1, 2)),
        attempt=draw(st.none() | st.integers(1, 2)),
        to_revision=draw(st.sampled_from(["", OLD, NEWER])),
        trusted=draw(st.booleans()),
    )


reports = st.none() | st.builds(
    contract.BuildReport,
    reason=st.sampled_from(["", "ModelLoadFailed", "SourceNotFound", contract.RUNTIME_MISMATCH]),
    message=st.just("why"),
    image=st.sampled_from(["", "r.shop/models@sha256:1"]),
    wanted_runtime=st.sampled_from(["sklearn", "onnx"]),
)
build_jobs = st.builds(
    BuildJob,
    name=st.just("job"),
    running=st.booleans(),
    finished=st.booleans(),
    deleting=st.booleans(),
    report=reports,
    evicted=st.booleans(),
    waiting_reason=st.sampled_from(["", reasons.Reason.UNSCHEDULABLE]),
)
