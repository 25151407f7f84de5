"""Values of a newer version of the operator survive in the status, and are reported where decisions depend on them."""

from typing import Any

import pytest

from seatrial.api import phases, rollout_decision
from seatrial.api.conditions import ConditionType
from seatrial.api.status import Status, parse_status
from tests.unit.api.statuses import FULL

ROLLOUT = FULL.to_dict()["rollout"]
BUILD = FULL.to_dict()["build"]
FUTURE: list[Any] = [
    pytest.param({"phase": "Archived"}, (), id="phase"),
    pytest.param({"rollout": {**ROLLOUT, "phase": "Gating"}}, ("rollout.phase=Gating",), id="rollout.phase"),
    pytest.param(
        {"rollout": {**ROLLOUT, "waitingFor": "Approval", "pausedBy": "Budget"}},
        ("rollout.waitingFor=Approval", "rollout.pausedBy=Budget"),
        id="rollout.waitingFor and rollout.pausedBy",
    ),
    pytest.param({"build": {**BUILD, "phase": "Queued"}}, ("build.phase=Queued",), id="build.phase"),
    pytest.param({"history": [{"revision": "a", "outcome": "Expired"}]}, (), id="history"),
    pytest.param(
        {"conditions": [{"type": "Approved", "status": "True", "observedGeneration": 0}]}, (), id="conditions"
    ),
]


@pytest.mark.parametrize(("future", "unknown"), FUTURE)
def test_a_value_of_a_newer_version_is_kept_and_reported(
    future: dict[str, Any], unknown: tuple[str, ...]
) -> None:
    raw = {**FULL.to_dict(), **future}
    result = parse_status(raw)
    assert result.to_dict() == raw
    assert result.unknown == unknown


def test_a_status_of_this_version_has_no_unknown_values() -> None:
    assert FULL.unknown == ()
    assert Status().unknown == ()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (phases.RolloutPhase, "Gating"),
        (phases.WaitingFor, "Approval"),
        (phases.Outcome, "Expired"),
        (ConditionType, "Approved"),
        (rollout_decision.DecisionPhase, "Superseded"),
    ],
)
def test_a_value_of_a_newer_version_is_a_member_without_a_name(
    kind: type[phases.StatusEnum], value: str
) -> None:
    assert kind(value) == value
    assert not kind(value).is_known
    assert value not in list(kind)
    assert all(member.is_known for member in kind)


@pytest.mark.parametrize("value", ["", "gating", "Two Words", "G\n", "G" * 64, 7, None])
def test_a_value_that_no_version_can_have_is_rejected(value: Any) -> None:
    with pytest.raises(ValueError, match="is not a valid"):
        phases.RolloutPhase(value)


def test_the_phase_of_a_decision_of_a_newer_version_is_kept() -> None:
    result = rollout_decision.DecisionStatus.model_validate({"phase": "Superseded"})
    assert result.to_dict() == {"phase": "Superseded"}
