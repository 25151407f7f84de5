"""When the API server is asked about a spec, what it is asked, and what follows from its answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from seatrial import planner
from seatrial.api import conditions, reasons
from seatrial.api.model_deployment import ModelDeployment
from seatrial.api.status import Status
from seatrial.manifests.spec_paths import FieldProblem
from seatrial.observation.dry_runs import dry_runs
from seatrial.observation.observed import Observed
from tests.builders import NOW, PARTS, desired

GPU: dict[str, Any] = {"pod": {"tolerations": [{"key": "gpu", "operator": "Exists"}]}}
BOUNDS: dict[str, Any] = {"minReplicas": 2, "maxReplicas": 4}
BEHAVIOR: dict[str, Any] = {**BOUNDS, "behavior": {"scaleUp": {"stabilizationWindowSeconds": 5}}}
Condition = conditions.Condition
Kind = conditions.ConditionType


def asked(deployment: ModelDeployment) -> list[str]:
    """Return the kinds of the objects that the API server is asked about."""
    return [body["kind"] for body in dry_runs(deployment, PARTS)]


@pytest.mark.parametrize(
    ("spec", "kinds"),
    [
        ({}, []),
        ({"scaling": BOUNDS}, []),
        ({"serving": {"timeout": "5s"}}, []),
        ({"serving": GPU}, ["Deployment"]),
        ({"serving": {"env": [{"name": "A", "value": "1"}]}}, ["Deployment"]),
        ({"serving": {"resources": {"limits": {"cpu": "1"}}}}, ["Deployment"]),
        ({"scaling": BEHAVIOR}, ["HorizontalPodAutoscaler"]),
        ({"scaling": {**BOUNDS, "metrics": [{"raw": {"type": "Pods"}}]}}, ["HorizontalPodAutoscaler"]),
        ({"serving": GPU, "scaling": BEHAVIOR}, ["Deployment", "HorizontalPodAutoscaler"]),
    ],
)
def test_only_what_is_passed_on_is_asked_about(spec: dict[str, Any], kinds: list[str]) -> None:
    assert asked(desired(**spec)) == kinds


def test_nothing_is_asked_about_an_invalid_or_deleted_object() -> None:
    assert asked(replace(desired(serving=GPU), refused="why")) == []
    assert asked(replace(desired(serving=GPU), deleting=True)) == []


@pytest.mark.parametrize(
    ("generation", "reason", "again"),
    [
        (1, reasons.Reason.HEALTHY, False),
        (0, reasons.Reason.HEALTHY, True),
        (1, reasons.Reason.INVALID_SPEC, True),
    ],
)
def test_an_accepted_spec_is_not_asked_about_after_a_restart(
    generation: int, reason: str, again: bool
) -> None:
    stalled = Condition(
        type=Kind.STALLED,
        status=conditions.ConditionStatus.FALSE,
        reason=reason,
        observed_generation=generation,
        last_transition_time=NOW,
    )
    status = Status(observed_generation=generation, conditions=(stalled,))
    assert bool(asked(replace(desired(serving=GPU), status=status))) is again


def test_a_rejected_field_makes_the_spec_invalid_and_nothing_is_created() -> None:
    problem = FieldProblem("Deployment", "spec.template.spec.tolerations[0].kee", "unknown field")
    plan = planner.plan(desired(serving=GPU), Observed(problems=(problem,) * 5), PARTS, now=NOW)
    stalled = plan.status.condition(Kind.STALLED)
    assert stalled is not None
    assert (stalled.status, stalled.reason) == (conditions.ConditionStatus.TRUE, reasons.Reason.INVALID_SPEC)
    assert "spec.serving.pod.tolerations[0].kee: unknown field" in plan.status.message
    assert "and 2 more" in stalled.message
    assert plan.actions == ()
