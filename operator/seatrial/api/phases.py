"""The phases of a ModelDeployment, a rollout and a build, and the other enumerations of the status.

A newer version of the operator may have stored a value that this version does not know. Such a value is kept: it
becomes a member that has no name here, and is written back as it was.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, Self

_VALUE: Final = re.compile(r"[A-Z][A-Za-z]{0,62}", re.ASCII)
"""What every value looks like, those of later versions too; anything else is damage."""


class StatusEnum(StrEnum):
    """An enumeration of the status that also holds the values of newer versions."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str) or _VALUE.fullmatch(value) is None:
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = str(value)
        return member

    @property
    def is_known(self) -> bool:
        """Whether this version of the operator knows the value."""
        return self in type(self).__members__.values()


class DisplayPhase(StatusEnum):
    """The phase of a ModelDeployment that users see."""

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


class RolloutPhase(StatusEnum):
    """The phase of a rollout."""

    STABLE = "Stable"
    BUILDING = "Building"
    STARTING = "Starting"
    SHIFTING = "Shifting"
    PAUSED = "Paused"
    PROMOTING = "Promoting"
    ROLLING_BACK = "RollingBack"
    REJECTED = "Rejected"


class WaitingFor(StatusEnum):
    """What a rollout waits for before it can continue."""

    CAPACITY = "Capacity"
    BUILD = "Build"
    READINESS = "Readiness"
    UNPAUSE = "Unpause"
    EVIDENCE = "Evidence"


class PausedBy(StatusEnum):
    """What paused a rollout: `spec.paused`, or a RolloutDecision."""

    SPEC = "Spec"
    DECISION = "Decision"


class BuildPhase(StatusEnum):
    """The phase of a build; Cached means that the image already existed."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CACHED = "Cached"


class Verdict(StatusEnum):
    """What a check says about the canary; NoData and Error are neither for nor against it."""

    PASS = "Pass"  # noqa: S105  a verdict, not a password
    FAIL = "Fail"
    NO_DATA = "NoData"
    ERROR = "Error"


class Outcome(StatusEnum):
    """The outcome of a rollout."""

    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"
    SUPERSEDED = "Superseded"
    ABORTED = "Aborted"
