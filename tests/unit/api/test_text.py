"""Plurals and verbs agree with the count."""

from __future__ import annotations

import pytest

from seatrial.api.text import is_or_are, pluralize


@pytest.mark.parametrize(("count", "text"), [(0, "0 pods"), (1, "1 pod"), (2, "2 pods"), (21, "21 pods")])
def test_a_noun_is_pluralized_unless_the_count_is_one(count: int, text: str) -> None:
    assert pluralize(count, "pod") == text


@pytest.mark.parametrize(
    ("count", "of", "verb"),
    [
        pytest.param(0, 1, "is", id="none of one pod is"),
        pytest.param(1, 1, "is", id="one of one pod is"),
        pytest.param(1, 3, "is", id="one of three pods is"),
        pytest.param(0, 3, "are", id="none of three pods are"),
        pytest.param(2, 3, "are", id="two of three pods are"),
    ],
)
def test_the_verb_agrees_with_the_count(count: int, of: int, verb: str) -> None:
    assert is_or_are(count, of) == verb
