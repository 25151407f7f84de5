"""What a person can do about a rejection, by its reason: only what can help is named."""

from __future__ import annotations

from typing import Final

from seatrial.api.reasons import Reason

CHANGE: Final = "apply a changed spec"
UPLOAD: Final = f"{CHANGE}, or upload the model again and change spec.build.refresh"
RETRY_ALONE: Final = "create a RolloutDecision with action Retry"
RETRY: Final = f"{CHANGE}, or {RETRY_ALONE}"

BY_REASON: Final = {
    Reason.SOURCE_DIGEST_MISMATCH: CHANGE,
    Reason.MODEL_FORMAT_UNKNOWN: CHANGE,
    Reason.MODEL_PICKLE_REFUSED: CHANGE,
    Reason.RUNTIME_UNKNOWN: CHANGE,
    Reason.MODEL_LOAD_FAILED: UPLOAD,
    Reason.MODEL_EXAMPLE_FAILED: UPLOAD,
    Reason.BUILD_OUT_OF_MEMORY: CHANGE,
    Reason.OUT_OF_MEMORY: CHANGE,
    Reason.BUILD_TIMEOUT: CHANGE,
    Reason.BUILD_FAILED: RETRY,
    Reason.CRASH_LOOP: RETRY,
    Reason.POD_REJECTED: RETRY,
    Reason.PROGRESS_DEADLINE_EXCEEDED: RETRY,
    Reason.CANARY_RESTARTED: RETRY,
    Reason.CHECK_FAILED: RETRY,
    Reason.NO_DATA_DEADLINE: f"send it more requests and {RETRY_ALONE}, or {CHANGE}",
    Reason.ABORTED: RETRY,
    Reason.ROLLED_BACK: RETRY,
}
"""Retry is for what may be different next time: the cluster, what the pods depend on, or a person's mind."""


def remedy(reason: str) -> str:
    """Return what a person can do about a rejection for `reason`."""
    return next((text for known, text in BY_REASON.items() if known == reason), RETRY)
