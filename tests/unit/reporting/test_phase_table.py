"""The API's table: each state of a rollout, its display phase, and the three conditions of kstatus."""

from __future__ import annotations

import pytest

from seatrial.api import phases, reasons
from seatrial.api import status as api
from seatrial.core.decide import Decision
from seatrial.core.references import Reference, ReferenceKind
from seatrial.core.snapshot import ApplyError
from seatrial.core.state import Rejection, RolloutState
from seatrial.core.transitions import Phase
from seatrial.reporting import conditions, status
from tests.builders import NEW, NOW, OLD, revision, seen, shifting, state
from tests.builders import rollout as staged
from tests.unit.reporting.decided import decided

Kind = conditions.Kind
Reason = reasons.Reason
HELD = {"paused_at": NOW, "paused_by": phases.PausedBy.SPEC}
REJECTED = (Rejection(revision=NEW, reason=Reason.CRASH_LOOP, message="it crashes"),)
CONFLICT = ApplyError(
    reason=Reason.NAME_CONFLICT, message="Service churn belongs to somebody else; rename it"
)
QUOTA = ApplyError(reason=Reason.QUOTA_EXCEEDED, message="Deployment churn was refused: exceeded quota")
SETTINGS = (Reference(ReferenceKind.CONFIG_MAP, "settings"),)


def first(phase: Phase, **changes: object) -> RolloutState:
    """Return a state in which NEW is rolled out while nothing serves."""
    rollout = staged(phase, steps=0, **changes)
    return RolloutState(rollout=rollout, canary=None if phase is Phase.BUILDING else revision(NEW))


def stable(at: Phase | None = Phase.STABLE) -> RolloutState:
    return state(None if at is None else staged(at, revision=OLD))


SERVING = seen().stable()
HEALTHY = SERVING.at(revision=OLD)
BESIDE = SERVING.canary().at()
ROWS = [
    ("nothing decided yet", decided(RolloutState(), seen().at(revision="")), "Pending", "FTF"),
    ("building, no stable", decided(first(Phase.BUILDING), seen().at(image="")), "Building", "FTF"),
    ("building beside stable", decided(state(staged(Phase.BUILDING)), SERVING.at(image="")), "Canary", "FTF"),
    ("starting, no stable", decided(first(Phase.STARTING), seen().at()), "Deploying", "FTF"),
    ("starting beside stable", decided(state(staged(Phase.STARTING)), BESIDE), "Canary", "FTF"),
    ("shifting", decided(shifting(), BESIDE), "Canary", "FTF"),
    ("paused, no stable", decided(first(Phase.PAUSED, **HELD), seen().at()), "Paused", "FTF"),
    ("paused", decided(state(staged(Phase.PAUSED, **HELD)), BESIDE), "Paused", "FTF"),
    ("promoting, no stable", decided(first(Phase.PROMOTING), seen().canary().at()), "Deploying", "FTF"),
    ("promoting", decided(state(staged(Phase.PROMOTING, step=2)), BESIDE), "Promoting", "FTF"),
    (
        "rolling back, no stable",
        decided(first(Phase.ROLLING_BACK, reason=Reason.ABORTED), seen().at()),
        "RollingBack",
        "FTF",
    ),
    (
        "rolling back",
        decided(state(staged(Phase.ROLLING_BACK, reason=Reason.ABORTED)), BESIDE),
        "RollingBack",
        "FTF",
    ),
    (
        "rejected, stable serves",
        decided(state(staged(Phase.REJECTED), rejected=REJECTED), BESIDE),
        "Rejected",
        "FFT",
    ),
    (
        "rejected, stable lacks a pod that crashes",
        decided(state(staged(Phase.REJECTED), rejected=REJECTED), seen().crashing(OLD).at()),
        "Degraded",
        "FFT",
    ),
    (
        "rejected, stable is down",
        decided(state(staged(Phase.REJECTED), rejected=REJECTED), seen().stable(ready=0).at()),
        "Degraded",
        "FFT",
    ),
    (
        "rejected without replicas",
        decided(state(staged(Phase.REJECTED), rejected=REJECTED), seen().stable(ready=0).at(), replicas=0),
        "Rejected",
        "FFT",
    ),
    (
        "shifting, stable is down and the canary serves",
        decided(shifting(), seen().stable(ready=0).canary().at()),
        "Canary",
        "FTF",
    ),
    (
        "starting, stable is down",
        decided(state(staged(Phase.STARTING)), seen().stable(ready=0).at()),
        "Degraded",
        "FTF",
    ),
    (
        "starting, stable makes room",
        decided(state(staged(Phase.STARTING)), seen().stable(ready=0).at(recreate=True)),
        "Canary",
        "FTF",
    ),
    ("paused at rest", decided(stable(), SERVING.at(revision=OLD, paused=True)), "Healthy", "TFF"),
    ("rejected, nothing serves", decided(first(Phase.REJECTED), seen().at()), "Failed", "FFT"),
    ("stable", decided(stable(), HEALTHY), "Healthy", "TFF"),
    ("stable, status recovered", decided(stable(None), HEALTHY), "Healthy", "TFF"),
    ("stable without a pod", decided(stable(), seen().stable(ready=0).at(revision=OLD)), "Degraded", "FTF"),
    ("stable crashes", decided(stable(), seen().crashing(OLD).at(revision=OLD)), "Degraded", "FTF"),
    ("stable lacks a pod", decided(stable(), seen().stable(ready=2).at(revision=OLD)), "Healthy", "FTF"),
    (
        "zero replicas",
        decided(stable(), seen().stable(ready=0).at(revision=OLD), replicas=0),
        "Stopped",
        "TFF",
    ),
    (
        "name conflict, nothing serves",
        decided(first(Phase.STARTING), seen().at(), apply_error=CONFLICT),
        "Failed",
        "FFT",
    ),
    (
        "name conflict, stable serves",
        decided(stable(), HEALTHY, apply_error=CONFLICT),
        "Rejected",
        "FFT",
    ),
    (
        "quota exceeded",
        decided(state(staged(Phase.STARTING)), BESIDE, apply_error=QUOTA),
        "Canary",
        "FTF",
    ),
    (
        "missing ConfigMap, nothing serves",
        decided(RolloutState(), seen().having(missing=SETTINGS).at(revision="")),
        "Pending",
        "FTF",
    ),
    (
        "missing ConfigMap, stable serves",
        decided(stable(), SERVING.having(missing=SETTINGS).at(revision=OLD)),
        "Pending",
        "FTF",
    ),
    (
        "missing ConfigMap, stable is down",
        decided(stable(), seen().stable(ready=0).having(missing=SETTINGS).at(revision=OLD)),
        "Degraded",
        "FTF",
    ),
    (
        "missing ConfigMap after a rejection",
        decided(
            state(staged(Phase.REJECTED), rejected=REJECTED), SERVING.having(missing=SETTINGS).at(revision="")
        ),
        "Pending",
        "FTF",
    ),
]
CASES = [pytest.param(decision, phase, flags, id=name) for name, decision, phase, flags in ROWS]


def _status(decision: Decision) -> api.Status:
    return status.status(decision, api.Status())


@pytest.mark.parametrize(("decision", "phase", "flags"), CASES)
def test_a_situation_has_its_display_phase_and_its_conditions(
    decision: Decision, phase: str, flags: str
) -> None:
    reported = _status(decision)
    by_type = {c.type: c.status for c in reported.conditions}
    shown = "".join(by_type[kind][0] for kind in (Kind.READY, Kind.RECONCILING, Kind.STALLED))
    assert (reported.phase, shown) == (phase, flags)


@pytest.mark.parametrize(("decision", "phase", "flags"), CASES)
def test_every_condition_of_a_situation_has_a_reason(decision: Decision, phase: str, flags: str) -> None:
    reported = _status(decision)
    assert (reported.phase, bool(reported.message)) == (phase, True)
    assert all(c.reason for c in reported.conditions)
    stalled = reported.condition(Kind.STALLED)
    assert stalled is not None
    assert bool(stalled.message) is (flags[2] == "T")


@pytest.mark.parametrize(("decision", "phase", "flags"), CASES)
def test_an_object_is_settled_when_it_is_ready_or_stalled(decision: Decision, phase: str, flags: str) -> None:
    reported = _status(decision)
    settled, ready = reported.condition(Kind.SETTLED), reported.condition(Kind.READY)
    assert settled is not None
    assert ready is not None
    assert (reported.phase, settled.status) == (phase, str("T" in {flags[0], flags[2]}))
    assert (settled.reason, settled.message) == (ready.reason, ready.message)


CONDITIONS = [
    pytest.param(decided(stable(), HEALTHY), Kind.SERVING, ("True", "Healthy"), id="stable serves"),
    pytest.param(
        decided(state(staged(Phase.REJECTED), rejected=REJECTED), BESIDE),
        Kind.SERVING,
        ("True", "Healthy"),
        id="stable serves after a rejection",
    ),
    pytest.param(
        decided(stable(), seen().stable(ready=0).at(revision=OLD)),
        Kind.SERVING,
        ("False", "StableUnhealthy"),
        id="stable has no ready pod",
    ),
    pytest.param(
        decided(first(Phase.STARTING), seen().at()),
        Kind.SERVING,
        ("False", "Pending"),
        id="nothing has ever served",
    ),
    pytest.param(decided(stable(), HEALTHY), Kind.UPDATED, ("True", "Healthy"), id="the target is stable"),
    pytest.param(
        decided(shifting(), BESIDE), Kind.UPDATED, ("False", "Shifting"), id="the target is rolled out"
    ),
    pytest.param(
        decided(state(staged(Phase.REJECTED), rejected=REJECTED), BESIDE),
        Kind.UPDATED,
        ("False", "CrashLoop"),
        id="the target was rejected",
    ),
    pytest.param(
        decided(state(staged(Phase.REJECTED), rejected=REJECTED), BESIDE),
        Kind.ROLLOUT_HEALTHY,
        ("False", "CrashLoop"),
        id="rejected",
    ),
    pytest.param(
        decided(shifting(), BESIDE), Kind.ROLLOUT_HEALTHY, ("True", "Healthy"), id="nothing has failed"
    ),
    pytest.param(
        decided(state(staged(Phase.ROLLING_BACK, reason="OutOfMemory")), BESIDE),
        Kind.ROLLOUT_HEALTHY,
        ("False", "OutOfMemory"),
        id="rolling back",
    ),
    pytest.param(
        decided(state(staged(Phase.BUILDING)), SERVING.at(image="", build_id="b")),
        Kind.BUILD_SUCCEEDED,
        ("False", "Pending"),
        id="no build has started",
    ),
    pytest.param(
        decided(stable(), seen().stable(ready=0).at(revision=OLD), replicas=0),
        Kind.SERVING,
        ("False", "Stopped"),
        id="nothing is asked to serve",
    ),
    pytest.param(decided(stable(), HEALTHY), Kind.PAUSED, ("False", "NotPaused"), id="nothing pauses"),
    pytest.param(
        decided(stable(), SERVING.at(revision=OLD, paused=True)),
        Kind.PAUSED,
        ("True", "PausedBySpec"),
        id="the spec pauses at rest",
    ),
    pytest.param(
        decided(state(staged(Phase.PAUSED, **HELD)), SERVING.canary().at(paused=True)),
        Kind.PAUSED,
        ("True", "PausedBySpec"),
        id="the spec pauses a rollout",
    ),
    pytest.param(
        decided(state(staged(Phase.PAUSED, paused_at=NOW, paused_by=phases.PausedBy.DECISION)), BESIDE),
        Kind.PAUSED,
        ("True", "PausedByDecision"),
        id="a person pauses a rollout",
    ),
    pytest.param(
        decided(state(staged(Phase.REJECTED), rejected=REJECTED), BESIDE),
        Kind.SETTLED,
        ("True", "CrashLoop"),
        id="settled after a rejection",
    ),
    pytest.param(decided(stable(), HEALTHY), Kind.SETTLED, ("True", "Healthy"), id="settled and healthy"),
    pytest.param(
        decided(shifting(), BESIDE), Kind.BUILD_SUCCEEDED, ("True", "Healthy"), id="the image exists"
    ),
]


@pytest.mark.parametrize(("decision", "kind", "expected"), CONDITIONS)
def test_a_condition_of_our_own_has_the_status_and_reason_that_the_api_documents(
    decision: Decision, kind: conditions.Kind, expected: tuple[str, str]
) -> None:
    condition = _status(decision).condition(kind)
    assert condition is not None
    assert (str(condition.status), condition.reason) == expected


def test_a_status_at_rest_does_not_change_with_time() -> None:
    reported = _status(decided(stable(), HEALTHY))
    later = decided(stable(), seen().stable().at(NOW.replace(hour=15), revision=OLD))
    assert status.status(later, api.parse_status(reported.to_dict())).to_dict() == reported.to_dict()


def test_the_condition_paused_names_the_person_who_paused() -> None:
    held = staged(
        Phase.PAUSED, paused_at=NOW, paused_by=phases.PausedBy.DECISION, message="paused by jo (lunch)"
    )
    paused = _status(decided(state(held), BESIDE)).condition(Kind.PAUSED)
    assert paused is not None
    assert "jo (lunch)" in paused.message
