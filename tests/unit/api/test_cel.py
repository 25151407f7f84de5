"""Patterns have the same meaning in Python and in CEL."""

import pytest

from seatrial.api import cel


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        pytest.param(r"^a+$", "aa", True, id="the whole text"),
        pytest.param(r"^a+$", "aa\n", False, id="$ is not before a final newline"),
        pytest.param(r"^a", "ab", True, id="a prefix"),
        pytest.param(r"^\d$", "٥", False, id="digits are ASCII"),
    ],
)
def test_patterns_match_as_in_re2(pattern: str, text: str, expected: bool) -> None:
    assert cel.matches(pattern, text) is expected


def test_a_cel_literal_escapes_backslashes_and_quotes() -> None:
    assert cel.literal(r"^\s'$") == r"'^\\s\'$'"
