"""The conditions beside those of kstatus: each has the status and the reason that the API documents."""

from __future__ import annotations

import pytest

from seatrial.api import phases
from seatrial.core.decide import Decision
from seatrial.core.transitions import Phase
from seatrial.reporting import conditions
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
    condition = status_of(decision).condition(kind)
    assert condition is not None
    assert (str(condition.status), condition.reason) == expected


def test_the_condition_paused_names_the_person_who_paused() -> None:
    held = staged(
        Phase.PAUSED, paused_at=NOW, paused_by=phases.PausedBy.DECISION, message="paused by jo (lunch)"
    )
    paused = status_of(decided(state(held), BESIDE)).condition(Kind.PAUSED)
    assert paused is not None
    assert "jo (lunch)" in paused.message
