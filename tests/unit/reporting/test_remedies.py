"""A remedy is named where it can help, and only there."""

from __future__ import annotations

import pytest

from seatrial.api.reasons import TERMINAL, Reason
from seatrial.reporting import remedies

MISTAKES = (
    Reason.MODEL_FORMAT_UNKNOWN,
    Reason.MODEL_PICKLE_REFUSED,
    Reason.MODEL_LOAD_FAILED,
    Reason.SOURCE_DIGEST_MISMATCH,
    Reason.RUNTIME_UNKNOWN,
    Reason.OUT_OF_MEMORY,
)


def test_every_reason_of_a_rejection_has_a_remedy() -> None:
    assert set(remedies.BY_REASON) >= TERMINAL


@pytest.mark.parametrize("reason", MISTAKES)
def test_a_retry_is_not_named_where_it_would_fail_again(reason: Reason) -> None:
    assert "Retry" not in remedies.remedy(reason)
    assert "apply a changed spec" in remedies.remedy(reason)


@pytest.mark.parametrize("reason", [Reason.ABORTED, Reason.CRASH_LOOP, "ReasonOfALaterVersion"])
def test_a_retry_is_named_where_it_may_succeed(reason: str) -> None:
    assert "Retry" in remedies.remedy(reason)
