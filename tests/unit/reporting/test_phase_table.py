"""The API's table: each state of a rollout, the phase that users read, and kstatus' three conditions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seatrial.api import phases, reasons
from seatrial.api import status as api
from seatrial.children import Scene
from seatrial.core.references import Reference, ReferenceKind
from seatrial.core.state import Rejection, RolloutState
from seatrial.core.transitions import Phase
from seatrial.observation.observed import ApplyError
from seatrial.reporting import conditions, status
from tests.builders import NEW, NOW, OLD, revision, seen, shifting, state
from tests.builders import rollout as staged
from tests.unit.reporting.decided import scene

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
    """NEW on its way with nothing that serves."""
    stage = staged(phase, steps=0, **changes)
    return RolloutState(rollout=stage, canary=None if phase is Phase.BUILDING else revision(NEW))


def stable(at: Phase | None = Phase.STABLE) -> RolloutState:
    return state(None if at is None else staged(at, revision=OLD))


SERVING = seen().stable()
HEALTHY = SERVING.at(revision=OLD)
BESIDE = SERVING.canary().at()
ROWS = [
    ("accepted", scene(RolloutState(), seen().at(revision="")), "Pending", "FTF"),
    ("building, no stable", scene(first(Phase.BUILDING), seen().at(image="")), "Building", "FTF"),
    ("building beside stable", scene(state(staged(Phase.BUILDING)), SERVING.at(image="")), "Canary", "FTF"),
    ("starting, no stable", scene(first(Phase.STARTING), seen().at()), "Deploying", "FTF"),
    ("starting beside stable", scene(state(staged(Phase.STARTING)), BESIDE), "Canary", "FTF"),
    ("shifting", scene(shifting(), BESIDE), "Canary", "FTF"),
    ("paused, no stable", scene(first(Phase.PAUSED, **HELD), seen().at()), "Paused", "FTF"),
    ("paused", scene(state(staged(Phase.PAUSED, **HELD)), BESIDE), "Paused", "FTF"),
    ("promoting, no stable", scene(first(Phase.PROMOTING), seen().canary().at()), "Deploying", "FTF"),
    ("promoting", scene(state(staged(Phase.PROMOTING, step=2)), BESIDE), "Promoting", "FTF"),
    (
        "rolling back, no stable",
        scene(first(Phase.ROLLING_BACK, reason=Reason.ABORTED), seen().at()),
        "RollingBack",
        "FTF",
    ),
    (
        "rolling back",
        scene(state(staged(Phase.ROLLING_BACK, reason=Reason.ABORTED)), BESIDE),
        "RollingBack",
        "FTF",
    ),
    (
        "rejected, stable serves",
        scene(state(staged(Phase.REJECTED), rejected=REJECTED), BESIDE),
        "Degraded",
        "FFT",
    ),
    ("rejected, nothing serves", scene(first(Phase.REJECTED), seen().at()), "Failed", "FFT"),
    ("stable", scene(stable(), HEALTHY), "Healthy", "TFF"),
    ("stable whose status was lost", scene(stable(None), HEALTHY), "Healthy", "TFF"),
    ("stable without a pod", scene(stable(), seen().stable(ready=0).at(revision=OLD)), "Degraded", "FTF"),
    ("stable in trouble", scene(stable(), seen().crashing(OLD).at(revision=OLD)), "Degraded", "FTF"),
    ("stable lacks a pod", scene(stable(), seen().stable(ready=2).at(revision=OLD)), "Healthy", "FTF"),
    (
        "zero replicas",
        scene(stable(), seen().stable(ready=0).at(revision=OLD), spec={"scaling": {"replicas": 0}}),
        "Healthy",
        "TFF",
    ),
    (
        "a name that is taken, nothing serves",
        scene(first(Phase.STARTING), seen().at(), apply_error=CONFLICT),
        "Failed",
        "FFT",
    ),
    (
        "a name that is taken, stable serves",
        scene(stable(), HEALTHY, apply_error=CONFLICT),
        "Degraded",
        "FFT",
    ),
    (
        "a quota that is used up",
        scene(state(staged(Phase.STARTING)), BESIDE, apply_error=QUOTA),
        "Canary",
        "FTF",
    ),
    (
        "settings that are missing, nothing serves",
        scene(RolloutState(), seen().at(revision=""), missing=SETTINGS),
        "Pending",
        "FTF",
    ),
    (
        "settings that are missing, stable serves",
        scene(stable(), HEALTHY, missing=SETTINGS),
        "Degraded",
        "FTF",
    ),
]
CASES = [pytest.param(one, phase, flags, id=name) for name, one, phase, flags in ROWS]


@pytest.mark.parametrize(("one", "phase", "flags"), CASES)
def test_a_state_has_its_phase_and_its_conditions(one: Scene, phase: str, flags: str) -> None:
    told = status.status(one)
    held = {c.type: c.status for c in told.conditions}
    said = "".join(held[kind][0] for kind in (Kind.READY, Kind.RECONCILING, Kind.STALLED))
    assert (told.phase, said) == (phase, flags)


@pytest.mark.parametrize(("one", "phase", "flags"), CASES)
def test_a_state_has_a_sentence_and_a_word_for_it(one: Scene, phase: str, flags: str) -> None:
    told = status.status(one)
    assert told.message
    assert all(c.reason for c in told.conditions)
    if flags[2] == "T":
        stalled = next(c for c in told.conditions if c.type == "Stalled")
        assert stalled.message == told.message
        assert any(
            verb in told.message for verb in ("apply", "rename", "create", "RolloutDecision", "rejected")
        )


def _condition(one: Scene, kind: conditions.Kind) -> tuple[str, str]:
    found = status.status(one).condition(kind)
    assert found is not None
    return str(found.status), found.reason


WORDS = [
    (scene(stable(), HEALTHY), Kind.SERVING, ("True", "Healthy")),
    (scene(state(staged(Phase.REJECTED), rejected=REJECTED), BESIDE), Kind.SERVING, ("True", "Healthy")),
    (scene(stable(), seen().stable(ready=0).at(revision=OLD)), Kind.SERVING, ("False", "StableUnhealthy")),
    (scene(first(Phase.STARTING), seen().at()), Kind.SERVING, ("False", "Pending")),
    (scene(stable(), HEALTHY), Kind.UPDATED, ("True", "Healthy")),
    (scene(shifting(), BESIDE), Kind.UPDATED, ("False", "Shifting")),
    (scene(state(staged(Phase.REJECTED), rejected=REJECTED), BESIDE), Kind.UPDATED, ("False", "CrashLoop")),
    (
        scene(state(staged(Phase.REJECTED), rejected=REJECTED), BESIDE),
        Kind.ROLLOUT_HEALTHY,
        ("False", "CrashLoop"),
    ),
    (scene(shifting(), BESIDE), Kind.ROLLOUT_HEALTHY, ("True", "Healthy")),
    (
        scene(state(staged(Phase.ROLLING_BACK, reason="OutOfMemory")), BESIDE),
        Kind.ROLLOUT_HEALTHY,
        ("False", "OutOfMemory"),
    ),
    (
        scene(state(staged(Phase.BUILDING)), SERVING.at(image="", build_id="b")),
        Kind.BUILD_SUCCEEDED,
        ("False", "Pending"),
    ),
    (scene(shifting(), BESIDE), Kind.BUILD_SUCCEEDED, ("True", "Healthy")),
]


@pytest.mark.parametrize(("one", "kind", "said"), WORDS)
def test_our_own_conditions_say_what_the_api_promises(
    one: Scene, kind: conditions.Kind, said: tuple[str, str]
) -> None:
    assert _condition(one, kind) == said


def test_a_status_at_rest_is_the_same_hours_later() -> None:
    told = status.status(scene(stable(), HEALTHY)).to_dict()
    later = scene(stable(), seen().stable().at(NOW.replace(hour=15), revision=OLD))
    stored = replace(later.desired, status=api.parse_status(told))
    assert status.status(replace(later, desired=stored)).to_dict() == told
