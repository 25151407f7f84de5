"""The conditions of a status: the alphabet that kstatus, `kubectl wait` and people read."""

from __future__ import annotations

from seatrial.api import base, phases, status_fields


class ConditionType(phases.StatusEnum):
    """What a condition is about."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    SERVING = "Serving"
    UPDATED = "Updated"
    BUILD_SUCCEEDED = "BuildSucceeded"
    ROLLOUT_HEALTHY = "RolloutHealthy"


class ConditionStatus(phases.StatusEnum):
    """Whether it is so."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(base.StatusModel):
    """One thing that is so or not, why, and since when."""

    type: ConditionType
    """What it is about."""

    status: ConditionStatus
    """Whether it is so."""

    reason: status_fields.Word = ""
    """Why, one CamelCase word."""

    message: status_fields.Sentence = ""
    """Why, in a sentence."""

    observed_generation: status_fields.Generation = 0
    """The metadata.generation that this speaks of."""

    last_transition_time: status_fields.Time | None = None
    """When status last became another one."""
