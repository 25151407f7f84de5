"""Parsing of a RolloutDecision."""

from typing import Any

import pytest

from seatrial.api import rollout_decision, validation

NEEDED = {"deployment": "churn", "revision": "9f3c2a71d0", "decidedBy": "jo@shop.example"}

COMPLETE: dict[str, dict[str, Any]] = {
    "Skip": {"step": 2},
    "Rollback": {"toRevision": "41b07c55ee"},
    "Promote": {"attempt": 1},
    "Abort": {"attempt": 1},
    "Retry": {"attempt": 1},
}
"""The fields that each action requires in addition to NEEDED."""


def body(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "shop", "name": "churn-x7", "uid": "u"}, "spec": {**NEEDED, **spec}}


@pytest.mark.parametrize(
    "raw",
    [
        {"action": "Promote", "attempt": 1},
        {"action": "Abort", "attempt": 2},
        {"action": "Retry", "attempt": 1},
        {"action": "Skip", "step": 2},
        {"action": "Rollback", "toRevision": "41b07c55ee"},
        {"action": "Pause"},
        {"action": "Resume"},
    ],
)
def test_every_action_is_accepted(raw: dict[str, Any]) -> None:
    assert rollout_decision.parse(body(**raw)).spec.action == raw["action"]


@pytest.mark.parametrize("action", list(rollout_decision.Action))
@pytest.mark.parametrize(
    ("field", "value", "owners"),
    [
        ("step", 2, {"Skip"}),
        ("toRevision", "41b07c55ee", {"Rollback"}),
        ("attempt", 1, {"Promote", "Abort", "Retry"}),
    ],
)
def test_a_field_is_only_accepted_with_its_actions(
    action: str, field: str, value: Any, owners: set[str]
) -> None:
    complete = COMPLETE.get(action, {})
    less = {name: raw for name, raw in complete.items() if name != field}
    changed = less if action in owners else {**complete, field: value}
    with pytest.raises(
        validation.InvalidSpec, match=f"{field} is required with .* and not allowed with other actions"
    ):
        rollout_decision.parse(body(action=action, **changed))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param(
            {"action": "Approve"}, r"spec.action: expected one of Promote", id="a later version's action"
        ),
        pytest.param({"action": "Pause", "revision": "latest"}, r"spec.revision", id="no revision"),
        pytest.param({"action": "Pause", "decidedBy": ""}, r"spec.decidedBy", id="no author"),
        pytest.param({"action": "Skip", "step": 0}, r"spec.step", id="before the first step"),
        pytest.param({"action": "Pause", "when": "now"}, r'unknown field "spec.when"', id="an unknown field"),
        pytest.param({}, r"spec.action: is required", id="no action"),
    ],
)
def test_other_decisions_are_rejected(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(validation.InvalidSpec, match=message):
        rollout_decision.parse(body(**raw))
