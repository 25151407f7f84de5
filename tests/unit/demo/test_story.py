"""What the story says of its users is what they got."""

from __future__ import annotations

from tests.demo import story


def test_nothing_is_noticed_only_where_nothing_failed() -> None:
    assert story.noticed(0) == "Users have noticed nothing"
    assert story.noticed(3) == "3 requests of users have failed"
