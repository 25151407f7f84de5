"""The demo reports failed requests."""

from __future__ import annotations

from tests.demo import story


def test_the_demo_reports_how_many_requests_have_failed() -> None:
    assert story.failed_requests(0) == "No request has failed"
    assert story.failed_requests(3) == "3 requests have failed"
