"""The API's table: each state of a rollout, its display phase, and the three conditions of kstatus."""

from __future__ import annotations

import pytest

from seatrial.api import reasons
from seatrial.api import status as api
from seatrial.core.decide import Decision
from seatrial.core.references import Reference, ReferenceKind
from seatrial.core.snapshot import ApplyError
from seatrial.core.state import RolloutState
from seatrial.core.transitions import Phase
from seatrial.reporting import conditions, status
from tests.builders import NOW, OLD, seen, shifting, state
from tests.builders import rollout as staged
from tests.unit.reporting.decided import decided
from tests.unit.reporting.phase_states import (
    BESIDE,
    HEALTHY,
    HELD,
    REJECTED,
    SERVING,
    first,
    stable,
    status_of,
)

Kind = conditions.Kind
Reason = reasons.Reason
CONFLICT = ApplyError(
    reason=Reason.NAME_CONFLICT, message="Service churn belongs to somebody else; rename it"
)
QUOTA = ApplyError(reason=Reason.QUOTA_EXCEEDED, message="Deployment churn was refused: exceeded quota")
SETTINGS = (Reference(ReferenceKind.CONFIG_MAP, "settings"),)


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


@pytest.mark.parametrize(("decision", "phase", "flags"), CASES)
def test_a_situation_has_its_display_phase_and_its_conditions(
    decision: Decision, phase: str, flags: str
) -> None:
    reported = status_of(decision)
    by_type = {c.type: c.status for c in reported.conditions}
    shown = "".join(by_type[kind][0] for kind in (Kind.READY, Kind.RECONCILING, Kind.STALLED))
    assert (reported.phase, shown) == (phase, flags)


@pytest.mark.parametrize(("decision", "phase", "flags"), CASES)
def test_every_condition_of_a_situation_has_a_reason(decision: Decision, phase: str, flags: str) -> None:
    reported = status_of(decision)
    assert (reported.phase, bool(reported.message)) == (phase, True)
    assert all(c.reason for c in reported.conditions)
    stalled = reported.condition(Kind.STALLED)
    assert stalled is not None
    assert bool(stalled.message) is (flags[2] == "T")


@pytest.mark.parametrize(("decision", "phase", "flags"), CASES)
def test_an_object_is_settled_when_it_is_ready_or_stalled(decision: Decision, phase: str, flags: str) -> None:
    reported = status_of(decision)
    settled, ready = reported.condition(Kind.SETTLED), reported.condition(Kind.READY)
    assert settled is not None
    assert ready is not None
    assert (reported.phase, settled.status) == (phase, str("T" in {flags[0], flags[2]}))
    assert (settled.reason, settled.message) == (ready.reason, ready.message)


def test_a_status_at_rest_does_not_change_with_time() -> None:
    reported = status_of(decided(stable(), HEALTHY))
    later = decided(stable(), seen().stable().at(NOW.replace(hour=15), revision=OLD))
    assert status.status(later, api.parse_status(reported.to_dict())).to_dict() == reported.to_dict()
