"""The words for where things are: an object, a rollout, a build, and how a rollout ended."""

from __future__ import annotations

from enum import StrEnum


class DisplayPhase(StrEnum):
    """Where a ModelDeployment is, in the word that its users see."""

    PENDING = "Pending"
    BUILDING = "Building"
    DEPLOYING = "Deploying"
    CANARY = "Canary"
    PAUSED = "Paused"
    PROMOTING = "Promoting"
    ROLLING_BACK = "RollingBack"
    DEGRADED = "Degraded"
    HEALTHY = "Healthy"
    FAILED = "Failed"


class RolloutPhase(StrEnum):
    """Where a rollout is."""

    STABLE = "Stable"
    BUILDING = "Building"
    STARTING = "Starting"
    SHIFTING = "Shifting"
    PAUSED = "Paused"
    PROMOTING = "Promoting"
    ROLLING_BACK = "RollingBack"
    REJECTED = "Rejected"


class WaitingFor(StrEnum):
    """What a rollout needs before it can go on."""

    CAPACITY = "Capacity"
    BUILD = "Build"
    READINESS = "Readiness"
    UNPAUSE = "Unpause"


class PausedBy(StrEnum):
    """Who paused a rollout: `spec.paused`, or a RolloutDecision."""

    SPEC = "Spec"
    DECISION = "Decision"


class BuildPhase(StrEnum):
    """Where a build is; Cached means that the image was there already."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CACHED = "Cached"


class Outcome(StrEnum):
    """How a rollout ended."""

    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"
    SUPERSEDED = "Superseded"
    ABORTED = "Aborted"
