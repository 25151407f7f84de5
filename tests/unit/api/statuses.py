"""A status with every part."""

from datetime import UTC, datetime

from seatrial.api import phases
from seatrial.api.conditions import Condition, ConditionStatus, ConditionType
from seatrial.api.reasons import Reason
from seatrial.api.status import (
    BuildStatus,
    CanaryStatus,
    Failure,
    HistoryEntry,
    Rejected,
    RolloutStatus,
    Status,
    Summary,
    TrackStatus,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

FULL = Status(
    observed_generation=7,
    phase=phases.DisplayPhase.CANARY,
    message="canary 9f3c2a71d0 has 25 %",
    summary=Summary(step="2/3", weight=25, verdict="–", ready="5/5"),
    next_transition_time=NOON,
    url="http://churn.shop.svc",
    stable=TrackStatus(
        revision="41b07c55ee", image="r/churn@sha256:1", build_id="b", replicas=4, weight=75, since=NOON
    ),
    canary=CanaryStatus(
        revision="9f3c2a71d0",
        weight=25,
        actual_weight=20,
        failure=Failure(reason=Reason.CRASH_LOOP, message="m", pod="p", exit_code=1, restarts=3),
    ),
    rollout=RolloutStatus(
        revision="9f3c2a71d0",
        target_revision="9f3c2a71d0",
        phase=phases.RolloutPhase.SHIFTING,
        step=2,
        steps=3,
        step_started_at=NOON,
        weight=25,
        users_since=NOON,
        waiting_for=phases.WaitingFor.CAPACITY,
        paused_by=phases.PausedBy.DECISION,
        high_water=2,
        decisions=("uid-1",),
    ),
    build=BuildStatus(
        id="0123456789",
        phase=phases.BuildPhase.SUCCEEDED,
        source={"etag": "x"},
        seconds={"fetch": 0.5},
        started_at=NOON,
    ),
    rejected=(Rejected(revision="aaaaaaaaaa", reason=Reason.ABORTED, at=NOON, decided_by="jo"),),
    history=(HistoryEntry(revision="41b07c55ee", outcome=phases.Outcome.PROMOTED, finished_at=NOON),),
    replicas=5,
    ready_replicas=5,
    selector="seatrial.dev/server=churn",
    conditions=(Condition(type=ConditionType.READY, status=ConditionStatus.FALSE, reason="Shifting"),),
)
