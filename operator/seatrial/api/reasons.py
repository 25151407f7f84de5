"""The reasons that conditions, Events and metric labels share, and what follows from each."""

from __future__ import annotations

from enum import Enum, StrEnum, auto
from typing import Final


class ReasonClass(Enum):
    """What the operator does about a reason."""

    TRANSIENT = auto()
    """The operator retries with back-off; the revision is not rejected."""
    TERMINAL = auto()
    """The revision is rejected and not tried again until a decision, a refresh or a new spec."""
    SPEC = auto()
    """The operator waits for a new spec."""
    INFORMATION = auto()
    """The reason is only reported."""


class Reason(StrEnum):
    """Every reason of the API, of success as well as of failure."""

    # transient
    SOURCE_NOT_FOUND = "SourceNotFound"
    SOURCE_FORBIDDEN = "SourceForbidden"
    SOURCE_UNAVAILABLE = "SourceUnavailable"
    REGISTRY_UNAUTHORIZED = "RegistryUnauthorized"
    REGISTRY_UNAVAILABLE = "RegistryUnavailable"
    QUOTA_EXCEEDED = "QuotaExceeded"
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CONTAINER_CONFIG_ERROR = "ContainerConfigError"
    RUNTIME_MISMATCH = (
        "RuntimeMismatch"  # of a build: retried immediately on the runtime that reads the model
    )
    SCALING_METRIC_UNAVAILABLE = "ScalingMetricUnavailable"
    BUILD_EVICTED = "BuildEvicted"
    NAMESPACE_TERMINATING = "NamespaceTerminating"
    API_FORBIDDEN = "ApiForbidden"
    API_UNAUTHORIZED = "ApiUnauthorized"
    API_TOO_MANY_REQUESTS = "ApiTooManyRequests"
    API_UNAVAILABLE = "ApiUnavailable"
    API_REFUSED = "ApiRefused"

    # terminal for the revision
    SOURCE_DIGEST_MISMATCH = "SourceDigestMismatch"
    MODEL_FORMAT_UNKNOWN = "ModelFormatUnknown"
    MODEL_PICKLE_REFUSED = "ModelPickleRefused"
    MODEL_LOAD_FAILED = "ModelLoadFailed"
    MODEL_EXAMPLE_FAILED = "ModelExampleFailed"
    RUNTIME_UNKNOWN = "RuntimeUnknown"
    BUILD_TIMEOUT = "BuildTimeout"
    BUILD_OUT_OF_MEMORY = "BuildOutOfMemory"
    BUILD_FAILED = "BuildFailed"
    CRASH_LOOP = "CrashLoop"
    OUT_OF_MEMORY = "OutOfMemory"
    POD_REJECTED = "PodRejected"
    PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
    CANARY_RESTARTED = "CanaryRestarted"
    CHECK_FAILED = "CheckFailed"
    NO_DATA_DEADLINE = "NoDataDeadline"
    ABORTED = "Aborted"

    # of the spec
    INVALID_SPEC = "InvalidSpec"
    NAME_CONFLICT = "NameConflict"

    # information
    SUPERSEDED = "Superseded"
    STABLE_UNHEALTHY = "StableUnhealthy"
    NEWER_VERSION = "NewerVersion"  # the status was written by a newer operator
    REPLICAS_TOO_FEW_FOR_WEIGHT = "ReplicasTooFewForWeight"
    SECRET_NOT_REVERTIBLE = "SecretNotRevertible"  # noqa: S105  a reason, not a secret
    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"
    HEALTHY = "Healthy"

    # information: the phase of a rollout
    PENDING = "Pending"
    BUILDING = "Building"
    STARTING = "Starting"
    SHIFTING = "Shifting"
    PAUSED = "Paused"
    PROMOTING = "Promoting"
    ROLLING_BACK = "RollingBack"

    # information: the outcome of a RolloutDecision
    DECISION_TAKEN = "DecisionTaken"
    DECISION_REFUSED = "DecisionRefused"


TRANSIENT: Final = frozenset(
    {
        Reason.SOURCE_NOT_FOUND,
        Reason.SOURCE_FORBIDDEN,
        Reason.SOURCE_UNAVAILABLE,
        Reason.REGISTRY_UNAUTHORIZED,
        Reason.REGISTRY_UNAVAILABLE,
        Reason.QUOTA_EXCEEDED,
        Reason.UNSCHEDULABLE,
        Reason.IMAGE_PULL_FAILED,
        Reason.CONTAINER_CONFIG_ERROR,
        Reason.RUNTIME_MISMATCH,
        Reason.SCALING_METRIC_UNAVAILABLE,
        Reason.BUILD_EVICTED,
        Reason.NAMESPACE_TERMINATING,
        Reason.API_FORBIDDEN,
        Reason.API_UNAUTHORIZED,
        Reason.API_TOO_MANY_REQUESTS,
        Reason.API_UNAVAILABLE,
        Reason.API_REFUSED,
    }
)
TERMINAL: Final = frozenset(
    {
        Reason.SOURCE_DIGEST_MISMATCH,
        Reason.MODEL_FORMAT_UNKNOWN,
        Reason.MODEL_PICKLE_REFUSED,
        Reason.MODEL_LOAD_FAILED,
        Reason.MODEL_EXAMPLE_FAILED,
        Reason.RUNTIME_UNKNOWN,
        Reason.BUILD_TIMEOUT,
        Reason.BUILD_OUT_OF_MEMORY,
        Reason.BUILD_FAILED,
        Reason.CRASH_LOOP,
        Reason.OUT_OF_MEMORY,
        Reason.POD_REJECTED,
        Reason.PROGRESS_DEADLINE_EXCEEDED,
        Reason.CANARY_RESTARTED,
        Reason.CHECK_FAILED,
        Reason.NO_DATA_DEADLINE,
        Reason.ABORTED,
    }
)
SPEC: Final = frozenset({Reason.INVALID_SPEC, Reason.NAME_CONFLICT})


def needs_new_spec(reason: str) -> bool:
    """Return whether only a new spec, or a person, resolves `reason`; false for a text that is not a reason."""
    return reason in SPEC


def class_of(reason: Reason) -> ReasonClass:
    """Return the class of `reason`."""
    if reason in TRANSIENT:
        return ReasonClass.TRANSIENT
    if reason in TERMINAL:
        return ReasonClass.TERMINAL
    if reason in SPEC:
        return ReasonClass.SPEC
    return ReasonClass.INFORMATION
