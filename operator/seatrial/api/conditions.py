"""The conditions of a ModelDeployment, which kstatus and `kubectl wait` read."""

from __future__ import annotations

from seatrial.api import base, phases, status_fields


class ConditionType(phases.StatusEnum):
    """The type of a condition."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    SERVING = "Serving"
    UPDATED = "Updated"
    BUILD_SUCCEEDED = "BuildSucceeded"
    ROLLOUT_HEALTHY = "RolloutHealthy"
    SCALING_ACTIVE = "ScalingActive"
    PAUSED = "Paused"
    SETTLED = "Settled"


class ConditionStatus(phases.StatusEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(base.StatusModel):
    """One aspect of the current state: whether it holds, why, and since when."""

    type: ConditionType
    """The type of the condition."""

    status: ConditionStatus
    """Whether the condition holds: True, False or Unknown."""

    reason: status_fields.Word = ""
    """The reason for the status, one CamelCase word."""

    message: status_fields.Sentence = ""
    """The reason for the status in a sentence."""

    observed_generation: status_fields.Generation = 0
    """The metadata.generation that the condition refers to."""

    last_transition_time: status_fields.Time | None = None
    """When the status last changed."""
