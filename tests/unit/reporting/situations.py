"""The situations that messages are about, in the order of a rollout."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from seatrial.api import phases
from seatrial.api.reasons import Reason
from seatrial.api.scaling import Scaling
from seatrial.api.serving import Serving
from seatrial.core.decide import Decision
from seatrial.core.references import Reference, ReferenceKind
from seatrial.core.snapshot import ApplyError, AutoscalerCondition, Diagnosis
from seatrial.core.state import Build, CheckResult, HistoryEntry, Rejection, RolloutState
from seatrial.core.target import BuildTarget, Step, Target, Workload
from seatrial.core.traffic import Split
from seatrial.core.transitions import Phase
from seatrial.routers.replicas import ReplicaRouter
from tests.builders import NEW, NEWER, NOW, OLD, STEPS, Seen, after, revision, seen, shifting, state
from tests.builders import rollout as rollout_in
from tests.unit.reporting.decided import decided

CONFIG_MAP = Reference(ReferenceKind.CONFIG_MAP, "settings")
SECRET = Reference(ReferenceKind.SECRET, "s3-login")
UNWRITTEN = ApplyError(reason=Reason.API_UNAVAILABLE, message="Service churn could not be written: timeout")
CONFLICT = ApplyError(
    reason=Reason.NAME_CONFLICT,
    message="Service churn exists and belongs to another owner; delete it, or create the ModelDeployment under "
    "another name",
)
INVALID = ApplyError(reason=Reason.INVALID_SPEC, message="the spec is invalid: spec.model: is required")
CRASH = Diagnosis(
    reason=Reason.CRASH_LOOP, message="container keeps exiting with code 1", pod="churn-b", restarts=3
)
NO_NODE = Diagnosis(reason=Reason.UNSCHEDULABLE, message="0/3 nodes are available.", pod="churn-b")
SPEC_PAUSE: dict[str, Any] = {"paused_at": NOW, "paused_by": phases.PausedBy.SPEC}
PERSON_PAUSE: dict[str, Any] = {"paused_at": NOW, "paused_by": phases.PausedBy.DECISION}
TRAFFIC: dict[str, Any] = {"step": 1, "weight": 20, "users_since": NOW, "step_started_at": NOW}
CRASHED: dict[str, Any] = {"reason": Reason.CRASH_LOOP, "message": CRASH.message}
ABORTED: dict[str, Any] = {"reason": Reason.ABORTED, "message": "aborted by jo (wrong prices)"}
SUPERSEDED: dict[str, Any] = {"reason": Reason.SUPERSEDED, "message": f"the spec asks for revision {NEWER}"}
STABLE = rollout_in(Phase.STABLE, revision=OLD)
BESIDE = seen().stable().canary()
NO_NODE_BESIDE = seen().stable().canary(ready=0, pods=1, diagnosis=NO_NODE)


def first(phase: Phase, **changes: Any) -> RolloutState:
    """Return a state in which NEW is rolled out while nothing serves."""
    canary = None if phase is Phase.BUILDING else revision(NEW)
    return RolloutState(rollout=rollout_in(phase, steps=0, **changes), canary=canary)


def at(phase: Phase, **changes: Any) -> RolloutState:
    """Return a state in which NEW is in a phase of its rollout beside OLD."""
    return state(rollout_in(phase, **changes))


def resting(here: Seen | None = None, **changes: Any) -> Decision:
    """Return the decision while OLD serves and no rollout is in progress."""
    known = seen().stable() if here is None else here
    return decided(state(STABLE), known.at(revision=OLD), **changes)


def recovered() -> Decision:
    """Return the decision after the status was lost."""
    return decided(state(None), seen().stable().at(revision=OLD))


def autoscaled(*, inactive: bool = False, **requests: str) -> Decision:
    """Return the decision while an autoscaler follows the cpu of OLD."""
    condition = AutoscalerCondition(
        active=not inactive,
        reason="FailedGetResourceMetric",
        message="failed to get cpu utilization: missing request for cpu",
        since=NOW,
    )
    scaling = Scaling.model_validate({"minReplicas": 2, "maxReplicas": 5})
    serving = Serving.model_validate({"resources": {"requests": requests}})
    workload = Workload(scaling=scaling, serving=serving)
    here = seen().stable().having(autoscalers={OLD: condition} if inactive or requests else {})
    return decided(state(STABLE), here.at(after(minutes=3), revision=OLD, workload=workload))


def scaled_by_another() -> Decision:
    """Return the decision while an autoscaler of somebody else has given OLD two more pods than the spec."""
    return resting(seen().stable(ready=5).having(foreign_autoscalers={OLD: "churn-hpa"}))


def building(build: Build | None = None, *missing: Reference, here: Seen | None = None) -> Decision:
    """Return the decision while NEW is built, with this build and without these references of its Job."""
    known = seen().stable() if here is None else here
    target: dict[str, Any] = {"image": "", "build_id": "b1", "build": BUILD_TARGET}
    inputs = known.having(missing_for_build=missing).at(**target)
    return decided(replace(at(Phase.BUILDING), build=build), inputs)


BUILD_TARGET = BuildTarget(build_id="b1", runtime="sklearn", runtimes={"sklearn": "r/sklearn:1"})
RUNNING = Build(id="b1", phase=phases.BuildPhase.RUNNING, started_at=NOW)
PENDING = Build(
    id="b1",
    phase=phases.BuildPhase.PENDING,
    started_at=NOW,
    reason=Reason.UNSCHEDULABLE,
    message="0/3 nodes are available.",
)
FAILED = Build(
    id="b1",
    phase=phases.BuildPhase.FAILED,
    attempt=2,
    started_at=NOW,
    finished_at=NOW,
    reason=Reason.SOURCE_NOT_FOUND,
    message="s3://models/churn/7/ has no object; upload the model",
)


def starting(
    here: Seen | None = None, *, of: RolloutState | None = None, now: datetime = NOW, **target: Any
) -> Decision:
    """Return the decision while NEW starts."""
    known = seen().stable().canary(ready=0, pods=1) if here is None else here
    return decided(at(Phase.STARTING, progressed_at=NOW) if of is None else of, known.at(now, **target))


def too_few() -> Decision:
    """Return the decision while three replicas are too few for five percent."""
    waiting = at(Phase.STARTING, waiting_for=phases.WaitingFor.CAPACITY)
    router = ReplicaRouter(ReplicaRouter.config.model_validate({"whenTooFew": "Hold"}))
    return decided(waiting, BESIDE.at(steps=(Step(weight=5, hold=STEPS[0].hold),), router=router))


def shift(here: Seen | None = None, *, apply_error: ApplyError | None = None, **rollout: Any) -> Decision:
    """Return the decision while NEW receives traffic."""
    known = seen().stable(ready=4).canary() if here is None else here
    return decided(shifting(**rollout), known.at(), apply_error=apply_error)


def judged(*checks: CheckResult, waits: bool = False) -> Decision:
    """Return the decision while NEW receives traffic and is judged; `waits`: its hold is over."""
    waiting_for = phases.WaitingFor.EVIDENCE if waits else None
    return shift(checks=checks, waiting_for=waiting_for)


PASSED = CheckResult(
    name="errors", verdict=phases.Verdict.PASS, message="errors 0.2 % (limit 1 %) in 3400 requests"
)
UNDECIDED = CheckResult(
    name="latency",
    verdict=phases.Verdict.NO_DATA,
    requests_needed=120,
    samples=180,
    message="slower than 250 ms: 0 % (limit 1 %); about 120 more good requests decide it",
)
UNREADABLE = CheckResult(
    name="errors",
    verdict=phases.Verdict.ERROR,
    message="the metrics of pod churn-b cannot be read: connection refused",
)
TRIAL = replace(UNDECIDED, name="latency-trial", dry_run=True)
CHECK_FAILED: dict[str, Any] = {
    "reason": Reason.CHECK_FAILED,
    "message": "check errors: errors 40 % (limit 1 %) in 100 requests",
}


def paused(here: Seen | None = None, *, target: Target | None = None, **rollout: Any) -> Decision:
    """Return the decision while the rollout of NEW is paused."""
    inputs = (BESIDE if here is None else here).at(paused=True)
    inputs = inputs if target is None else replace(inputs, target=target)
    return decided(at(Phase.PAUSED, **rollout), inputs)


def hold_over() -> Decision:
    """Return the decision when a step is over and one of its pods is not ready."""
    here = seen().stable().canary(ready=2, pods=3)
    held = shifting(step=2, weight=50, progressed_at=NOW)
    return decided(held, here.at(after(minutes=6)))


def promoting(here: Seen | None = None) -> Decision:
    """Return the decision while NEW gets the rest of its pods."""
    rollout = {**TRAFFIC, "step": 2, "weight": 50, "progressed_at": NOW}
    return decided(at(Phase.PROMOTING, **rollout), (BESIDE if here is None else here).at())


def rolling_back(
    here: Seen | None = None, *, apply_error: ApplyError | None = None, **rollout: Any
) -> Decision:
    """Return the decision while the rollout of NEW goes back to OLD."""
    known = {"users_since": NOW, "step_started_at": NOW, **CRASHED, **rollout}
    return decided(
        at(Phase.ROLLING_BACK, **known), (BESIDE if here is None else here).at(), apply_error=apply_error
    )


def blocked(*, apply_error: ApplyError | None = None) -> Decision:
    """Return the decision while NEW should roll back and OLD has no ready pod."""
    here = seen().stable(ready=0).canary().sharing(20)
    return rolling_back(here, apply_error=apply_error, **{**TRAFFIC, "weight": 100})


def rejected(here: Seen | None = None, *, replicas: int = 3, **rejection: Any) -> Decision:
    """Return the decision after NEW was rejected."""
    entry = Rejection(revision=NEW, at=NOW, **rejection)
    known = seen().stable() if here is None else here
    return decided(state(rollout_in(Phase.REJECTED), rejected=(entry,)), known.at(), replicas=replicas)


def failed_rollback() -> Decision:
    """Return the decision after a person wanted to leave OLD, and NEW could not replace it."""
    left = Rejection(
        revision=OLD, at=NOW, reason=Reason.ROLLED_BACK, message=f"rolled back to {NEW} by jo (wrong prices)"
    )
    failed = Rejection(revision=NEW, at=NOW, **CRASHED)
    held = state(rollout_in(Phase.REJECTED, **CRASHED), rejected=(failed, left))
    return decided(held, seen().stable().at(revision=OLD))


def sharing(weight: int, *, ready: int = 0) -> Seen:
    """Return a snapshot in which the router still gives NEW this share of traffic."""
    return seen().stable(ready=ready).canary(ready=ready).sharing(weight)


def routed_to(split: Split | None, *, ready: int = 3) -> Decision:
    """Return the decision while OLD is stable and the router could not be written."""
    here = seen().stable(ready=ready).having(split=split)
    return decided(state(STABLE), here.at(revision=OLD), apply_error=UNWRITTEN)


def ended(**entry: Any) -> HistoryEntry:
    """Return the end of the rollout of NEW."""
    return HistoryEntry(**{"revision": NEW, "started_at": NOW, "finished_at": after(minutes=5), **entry})
