"""Which rejected revision a Retry is about: the one that status.rollout.targetRevision names."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.api import status as api
from seatrial.api.rollout_decision import Action
from seatrial.cli.decision_target import DecisionTarget, decision_target
from seatrial.cli.errors import CommandError

REJECTED = [{"revision": "cccccccccc", "attempt": 1}, {"revision": "bbbbbbbbbb", "attempt": 3}]
NEWEST = DecisionTarget(revision="cccccccccc", attempt=1)
OLDER = DecisionTarget(revision="bbbbbbbbbb", attempt=3)


def retry_target(**rollout: Any) -> DecisionTarget:
    """Return the target of a Retry, after two revisions were rejected."""
    status = {"phase": "Rejected", "rollout": {"revision": "cccccccccc", **rollout}, "rejected": REJECTED}
    return decision_target(Action.RETRY, api.parse_status(status), paused=False)


def test_a_retry_is_about_the_revision_that_the_spec_asks_for() -> None:
    assert retry_target(phase="Rejected", targetRevision="bbbbbbbbbb") == OLDER
    assert retry_target(phase="Rejected", targetRevision="cccccccccc") == NEWEST


def test_a_retry_is_rejected_if_the_spec_asks_for_a_revision_that_is_not_rejected() -> None:
    with pytest.raises(CommandError, match="rejected revisions: cccccccccc, bbbbbbbbbb"):
        retry_target(phase="Rejected", targetRevision="aaaaaaaaaa")


def test_the_status_of_an_older_operator_gives_the_newest_rejection() -> None:
    assert retry_target(phase="Rejected") == NEWEST


def test_the_status_of_an_older_operator_gives_no_rejection_if_the_rollout_is_not_rejected() -> None:
    with pytest.raises(CommandError, match="the spec asks for is not rejected"):
        retry_target(phase="Stable")
